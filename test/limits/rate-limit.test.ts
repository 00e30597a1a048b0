import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateLimit } from '../../src/limits/rate-limit.ts';

const limitOf = (perMinute: number, mostKeys = 100) =>
  new RateLimit({ limit: 'requestsPerMinute', what: 'requests', perMinute, mostKeys });
const refused = (retryAfterMs: number) => ({
  code: 'RATE_LIMITED',
  retryable: true,
  data: { limit: 'requestsPerMinute', requestsPerMinute: 3, retryAfterMs },
});

describe('a rate limit', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('lets as many through as a minute has, by key, and says when the next one begins', async () => {
    const limit = limitOf(3);
    await limit.take('a');
    vi.advanceTimersByTime(20_000);
    await limit.take('a');
    await limit.take('a');
    await expect(limit.take('a')).rejects.toMatchObject(refused(40_000));
    await limit.take('b');
    vi.advanceTimersByTime(39_999);
    await expect(limit.take('a')).rejects.toMatchObject(refused(1));
    vi.advanceTimersByTime(1);
    await limit.take('a');
    expect(await limit.used('a')).toBe(1);
  });

  it('counts what has happened though nothing was left, and refuses only what is asked afterwards', async () => {
    const limit = limitOf(3);
    await limit.check('a');
    limit.spend('a', 2);
    await limit.check('a');
    limit.spend('a', 50);
    expect(await limit.used('a')).toBe(52);
    await expect(limit.check('a')).rejects.toMatchObject(refused(60_000));
    vi.advanceTimersByTime(60_000);
    await limit.check('a');
    expect(await limit.used('a')).toBe(0);
  });

  it('is none at 0', async () => {
    const limit = limitOf(0);
    for (let count = 0; count < 100; count++) await limit.take('a');
    limit.spend('a', 1e9);
    await limit.check('a');
    expect(await limit.used('a')).toBe(0);
  });

  it('counts together who comes when very many have come, and apart who came before', async () => {
    const limit = limitOf(3, 20);
    for (let name = 0; name < 20; name++) await limit.take(`caller ${name}`);
    for (let name = 0; name < 3; name++) await limit.take(`late ${name}`);
    await expect(limit.take('late 3')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(limit.check('late 4')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await limit.take('caller 19');
    vi.advanceTimersByTime(60_000);
    await limit.take('late 3');
    expect(await limit.used('late 3')).toBe(1);
  });
});
