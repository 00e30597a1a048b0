import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findChromium } from '../../src/backends/webgpu/headless/find-chromium.ts';
import { chromiumLaunch, type HostFacts } from '../../src/backends/webgpu/headless/flags.ts';
import { lendingUrl } from '../../src/backends/webgpu/headless/headless.ts';
import { freshProfile, removeProfile } from '../../src/backends/webgpu/headless/profile.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

describe('how Chromium is started', () => {
  const bare: HostFacts = { platform: 'linux', hasGpu: false, hasNvidia: false, isRoot: false };
  const flags = (change: Partial<HostFacts>, origin?: string) =>
    chromiumLaunch('chromium', { ...bare, ...change }, origin ?? null).args.join(' ');

  it('computes in software only where there is no GPU', () => {
    expect(flags({})).toContain('--use-webgpu-adapter=swiftshader');
    for (const gpu of [{ hasGpu: true }, { hasGpu: true, platform: 'darwin' as const }])
      expect(flags(gpu)).not.toMatch(/swiftshader|disable-gpu-sandbox/);
  });

  it('takes Vulkan on Linux, and f16 on NVIDIA', () => {
    const vulkan = '--enable-unsafe-webgpu --enable-features=Vulkan --use-angle=vulkan';
    const f16 = '--enable-dawn-features=vulkan_enable_f16_on_nvidia';
    expect(flags({ hasGpu: true })).toContain(vulkan);
    expect(flags({ hasGpu: true })).not.toContain(f16);
    expect(flags({ hasGpu: true, hasNvidia: true })).toContain(`${vulkan} ${f16}`);
    for (const platform of ['darwin', 'win32'] as const)
      expect(flags({ hasGpu: true, platform })).toBe('--disable-quic');
  });

  it('keeps the sandbox, but for root', () => {
    expect(chromiumLaunch('chromium', bare).chromiumSandbox).toBe(true);
    expect(chromiumLaunch('chromium', { ...bare, isRoot: true }).chromiumSandbox).toBe(false);
  });

  it.each([
    ['http://192.168.1.5:4000', true],
    ['http://gpu-box:4000', true],
    ['https://gpu-box', false],
    ['http://127.0.0.1:4000', false],
    ['http://[::1]:4000', false],
    ['http://localhost:4000', false],
  ])('declares %s to be secure: %s', (origin, expected) => {
    expect(flags({}, origin).includes(`--unsafely-treat-insecure-origin-as-secure=${origin}`)).toBe(expected);
  });
});

describe('Chromium', () => {
  const program = (name: string): string => {
    const file = path.join(folder(), name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o755);
    return file;
  };
  const linux = () => ({ platform: 'linux' as const, environment: { PATH: `/nowhere:${folder()}` } });

  it('is the first of the known names on PATH', () => {
    const chrome = program('google-chrome');
    expect(findChromium(null, linux())).toBe(chrome);
    const chromium = program('chromium');
    expect(findChromium(null, linux())).toBe(chromium);
  });

  it('is the one that was named, by path or by command', () => {
    program('chromium');
    const mine = program('my-chromium');
    expect(findChromium(mine, linux())).toBe(mine);
    expect(findChromium('my-chromium', linux())).toBe(mine);
  });

  it('is looked for where Windows has it', () => {
    const place = { platform: 'win32' as const, environment: { 'ProgramFiles(x86)': folder() } };
    const looked = `${folder()}\\Microsoft\\Edge\\Application\\msedge.exe`;
    expect(() => findChromium(null, place)).toThrow(
      expect.objectContaining({
        data: { looked: expect.arrayContaining([looked]) as string[] },
        message: expect.stringContaining('winget install') as string,
      }),
    );
  });

  it.each([
    [null, /No Chromium was found: install one .*apt-get install chromium.*--chromium/],
    ['/nowhere/chromium', /\/nowhere\/chromium is no Chromium that can be started/],
    ['/tmp', /\/tmp is no Chromium/],
  ])('that is not there (%s) is an error that says what to do', (given, message) => {
    expect(() => findChromium(given, linux())).toThrow(
      expect.objectContaining({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});

describe('the page that lends', () => {
  const page = { gateway: 'http://127.0.0.1:4000/graphql', key: 'a&b c', name: null, memoryGib: null };

  it('is told everything in its hash', () => {
    expect(lendingUrl(page)).toBe('http://127.0.0.1:4000/worker/#key=a%26b%20c');
    const hash = new URL(lendingUrl({ ...page, name: 'x+y', memoryGib: 1.5 })).hash.slice(1);
    expect(Object.fromEntries(new URLSearchParams(hash))).toEqual({
      key: 'a&b c',
      name: 'x+y',
      memory: '1.5',
    });
  });

  it.each([
    ['http://0.0.0.0:4000/graphql', 'http://127.0.0.1:4000/worker/'],
    ['http://[::]:4000/graphql', 'http://[::1]:4000/worker/'],
    ['https://gpu-box/anything', 'https://gpu-box/worker/'],
  ])('of %s is under %s', (gateway, expected) => {
    expect(lendingUrl({ ...page, gateway }).split('#')[0]).toBe(expected);
  });
});

describe('a profile', () => {
  it('is fresh, and what killed processes left behind is gone', async () => {
    // No process has this id: Linux stops at 4194304.
    mkdirSync(path.join(folder(), 'mixgate-headless-999999999-abc/Default'), { recursive: true });
    mkdirSync(path.join(folder(), 'somebody-elses'));
    const first = await freshProfile(folder());
    const second = await freshProfile(folder());
    expect(first).not.toBe(second);
    expect(readdirSync(folder()).sort()).toEqual(
      [path.basename(first), path.basename(second), 'somebody-elses'].sort(),
    );
  });

  it('is gone when it is removed, whoever still writes into it', async () => {
    const profile = await freshProfile(folder());
    mkdirSync(path.join(profile, 'Default'));
    const writes = `import { writeFileSync } from 'node:fs';
      const end = Date.now() + 400;
      try {
        for (let i = 0; Date.now() < end; i += 1) writeFileSync(process.argv[1] + '/Default/' + i, '');
      } catch {} // It is gone for good.
      `;
    const writer = spawn(process.execPath, ['--input-type=module', '-e', writes, profile]);
    const ended = once(writer, 'exit');
    await expect.poll(() => readdirSync(path.join(profile, 'Default'))).not.toEqual([]);
    await Promise.all([removeProfile(profile), ended]);
    expect(readdirSync(folder())).toEqual([]);
  });
});
