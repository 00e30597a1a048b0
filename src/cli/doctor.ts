import pc from 'picocolors';
import type { Config, ConfigSource } from '../config.ts';
import { asMixgateError } from '../errors.ts';
import { loadModel } from '../generation/load-model.ts';
import { loadRequestSchema, parseRequest } from '../generation/request.ts';
import { predictionErrorBytes } from '../generation/residency-loop.ts';
import type { Services } from '../resolvers/services.ts';
import type { DeviceFacts } from '../routing/device.ts';
import type { CommandEnvironment } from './environment.ts';
import { host, versions } from './doctor-host.ts';
import { ok, type Finding } from './finding.ts';
import { describePlan, gib, planNow } from './format.ts';
import { withGateway } from './gateway.ts';

export interface DoctorOptions extends ConfigSource {
  readonly load: boolean;
  readonly json?: boolean;
}

/** Larger models take too long to load for a look. */
const MAX_LOADED_BYTES = 200e6;

/** `mixgate doctor`: exit code 1 when something is broken. */
export async function examine({ load, json, ...flags }: DoctorOptions, environment: CommandEnvironment) {
  await withGateway(flags, environment, async (services, config) => {
    const findings: Finding[] = [];
    const tell = (found: readonly Finding[]) => {
      findings.push(...found);
      if (json !== true) process.stdout.write(found.map(line).join(''));
    };
    tell([versions(services.version)]);
    tell(backends(services));
    tell(devices(services, config));
    tell([margins(config)]);
    tell(await host(services, config));
    for (const { id } of services.catalog.models()) tell([await planned(id, services)]);
    if (services.catalog.models().length === 0) tell([NO_MODELS]);
    if (load)
      for (const device of services.machine.devices()) tell([await tryLoad(device, services, config)]);
    const isBroken = findings.some(({ level }) => level === 'BROKEN');
    if (json === true) process.stdout.write(`${JSON.stringify({ healthy: !isBroken, findings })}\n`);
    if (isBroken) process.exitCode = 1;
  });
}

const MARKS = { OK: pc.green('✓'), WARNING: pc.yellow('!'), BROKEN: pc.red('✗') };

const line = ({ level, text, advice }: Finding): string =>
  `${MARKS[level]} ${text}\n${advice === null ? '' : `  → ${advice}\n`}`;

const NO_MODELS: Finding = {
  level: 'WARNING',
  about: 'MODEL',
  text: 'No models found.',
  advice: 'Add a folder with GGUF files: --models-dir.',
  facts: {},
};

function backends({ machine }: Services): Finding[] {
  return machine.backends.map(({ id }) => {
    const { version, available, unavailableReason } = machine.status(id);
    const facts = { backend: id, version, available };
    if (available) return ok('BACKEND', `Backend ${id}${version === null ? '' : ` ${version}`}`, facts);
    const advice = unavailableReason ?? 'Start with --log-level debug to see why.';
    return { level: 'BROKEN', about: 'BACKEND', text: `Backend ${id} is unavailable.`, advice, facts };
  });
}

function devices({ machine }: Services, config: Config): Finding[] {
  const found = machine.devices();
  const hasGpu = found.some(({ kind }) => kind !== 'CPU');
  const listed = found.map((device) => deviceFinding(device, config));
  if (hasGpu || found.length === 0) return listed;
  const isOff = config.gpu === 'off';
  const noGpu: Finding = {
    level: 'WARNING',
    about: 'DEVICE',
    text: isOff ? 'No GPU: --gpu off.' : 'No GPU was found: models run on the CPU.',
    advice: isOff
      ? 'Leave --gpu out to use one.'
      : 'If there is one, install its driver; `nvidia-smi` or `vulkaninfo` must list it. --log-level debug shows what llama.cpp says.',
    facts: { gpu: config.gpu },
  };
  return [...listed, noGpu];
}

