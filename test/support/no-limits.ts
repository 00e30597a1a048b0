/** A gateway's limits, none of which is ever reached. */
export const NO_LIMITS = {
  ...{ maxQueued: Infinity, maxQueuedPerCaller: Infinity, maxPromptBytes: Infinity },
  onTokens: () => undefined,
};
