import type { Role } from '../sign-in/viewer.ts';

/** In the order of the navigation, with the least role to whom each is of use. */
export const PAGES = [
  { path: '/', name: 'playground', need: 'VIEWER' },
  { path: '/compare', name: 'compare', need: 'USER' },
  { path: '/history', name: 'history', need: 'USER' },
  { path: '/devices', name: 'devices', need: 'VIEWER' },
  { path: '/models', name: 'models', need: 'VIEWER' },
  // For the worker key, too, which is typed there.
  { path: '/lend', name: 'lend', need: 'WORKER' },
  { path: '/api', name: 'api', need: 'VIEWER' },
] as const satisfies readonly { readonly path: string; readonly name: string; readonly need: Role }[];

/** Also on the pages below it. */
export const isAt = (location: string, path: string): boolean =>
  location === path || (path !== '/' && location.startsWith(`${path}/`));

/** Null where there is none. */
export const pageAt = (location: string): (typeof PAGES)[number] | null =>
  PAGES.find(({ path }) => isAt(location, path)) ?? null;