function deviceFinding({ observations: _, ...device }: DeviceFacts, config: Config): Finding {
  const { id, kind, name, memoryFreeBytes, memoryTotalBytes, memorySource, memoryBandwidth } = device;
  const bandwidth =
    memoryBandwidth === null ? 'bandwidth unknown' : `${(memoryBandwidth / 1e9).toFixed(0)} GB/s`;
  const memory = `${gib(memoryFreeBytes)} free of ${gib(memoryTotalBytes)} (${memorySource.toLowerCase()})`;
  const text = `${kind} ${name} as ${id}: ${memory}, ${bandwidth}`;
  const margin = kind === 'CPU' ? config.hostMargin : config.deviceMargin;
  if (memoryFreeBytes > margin) return ok('DEVICE', text, device);
  const advice = `All that is free is kept as margin: free memory, or lower ${kind === 'CPU' ? '--host-margin' : '--device-margin'}.`;
  return { level: 'WARNING', about: 'DEVICE', text, advice, facts: device };
}

const margins = ({ deviceMargin, hostMargin }: Config): Finding =>
  ok('MARGINS', `Margins: ${gib(deviceMargin)} of each GPU, ${gib(hostMargin)} of host memory`, {
    deviceMargin,
    hostMargin,
  });

async function planned(model: string, { planner }: Services): Promise<Finding> {
  try {
    const plan = await planNow(model, planner);
    const text = `${model}: ${describePlan(plan)}. ${plan.reasons.join(' ')}`;
    return ok('MODEL', text, { model, plan });
  } catch (error) {
    const { code, message: advice } = asMixgateError(error);
    const text = `${model} cannot run now: ${code}.`;
    return { level: 'WARNING', about: 'MODEL', text, advice, facts: { model, code } };
  }
}

/** Loads a small model on one device, compares what it took with its plan, and unloads it. */
async function tryLoad(device: DeviceFacts, services: Services, config: Config): Promise<Finding> {
  const isSmall = ({ sizeBytes }: { sizeBytes: number }) => sizeBytes <= MAX_LOADED_BYTES;
  const model = services.catalog.models().find(({ variants }) => variants.every(isSmall));
  const about = 'LOAD';
  if (model === undefined) {
    const text = `Nothing was loaded on ${device.id}: no model is as small as ${gib(MAX_LOADED_BYTES)}.`;
    return { level: 'WARNING', about, text, advice: 'Keep the embedded demo model in place.', facts: {} };
  }
  try {
    return await loadAndCompare(model.id, device, services, config);
  } catch (error) {
    const { code, message: advice } = asMixgateError(error);
    const text = `${model.id} could not be loaded on ${device.id}: ${code}.`;
    const level = code === 'NO_PLAN_FITS' ? 'WARNING' : 'BROKEN';
    return { level, about, text, advice, facts: { model: model.id, device: device.id, code } };
  }
}

async function loadAndCompare(
  model: string,
  { id: device, kind }: DeviceFacts,
  services: Services,
  { deviceMargin, hostMargin }: Config,
): Promise<Finding> {
  const view = await loadModel(parseRequest(loadRequestSchema, { model, device }), 'terminal', services);
  await services.residency.unload(view.id);
  const { plan, verifiedBytes, measuredBytes, loadMs } = view;
  const plannedBytes = plan.memory.deviceTotalBytes;
  const errorBytes = predictionErrorBytes(view);
  const realBytes = measuredBytes ?? verifiedBytes;
  const error =
    errorBytes === null || realBytes === null
      ? 'error unknown'
      : `error ${signed(errorBytes / 2 ** 20)} MiB (${signed((100 * errorBytes) / Math.max(1, realBytes))} %)`;
  const text =
    `${model} ${plan.quantization} loaded on ${device} in ${loadMs.toFixed(0)} ms: planned ${gib(plannedBytes)}, ` +
    `verified ${orUnknown(verifiedBytes)}, measured ${orUnknown(measuredBytes)}, ${error}`;
  const bytes = { plannedBytes, verifiedBytes, measuredBytes, errorBytes };
  const facts = { model, quantization: plan.quantization, device, loadMs, ...bytes };
  const margin = kind === 'CPU' ? hostMargin : deviceMargin;
  if (errorBytes === null || -errorBytes <= margin) return ok('LOAD', text, facts);
  const advice = `It took more than its plan and the margin: raise ${kind === 'CPU' ? '--host-margin' : '--device-margin'}.`;
  return { level: 'WARNING', about: 'LOAD', text, advice, facts };
}

const orUnknown = (bytes: number | null): string => (bytes === null ? 'not' : gib(bytes));
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
