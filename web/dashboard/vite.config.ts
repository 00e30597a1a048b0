import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2023',
    // Inlined files would be data: URLs, which the content policy refuses.
    assetsInlineLimit: 0,
    // The explorer's chunk, which nothing else waits for.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
});
