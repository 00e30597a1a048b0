import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: '/worker/',
  build: {
    outDir: '../../dist/worker',
    emptyOutDir: true,
    target: 'es2023',
    // Inlined files would be data: URLs, which the content policy refuses.
    assetsInlineLimit: 0,
  },
});
