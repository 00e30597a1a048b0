import { mkdtemp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { noBrowser, startBrowser } from '../../test/support/browser.ts';
import { startGateway } from '../../test/support/gateway.ts';
import { quantizationsOf } from '../reference-models/models.ts';
import { writeReferenceGguf } from '../reference-models/write-gguf.ts';
import { fillHistory } from './fill-history.ts';
import { VIEWS, type View } from './views.ts';

/**
 * `npm run screenshots`: the pictures of README and docs, by Chromium before a real gateway with the demo model. Seeds,
 * window and zone are fixed; names of devices, free memory, times and speeds are those of the machine it runs on.
 */
const FOLDER = path.resolve(import.meta.dirname, '../../docs/images');
const MAX_BYTES = 150_000;
const THEMES = ['light', 'dark'] as const;

if (noBrowser !== null) throw new Error(noBrowser);
const dataDir = await mkdtemp(path.join(os.tmpdir(), 'mixgate-screenshots-'));
const modelsDir = path.join(dataDir, 'reference-models');
await mkdir(modelsDir);
// What is planned for: true headers, in files without weights.
for (const quantization of quantizationsOf('mixtral-8x7b', 'today'))
  await writeReferenceGguf(
    path.join(modelsDir, `${quantization}.gguf`),
    'mixtral-8x7b',
    quantization,
    'today',
  );
const [gateway, browser] = await Promise.all([
  startGateway(['--data-dir', dataDir, '--models-dir', modelsDir]),
  startBrowser(),
]);
try {
  await mkdir(FOLDER, { recursive: true });
  await fillHistory(gateway);
  const { origin } = new URL(gateway.url);
  for (const view of VIEWS) for (const theme of THEMES) await take({ browser, origin, view, theme });
} finally {
  await browser.close();
  await gateway.stop();
  await rm(dataDir, { recursive: true });
}

interface Taking {
  readonly browser: Browser;
  readonly origin: string;
  readonly view: View;
  readonly theme: (typeof THEMES)[number];
}

async function take({ browser, origin, view, theme }: Taking): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 860 },
    deviceScaleFactor: 1.5,
    colorScheme: theme,
    locale: 'en-US',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(`${origin}${view.path}`);
  await view.prepare(page);
  await page.evaluate('scrollTo(0, 0)');
  await page.mouse.move(0, 0);
  const picture = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  await context.close();
  const file = path.join(FOLDER, `${view.name}-${theme}.png`);
  await writeFile(file, await sharp(picture).png({ palette: true, colours: 32, effort: 10 }).toBuffer());
  const { size } = await stat(file);
  process.stdout.write(`${path.relative(process.cwd(), file)} ${Math.round(size / 1000)} kB\n`);
  if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes, ${MAX_BYTES} are allowed: show less.`);
}
