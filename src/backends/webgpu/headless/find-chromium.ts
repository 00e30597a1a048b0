import { accessSync, constants, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MixgateError } from '../../../errors.ts';

/** Looked for on PATH, in this order. */
const COMMANDS = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'microsoft-edge-stable',
];
const MAC_APPLICATIONS = ['Chromium', 'Google Chrome', 'Microsoft Edge'];
const WINDOWS_PROGRAMS = [
  'Chromium\\Application\\chrome.exe',
  'Google\\Chrome\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
];
const INSTALL: Partial<Record<NodeJS.Platform, string>> = {
  darwin: '`brew install --cask chromium`, or Google Chrome',
  win32: '`winget install Google.Chrome`, or Microsoft Edge',
};
const INSTALL_LINUX = '`apt-get install chromium`, or Google Chrome';

export interface SearchPlace {
  readonly platform: NodeJS.Platform;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * The path of a Chromium, or of a browser made of it.
 * @param given a path, or a command on PATH; null looks in the usual places
 * @throws BACKEND_UNAVAILABLE with what to install
 */
export function findChromium(
  given: string | null,
  place: SearchPlace = { platform: process.platform, environment: process.env },
): string {
  const candidates = given === null ? usualPlaces(place) : pathsOf(given, place);
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const install = INSTALL[place.platform] ?? INSTALL_LINUX;
  throw new MixgateError(
    'BACKEND_UNAVAILABLE',
    given === null
      ? `No Chromium was found: install one (${install}), or name it with --chromium or MIXGATE_CHROMIUM.`
      : `${given} is no Chromium that can be started: name another with --chromium or MIXGATE_CHROMIUM, or install one (${install}).`,
    { looked: candidates },
  );
}

function usualPlaces(place: SearchPlace): string[] {
  const onPath = COMMANDS.flatMap((command) => pathsOf(command, place));
  if (place.platform === 'darwin')
    return [
      ...onPath,
      ...['/Applications', path.join(os.homedir(), 'Applications')].flatMap((folder) =>
        MAC_APPLICATIONS.map((name) => `${folder}/${name}.app/Contents/MacOS/${name}`),
      ),
    ];
  if (place.platform === 'win32')
    return ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].flatMap((name) =>
      WINDOWS_PROGRAMS.map((program) => `${place.environment[name] ?? 'C:\\Program Files'}\\${program}`),
    );
  return onPath;
}

/** Of a command, where PATH would find it; of a path, itself. */
function pathsOf(command: string, { environment }: SearchPlace): string[] {
  if (/[\\/]/.test(command)) return [command];
  return (environment['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, command));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
