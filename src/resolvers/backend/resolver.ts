import { createHmac, randomBytes } from 'node:crypto';
import {
  Arg,
  Ctx,
  FieldResolver,
  ID,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { maySee } from '../../access/ownership.ts';
import type { Backend as BackendRuntime } from '../../backends/backend.ts';
import { abortFirst } from '../../generation/abort-first.ts';
import { deviceStatus } from '../../generation/device-status.ts';
import { loadModel } from '../../generation/load-model.ts';
import { loadRequestSchema, parseRequest } from '../../generation/request.ts';
import type { Generation as GenerationFacts } from '../../generation/generation.ts';
import { predictionErrorBytes, type ResidentView } from '../../generation/residency-loop.ts';
import type { KnownVariant } from '../../models/catalog.ts';
import type { CrashRecord } from '../../routing/crash-loops.ts';
import type { DeviceFacts } from '../../routing/device.ts';
import type { Plan as PlanFacts } from '../../routing/plan.ts';
import type { Waiter } from '../../routing/residency-state.ts';
import { Generation } from '../generation/types.ts';
import { Variant } from '../model/types.ts';
import { KvCacheType, Plan } from '../plan/types.ts';
import { Needs } from '../needs.ts';
import { DateTime, SafeInt } from '../scalars.ts';
import type { RequestContext, Services } from '../services.ts';
import { Backend, CrashLoop, Device, Lender, ResidentModel, WaitingRequest } from './types.ts';

type BackendView = Backend & { readonly devices: readonly DeviceFacts[] };

function backendView({ id, capabilities }: BackendRuntime, { machine }: Services): BackendView {
  const { version, ...status } = machine.status(id);
  return { id, ...status, version: version ?? '', formats: [...capabilities.formats] as Backend['formats'] };
}

@Resolver(() => Backend)
export class BackendResolver {
  @Needs('VIEWER')
  @Query(() => [Backend])
  async backends(@Ctx() services: Services): Promise<BackendView[]> {
    await services.machine.refresh();
    return services.machine.backends.map((backend) => backendView(backend, services));
  }

  @FieldResolver(() => [Device])
  devices(@Root() { devices }: BackendView): readonly DeviceFacts[] {
    return devices;
  }
}

@Resolver(() => Device)
export class DeviceResolver {
  @Needs('VIEWER')
  @Query(() => [Device], { description: 'The devices of all backends, with the memory that is free now.' })
  async devices(@Ctx() { machine }: Services): Promise<readonly DeviceFacts[]> {
    await machine.refresh();
    return machine.devices();
  }

  @Needs('VIEWER')
  @Subscription(() => [Device], {
    description: 'Devices with their memory, residents and queue, at once and then on every change.',
    subscribe: ({ context }: { context: RequestContext }) =>
      abortFirst((signal) => deviceStatus(context, signal)),
  })
  deviceStatus(@Root() devices: readonly DeviceFacts[]): readonly DeviceFacts[] {
    return devices;
  }

  @FieldResolver(() => Backend)
  backend(@Root() { backendId }: DeviceFacts, @Ctx() services: Services): BackendView {
    return backendView(
      services.machine.backends.find(({ id }) => id === backendId)!,
      services,
    );
  }

  @FieldResolver(() => [ResidentModel], { description: 'Models resident on this device now.' })
  resident(@Root() { id }: DeviceFacts, @Ctx() { residency }: Services): readonly ResidentView[] {
    return residency.residents().filter(({ plan }) => plan.shares.some(({ deviceId }) => deviceId === id));
  }

  @FieldResolver(() => [WaitingRequest], {
    description: 'What waits for this device, in the order it is served.',
  })
  waiting(@Root() { id }: DeviceFacts, @Ctx() { residency }: Services): readonly Waiter[] {
    return residency.waiting().filter(({ plan }) => plan.shares.some(({ deviceId }) => deviceId === id));
  }

  @FieldResolver(() => [CrashLoop], {
    description:
      'Variants that crash again and again on this device: asking for one fails at once until `retryAt`.',
  })
  crashLoops(@Root() { id }: DeviceFacts, @Ctx() { residency }: Services): readonly CrashRecord[] {
    return residency.crashLoops().filter(({ deviceId }) => deviceId.split('+').includes(id));
  }

  @FieldResolver(() => Lender, { nullable: true, description: 'Of a browser; null for everything else.' })
  lender(@Root() { lender = null }: DeviceFacts): Lender | null {
    if (lender === null) return null;
    const { awayUntil } = lender;
    return { ...lender, awayUntil: awayUntil === null ? null : new Date(awayUntil) };
  }
}

@Resolver(() => CrashLoop)
export class CrashLoopResolver {
  @FieldResolver(() => Variant)
  variant(@Root() { variantId }: CrashRecord, @Ctx() { catalog }: Services): KnownVariant {
    return catalog.known(variantId);
  }

  @FieldResolver(() => DateTime)
  retryAt(@Root() { until }: CrashRecord): Date {
    return new Date(until);
  }
}
/** The same for the same id as long as the gateway runs, and nothing of it. */
const pseudonyms = randomBytes(32);
const pseudonym = (id: string): string =>
  createHmac('sha256', pseudonyms).update(id).digest('hex').slice(0, 32);

@Resolver(() => WaitingRequest)
export class WaitingRequestResolver {
  @FieldResolver(() => Variant)
  variant(@Root() { plan }: Waiter, @Ctx() { catalog }: Services): KnownVariant {
    return catalog.known(plan.variantId);
  }

  @FieldResolver(() => ID, {
    description: "A generation's own; of what another caller waits for, one made up.",
  })
  id(@Root() waiter: Waiter, @Ctx() { caller }: RequestContext): string {
    return maySee(caller, waiter) ? waiter.id : pseudonym(waiter.id);
  }

  @FieldResolver(() => Generation, {
    nullable: true,
    description:
      "Null for loads and evaluations, for another caller's, and while a blind comparison is not voted on.",
  })
  generation(@Root() { id }: Waiter, @Ctx() { generations, caller }: RequestContext): GenerationFacts | null {
    const generation = generations.findInMemory(id, caller);
    return generation === null || generation.isConcealed ? null : generation;
  }

  @FieldResolver(() => Int)
  position(@Root() { position }: Waiter): number {
    return position ?? 0;
  }
}

@Resolver(() => ResidentModel)
export class ResidentModelResolver {
  @Needs('ADMIN')
  @Mutation(() => ResidentModel, {
    description: 'Load a variant before it is needed; returns when it is resident.',
  })
  loadModel(
    @Arg('model', () => ID) model: string,
    @Arg('quantization', () => String, { nullable: true }) quantization: string | null,
    @Arg('device', () => ID, { nullable: true }) device: string | null,
    @Arg('gpuLayers', () => Int, { nullable: true }) gpuLayers: number | null,
    @Arg('contextSize', () => Int, { nullable: true, defaultValue: 2048 }) contextSize: number | null,
    @Arg('slots', () => Int, { nullable: true, defaultValue: 1 }) slots: number | null,
    @Arg('kvCacheType', () => KvCacheType, { nullable: true }) kvCacheType: KvCacheType | null,
    @Arg('pinned', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Never evict it to make room; unloadModel still ends it.',
    })
    pinned: boolean | null,
    @Ctx() services: RequestContext,
  ): Promise<ResidentView> {
    const input = { model, quantization, device, gpuLayers, contextSize, slots, kvCacheType, pinned };
    return loadModel(parseRequest(loadRequestSchema, input), services.caller.id, services);
  }

  @Needs('ADMIN')
  @Mutation(() => Boolean, {
    description: 'Unload an idle resident and free its memory; true when it is gone.',
  })
  async unloadModel(@Arg('id', () => ID) id: string, @Ctx() { residency }: Services): Promise<boolean> {
    await residency.unload(id);
    return true;
  }

  @Needs('ADMIN')
  @Mutation(() => ResidentModel, {
    description: 'Pin a resident, so that it is never evicted to make room, or let it go again.',
  })
  pinModel(
    @Arg('id', () => ID) id: string,
    @Arg('pinned', () => Boolean, { nullable: true, defaultValue: true }) pinned: boolean | null,
    @Ctx() { residency }: Services,
  ): ResidentView {
    return residency.pin(id, pinned !== false);
  }

  @FieldResolver(() => Variant)
  variant(@Root() { plan }: ResidentView, @Ctx() { catalog }: Services): KnownVariant {
    return catalog.known(plan.variantId);
  }

  @FieldResolver(() => Plan)
  plan(@Root() { plan }: ResidentView): PlanFacts {
    return plan;
  }

  @FieldResolver(() => Int)
  slots(@Root() { plan }: ResidentView): number {
    return plan.slots;
  }

  @FieldResolver(() => SafeInt, {
    nullable: true,
    description:
      'Planned device memory less what was measured (or, where nothing can be measured, verified), bytes; above 0 the plan was careful. Null where neither is known.',
  })
  predictionErrorBytes(@Root() view: ResidentView): number | null {
    return predictionErrorBytes(view);
  }
}
