import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Access } from '../../src/access/access.ts';
import { addKey, keyFileOf, readKeys, revokeKey } from '../../src/access/key-file.ts';
import { KeyRing } from '../../src/access/key-ring.ts';
import { findKey, makeKey } from '../../src/access/key.ts';
import { checkExposure, exposureLine } from '../../src/cli/exposure.ts';
import { createKey } from '../../src/cli/keys.ts';
import { loadConfig } from '../../src/config.ts';
import type { MixgateError } from '../../src/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const WORKER_KEY = 'the worker key of this gateway';
const folder = temporaryFolder();
const file = () => keyFileOf(folder());
const ada = { name: 'ada', role: 'USER', expiresAt: null } as const;

function accessOf(now = () => NOW) {
  const problems: (MixgateError | null)[] = [];
  const access = new Access({
    ...{ keys: new KeyRing(file()), tokens: null, workerKey: WORKER_KEY, now },
    onProblem: (problem) => void problems.push(problem),
  });
  return { access, problems };
}

const reasonOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    ({ code, data }: MixgateError) => ({ code, reason: data['reason'] }),
  );
const refused = (reason: string) => ({ code: 'UNAUTHENTICATED', reason });

describe('a key', () => {
  it('is found by itself alone', () => {
    const { text, key } = makeKey(ada, NOW);
    const other = makeKey(ada, NOW);
    expect(findKey(text, [other.key, key], NOW)).toBe(key);
    const [, id, secret] = text.split(/_(.+?)_/) as [string, string, string];
    const wrong = [
      other.text,
      text.slice(0, -1),
      `${text}A`,
      `mgk_${id}_${other.text.slice(-43)}`,
      `mgk_${id}_${secret.toUpperCase()}`,
      `mgk_${'0'.repeat(16)}_${secret}`,
      'mgk_',
      '',
    ];
    for (const each of wrong) expect(() => findKey(each, [key], NOW), each).toThrow(/is not known here/);
  });

  it('counts until it expires, and tells so only to whoever has it', () => {
    const expiresAt = new Date(NOW + 1000);
    const { text, key } = makeKey({ ...ada, expiresAt }, NOW);
    expect(findKey(text, [key], NOW + 999)).toBe(key);
    expect(() => findKey(text, [key], NOW + 1000)).toThrow(/expired at 2026-11-25T12:00:01/);
    expect(() => findKey(`${text.slice(0, -4)}abcd`, [key], NOW + 1000)).toThrow(/is not known here/);
  });
});

