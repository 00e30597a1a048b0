import { RateLimit } from './rate-limit.ts';

/** What is counted by the minute. */
export interface RateLimits {
  /** Operations, by caller. */
  readonly requests: RateLimit;
  /** Of prompts and answers, by caller. */
  readonly tokens: RateLimit;
  /** Wrong credentials, by address; right ones are never held up. */
  readonly failedSignIns: RateLimit;
}

export interface RateOptions {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly failedSignInsPerMinute: number;
}

export const createRateLimits = (options: RateOptions): RateLimits => ({
  requests: new RateLimit({
    limit: 'requestsPerMinute',
    what: 'requests of one caller',
    perMinute: options.requestsPerMinute,
  }),
  tokens: new RateLimit({
    limit: 'tokensPerMinute',
    what: 'tokens of one caller',
    perMinute: options.tokensPerMinute,
  }),
  failedSignIns: new RateLimit({
    limit: 'failedSignInsPerMinute',
    what: 'wrong credentials from one address',
    perMinute: options.failedSignInsPerMinute,
  }),
});
