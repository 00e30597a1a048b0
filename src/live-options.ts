import type { Config } from './config.ts';

/**
 * What services take from the configuration, as getters: a service reads an option when it needs it, and so has its
 * newest value after the configuration was reread. Such an object must not be spread, which would copy the values.
 */

/** Of limits that 0 turns off. */
const orNone = (limit: number): number => (limit === 0 ? Infinity : limit);

/** Both together, in which what is live stays so. */
export const withLive = <Fixed extends object, Live extends object>(fixed: Fixed, live: Live): Fixed & Live =>
  Object.defineProperties({ ...fixed }, Object.getOwnPropertyDescriptors(live)) as Fixed & Live;

export const generationLimits = (config: Config) => ({
  get slotsWanted() {
    return config.slots;
  },
  get logPrompts() {
    return config.logPrompts;
  },
  get maxQueued() {
    return config.maxQueued;
  },
  get maxQueuedPerCaller() {
    return orNone(config.maxQueuedPerCaller);
  },
  get maxPromptBytes() {
    return orNone(config.maxPromptBytes);
  },
  get disconnectGraceMs() {
    return config.disconnectGraceMs;
  },
  keepEnded: keepEnded(config),
  deadlines: {
    get waitMs() {
      return config.maxWaitMs;
    },
    get runMs() {
      return config.maxRunMs;
    },
  },
});

export const browserLimits = (config: Config) => ({
  get leaseMs() {
    return config.workerLeaseMs;
  },
});

export const residentLimits = (config: Config) => ({
  /** Counted from the start on. */
  mostHeld: orNone(config.maxRunningPerCaller),
  get hostToleranceBytes() {
    return config.runnerMemoryTolerance;
  },
});

/** What has ended and stays in memory. */
export const keepEnded = (config: Config) => ({
  get count() {
    return config.keepGenerations;
  },
  get ms() {
    return config.keepGenerationsMs;
  },
  get bytes() {
    return config.keepGenerationsBytes;
  },
});

export const margins = (config: Config) => ({
  get deviceBytes() {
    return config.deviceMargin;
  },
  get hostBytes() {
    return config.hostMargin;
  },
});

const DAY_MS = 86_400_000;

export const historyRetention = (config: Config) => ({
  get ms() {
    return config.historyKeepDays === 0 ? null : config.historyKeepDays * DAY_MS;
  },
  get bytes() {
    return config.historyMaxBytes === 0 ? null : config.historyMaxBytes;
  },
});

export const pullLimits = (config: Config) => ({
  get schemes() {
    return config.pullSchemes;
  },
  get atOnce() {
    return config.pullsAtOnce;
  },
});

export const transferLimits = (config: Config) => ({
  get connections() {
    return config.pullConnections;
  },
  get segmentBytes() {
    return config.pullSegment;
  },
  get stallMs() {
    return config.pullStallMs;
  },
  get retryMs() {
    return config.pullRetryMs;
  },
});
