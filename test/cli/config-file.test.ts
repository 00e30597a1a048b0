import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const load = (content: string, environment: NodeJS.ProcessEnv = {}) => {
  const config = path.join(folder(), 'config.yaml');
  writeFileSync(config, content);
  return loadConfig({ config }, environment);
};

describe('options that a file groups', () => {
  it('are the camelCase ones', () => {
    const config = load('webgpu: { headless: true }\npull:\n  retryMs: 7\n  stall: { ms: 100 }\nslots: 2\n');
    expect(config).toMatchObject({ webgpuHeadless: true, pullRetryMs: 7, pullStallMs: 100, slots: 2 });
  });

  it('give way to the environment', () => {
    expect(load('webgpu: { headless: true }', { MIXGATE_WEBGPU_HEADLESS: 'false' }).webgpuHeadless).toBe(
      false,
    );
  });

  it.each([
    ['webgpu: { colour: blue }', 'webgpu.colour: there is no such option'],
    ['webgpu: {}', 'webgpu: there is no such option'],
    ['port: { number: 1 }', 'port.number: there is no such option'],
    ['webgpu: { headless: perhaps }', 'webgpu.headless: '],
    ['webgpu: { headless: true }\nwebgpuHeadless: false', 'as webgpu.headless and as webgpuHeadless'],
    ['chromium: []', 'chromium: '],
  ])('are refused by the name that they have there: %s', (content, problem) => {
    expect(() => load(content)).toThrow(problem);
  });
});

describe('a switch', () => {
  it.each([
    ['true', true],
    ['no', false],
    ['1', true],
  ])('given as %s', (text, expected) => {
    expect(loadConfig({}, { MIXGATE_WEBGPU_HEADLESS: text }).webgpuHeadless).toBe(expected);
  });

  it('that is only named means yes', () => {
    expect(loadConfig({ webgpuHeadless: true }, {}).webgpuHeadless).toBe(true);
    expect(loadConfig({}, {}).webgpuHeadless).toBe(false);
  });
});
