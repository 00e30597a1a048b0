import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { defineConfig } from 'vite';

const webLlm = path.resolve(createRequire(import.meta.url).resolve('@mlc-ai/web-llm'), '../../package.json');
const { version } = JSON.parse(readFileSync(webLlm, 'utf8')) as { version: string };

export default defineConfig({
  root: import.meta.dirname,
  base: '/worker/',
  define: { WEB_LLM_VERSION: JSON.stringify(version) },
  worker: { format: 'es' },
  build: {
    outDir: '../../dist/worker',
    emptyOutDir: true,
    target: 'es2023',
    // Inlined files would be data: URLs, which the content policy refuses.
    assetsInlineLimit: 0,
  },
});
