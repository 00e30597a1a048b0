import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CONFIG_KEYS, environmentName } from '../../src/config.ts';
import { lacking } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const exec = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');

describe.each(['Containerfile', 'compose.yaml', 'mixgate.service'])('deploy/%s', (name) => {
  it('sets options that there are', () => {
    const known = new Set(CONFIG_KEYS.map(environmentName));
    const named = read(`deploy/${name}`).match(/MIXGATE_[A-Z_]+(?=[:=])/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((option) => !known.has(option))).toEqual([]);
  });
});

describe('deploy/Containerfile', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  const copied = [...read('deploy/Containerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, names]) => names!.split(' '),
  );

  it('is given all that it copies and the build needs', () => {
    const needed = [...copied, 'src', 'web', 'tsconfig.json', 'tsconfig.build.json'];
    expect(needed.filter((name) => name !== '.' && !allowed.includes(name))).toEqual([]);
    expect(allowed.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
  });

  it('has the stages that deploy/compose.yaml builds', () => {
    const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
      services: Record<string, { build?: { dockerfile: string; target: string } }>;
    };
    const builds = Object.values(services).flatMap(({ build }) => build ?? []);
    expect(builds.map(({ target }) => target)).toEqual(['cpu', 'cuda']);
    for (const { dockerfile, target } of builds)
      expect(read(dockerfile)).toMatch(new RegExp(`^FROM \\S+ AS ${target}$`, 'm'));
  });
});

const lack = lacking('systemd-analyze');
describe.skipIf(lack !== '')(`deploy/mixgate.service${lack}`, () => {
  const folder = temporaryFolder();
  const installed = '/opt/mixgate/node_modules/.bin/mixgate';
  const write = (): string => {
    const unit = read('deploy/mixgate.service');
    expect(unit).toContain(`ExecStart=${installed} serve`);
    const file = path.join(folder(), 'mixgate.service');
    writeFileSync(file, unit.replace(installed, process.execPath));
    return file;
  };

  it('is a unit that systemd understands, every line of it', async () => {
    const { stderr } = await exec('systemd-analyze', ['verify', '--man=no', write()]);
    expect(stderr).toBe('');
  });

  it('keeps from it what it does not need, by the measure of systemd', async () => {
    // Of 100; a unit without any of it has 96. Fails above.
    await exec('systemd-analyze', ['security', '--offline=yes', '--threshold=25', write()]);
  });
});
