import { Arg, Ctx, ID, Int, Mutation, Resolver, Root, Subscription } from 'type-graphql';
import { abortFirst } from '../../generation/abort-first.ts';
import type { BrowserWorkers } from '../../generation/browser-workers.ts';
import { Needs } from '../needs.ts';
import { Json } from '../scalars.ts';
import type { RequestContext, Services } from '../services.ts';
import { WorkerCommands } from './types.ts';

interface Arguments {
  readonly key: string;
  readonly name: string | null;
  readonly device: unknown;
  readonly worker: string | null;
  readonly after: number | null;
}

@Resolver()
export class WorkerResolver {
  @Needs('ANYONE')
  @Subscription(() => WorkerCommands, {
    description:
      'For browsers that lend their GPU: register with a `device` frame and be told what to do; or come back as `worker`, with every command after the last one that is known.',
    subscribe: ({ args, context }: { args: Arguments; context: RequestContext }) => {
      const workers: BrowserWorkers = context.workers;
      const { secret, link } = workers.join(args);
      return abortFirst((signal) => workers.commands(secret, link, { after: args.after ?? 0, signal }));
    },
  })
  workerCommands(
    @Arg('key', () => String, {
      description: 'The worker key of the gateway, or an API key of the role WORKER or ADMIN.',
    })
    _key: string,
    @Arg('name', () => String, { nullable: true, description: 'What the person calls this browser.' })
    _name: string | null,
    @Arg('device', () => Json, { nullable: true, description: 'A `device` frame, to register.' })
    _device: unknown,
    @Arg('worker', () => ID, { nullable: true, description: 'To come back.' }) _worker: string | null,
    @Arg('after', () => Int, { nullable: true, defaultValue: 0 }) _after: number | null,
    @Root() commands: WorkerCommands,
  ): WorkerCommands {
    return commands;
  }

  @Needs('ANYONE')
  @Mutation(() => Int, {
    description:
      'For browsers that lend their GPU: reports, the first of which has the number `first`. Returns how many the gateway has counted: what it has not is sent again. An empty list is a heartbeat.',
  })
  workerReports(
    @Arg('key', () => String) key: string,
    @Arg('worker', () => ID) worker: string,
    @Arg('first', () => Int) first: number,
    @Arg('reports', () => Json) reports: unknown,
    @Arg('seen', () => Int, { description: 'Number of the last command that has arrived.' }) seen: number,
    @Arg('leaving', () => Boolean, { nullable: true, defaultValue: false }) leaving: boolean | null,
    @Ctx() { workers }: Services,
  ): number {
    return workers.receive({ key, worker, first, reports, seen, isLeaving: leaving === true });
  }
}