describe('keys.json', () => {
  it('keeps hashes, for its owner alone', async () => {
    const { text } = await addKey(file(), ada, NOW);
    const kept = readFileSync(file(), 'utf8');
    expect(kept).not.toContain(text.slice(-43));
    expect(kept).not.toContain(text);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(findKey(text, readKeys(file())!, NOW).name).toBe('ada');
  });

  it('loses no key when several are made at once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(names.map((name) => addKey(file(), { ...ada, name }, NOW)));
    expect(
      readKeys(file())!
        .map(({ name }) => name)
        .sort(),
    ).toEqual(names);
  });

  it('gives a name anew only when its key is revoked, and revokes by name or id', async () => {
    const first = await addKey(file(), ada, NOW);
    await expect(addKey(file(), ada, NOW)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect((await revokeKey(file(), 'ada', NOW)).id).toBe(first.key.id);
    const second = await addKey(file(), ada, NOW);
    expect((await revokeKey(file(), 'ada', NOW + 5)).id).toBe(second.key.id);
    // Once more changes nothing.
    const again = await revokeKey(file(), second.key.id, NOW + 10);
    expect(again.revokedAt).toBe(new Date(NOW + 5).toISOString());
    await expect(revokeKey(file(), 'bob', NOW)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"version":2,"keys":[]}'],
    ['a role that is none', '{"version":1,"keys":[{"role":"ROOT"}]}'],
    ['nothing', ''],
  ])('that holds %s is an error, for whoever writes too', async (_, content) => {
    writeFileSync(file(), content);
    expect(() => readKeys(file())).toThrow(/cannot be used: mend it/);
    await expect(addKey(file(), ada, NOW)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(readFileSync(file(), 'utf8')).toBe(content);
  });
});

describe('access', () => {
  it('is open while no key was ever made, and asks nobody', async () => {
    const { access } = accessOf();
    expect(access.isOpen).toBe(true);
    expect(await access.authenticate('whatever', 'address:1')).toMatchObject({
      ...{ id: 'address:1', role: 'ADMIN', sees: null, name: null },
    });
  });

  it('knows keys, the worker key, and nobody else', async () => {
    const { text, key } = await addKey(file(), ada, NOW);
    const { access } = accessOf();
    expect(access.isOpen).toBe(false);
    const id = `key:${key.id}`;
    expect(await access.authenticate(text, 'x')).toMatchObject({ id, role: 'USER', sees: id, name: 'ada' });
    expect(await access.authenticate(WORKER_KEY, 'x')).toMatchObject({ id: 'worker-key', role: 'WORKER' });
    expect(await access.authenticate(null, 'x')).toMatchObject({ id: 'x', role: null, sees: 'x' });
    for (const credential of ['mgk_nonsense', 'eyJhbGciOiJub25lIn0.e30.', 'x'.repeat(20_000), ''])
      expect(await reasonOf(access.authenticate(credential, 'x'))).toEqual(refused('UNKNOWN'));
  });

  it.each([
    ['the last key is revoked', () => revokeKey(file(), 'ada', NOW), 'REVOKED'],
    ['the file is gone', () => rmSync(file()), 'UNKNOWN'],
    ['the file is damaged', () => writeFileSync(file(), '{'), 'UNREADABLE'],
    ['the file is a folder', () => (rmSync(file()), mkdirSync(file())), 'UNREADABLE'],
  ] as const)('stays closed when %s', async (_, happens, reason) => {
    const { text } = await addKey(file(), ada, NOW);
    const { access, problems } = accessOf();
    await access.authenticate(text, 'x');
    await happens();
    access.start();
    try {
      expect(access.isOpen).toBe(false);
      expect(await reasonOf(access.authenticate(text, 'x'))).toEqual(refused(reason));
      expect(access.admitsWorker(text)).toBe(false);
      expect(problems.map((problem) => problem?.code)).toEqual(
        reason === 'UNREADABLE' ? ['INVALID_INPUT'] : [],
      );
    } finally {
      access.close();
    }
  });

  it('starts closed where keys.json has no key, or is damaged', () => {
    writeFileSync(file(), '{"version":1,"keys":[]}');
    expect(accessOf().access.isOpen).toBe(false);
    writeFileSync(file(), '{');
    const { access } = accessOf();
    expect(access.isOpen).toBe(false);
    expect(() => access.check()).toThrow(/cannot be used: mend it/);
  });

  it('lets browsers in by keys of WORKER and ADMIN', async () => {
    const admits: Record<string, boolean> = {};
    const { access } = accessOf();
    for (const role of ['VIEWER', 'USER', 'ADMIN', 'WORKER'] as const) {
      const { text } = await addKey(file(), { name: role, role, expiresAt: null }, NOW);
      access.start();
      access.close();
      admits[role] = access.admitsWorker(text);
    }
    expect(admits).toEqual({ VIEWER: false, USER: false, ADMIN: true, WORKER: true });
    expect(access.admitsWorker(WORKER_KEY)).toBe(true);
    expect(access.admitsWorker('')).toBe(false);
  });

  it('ends what a key has opened when that expires, however far away that is, and not before', async () => {
    const inSixtyDays = NOW + 60 * 86_400_000;
    const { text } = await addKey(file(), { ...ada, expiresAt: new Date(inSixtyDays) }, NOW);
    let now = NOW;
    const { access } = accessOf(() => now);
    const ends: string[] = [];
    const caller = await access.authenticate(text, 'x');
    const stop = access.watch(caller, ({ message }) => ends.push(message));
    access.start();
    expect(ends).toEqual([]);
    now = inSixtyDays;
    access.start();
    expect(ends).toEqual([expect.stringContaining('expired')]);
    access.start();
    expect(ends).toHaveLength(1);
    stop();
    access.close();
  });

  it('ends at an expiry though the timer comes a moment too early', async () => {
    const expires = NOW + 1000;
    const { text } = await addKey(file(), { ...ada, expiresAt: new Date(expires) }, NOW);
    let [looks, isLate] = [0, false];
    const { access } = accessOf(() => (!isLate ? NOW : ++looks <= 3 ? expires - 1 : expires));
    const caller = await access.authenticate(text, 'x');
    isLate = true;
    // It is looked at once for the timer and once at the beginning; the third look is the timer's own.
    const ended = new Promise<MixgateError>((resolve) => access.watch(caller, resolve));
    expect((await ended).data['reason']).toBe('EXPIRED');
    expect(looks).toBeGreaterThan(3);
  });

  it('does not begin to watch what has ended already', async () => {
    const { text } = await addKey(file(), ada, NOW);
    const { access } = accessOf();
    const caller = await access.authenticate(text, 'x');
    access.confirm(caller);
    await revokeKey(file(), 'ada', NOW);
    access.start();
    access.close();
    expect(() => access.confirm(caller)).toThrow(/was revoked/);
    const ends: string[] = [];
    access.watch(caller, ({ message }) => ends.push(message));
    expect(ends).toEqual([expect.stringContaining('was revoked')]);
  });

  it('ends what was open before there were keys', async () => {
    const { access } = accessOf();
    const ended = new Promise<MixgateError>((resolve) => {
      void access.authenticate(null, 'x').then((caller) => access.watch(caller, resolve));
    });
    access.start();
    await addKey(file(), ada, NOW);
    expect((await ended).data['reason']).toBe('MISSING');
    access.close();
  });
});

describe('mixgate keys', () => {
  it.each([
    ['a name twice', { name: 'ada', role: 'user' }, /there is a key ada already/],
    ['a role that is none', { name: 'x', role: 'root' }, /--role: must be viewer, user, admin, worker/],
    ['a time that is over', { name: 'x', role: 'user', expires: '2020-01-01' }, /is no time to come/],
    ['a time without a unit', { name: 'x', role: 'user', expires: '90' }, /is no time to come/],
    ['a name like an option', { name: '-x', role: 'user' }, /--name: must be/],
    ['a name of two lines', { name: 'x\ny', role: 'user' }, /--name: must be/],
  ])('%s is refused, and nothing made', async (_, options, message) => {
    await addKey(file(), ada, NOW);
    await expect(createKey({ ...options, dataDir: folder() })).rejects.toThrow(message);
    expect(readKeys(file())).toHaveLength(1);
  });
});

describe('where other machines reach it', () => {
  const at = (host: string, unsafeOpen = false) => loadConfig({ host, unsafeOpen, dataDir: folder() }, {});
  const stripped = async (host: string) =>
    stripVTControlCharacters(await exposureLine(at(host), accessOf().access));

  it.each(['0.0.0.0', '::', '192.168.1.7', '::ffff:10.0.0.1', 'host.invalid'])(
    'on %s it does not start without keys, unless forced',
    async (host) => {
      const { access } = accessOf();
      await expect(checkExposure(at(host), access)).rejects.toThrow(/mixgate keys create.*--unsafe-open/);
      await checkExposure(at(host, true), access);
      expect(await stripped(host)).toContain(`FORCED OPEN: whoever reaches ${host} may do everything`);
    },
  );

  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', 'localhost'])(
    'on %s it does',
    async (host) => {
      await checkExposure(at(host), accessOf().access);
      expect(await stripped(host)).toContain('open to whoever is on this machine');
    },
  );

  it('with keys.json it starts closed, also when no key is left in it, and forced', async () => {
    await addKey(file(), ada, NOW);
    await revokeKey(file(), 'ada', NOW);
    await checkExposure(at('0.0.0.0'), accessOf().access);
    expect(await stripped('0.0.0.0')).toContain('with a key or a token');
    expect(accessOf().access.isOpen).toBe(false);
  });

  it('with a damaged keys.json it does not start, wherever it listens', async () => {
    writeFileSync(file(), '{"version":1}');
    for (const host of ['127.0.0.1', '0.0.0.0'])
      await expect(checkExposure(at(host, true), accessOf().access)).rejects.toThrow(/mend it/);
  });
});
