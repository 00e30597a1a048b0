import { describe, expect, it } from 'vitest';
import { versions } from '../../src/cli/doctor-host.ts';
import packageJson from '../../package.json' with { type: 'json' };

describe("the doctor's look at Node", () => {
  const least = packageJson.engines.node.replace('>=', '');

  it.each(['v18.20.8', 'v20.18.3', 'v19.99.0'])('wants a newer one than %s', (node) => {
    const { level, advice } = versions('1.0.0', node);
    expect(level).toBe('BROKEN');
    expect(advice).toContain(least);
  });

  it.each([`v${least}.0`, 'v20.20.2', 'v22.1.0', 'v24.0.0'])('is content with %s', (node) => {
    expect(versions('1.0.0', node)).toMatchObject({ level: 'OK', advice: null, facts: { node } });
  });
});
