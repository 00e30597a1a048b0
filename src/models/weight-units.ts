import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { glob } from 'tinyglobby';
import { splitName } from './gguf-split.ts';

/** Files in a folder that make one variant, if they are sound. */
export interface WeightUnit {
  readonly format: 'GGUF' | 'MLC';
  /** The file, the first of a split one, or MLC's folder. */
  readonly path: string;
  /** In the order of their parts; of MLC, all files of the folder. */
  readonly files: readonly string[];
  /** Numbers of parts that are not there, the first few. */
  readonly missing: readonly number[];
}

/** Missing parts that are named. */
const MAX_MISSING = 10;

export const MLC_CONFIG = 'mlc-chat-config.json';

/** What a folder of MLC weights consists of; whatever else lies there is somebody's own. */
const MLC_FILE =
  /^(mlc-chat-config|mlc-model-manifest|tensor-cache|ndarray-cache|tokenizer|tokenizer_config|vocab|added_tokens|special_tokens_map)\.json$|^params_shard_\d+\.bin$|^tokenizer\.model$|^merges\.txt$|^[\w][\w.-]*\.wasm$/;

export const isMlcFile = (name: string): boolean => MLC_FILE.test(name);

/** Everything in a folder that looks like weights, hidden folders left out, links followed. @throws where it cannot be read */
export async function findUnits(directory: string): Promise<WeightUnit[]> {
  const folder = path.resolve(directory);
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
  const found = await glob(['**/*.gguf', `**/${MLC_CONFIG}`], {
    cwd: folder,
    absolute: true,
    onlyFiles: true,
    caseSensitiveMatch: false,
    followSymbolicLinks: true,
    expandDirectories: false,
  });
  const files = (await withoutRepeats(found.map((file) => path.normalize(file)))).sort();
  const isMlc = (file: string) => path.basename(file).toLowerCase() === MLC_CONFIG;
  const mlc = await Promise.all(files.filter(isMlc).map((file) => mlcUnit(path.dirname(file))));
  return [...ggufUnits(files.filter((file) => !isMlc(file))), ...mlc];
}

/** Of several ways to one file, through linked folders, the shortest. */
async function withoutRepeats(files: readonly string[]): Promise<string[]> {
  const shortest = new Map<string, string>();
  for (const file of files.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    // A linked file has a name of its own; only its folder may be reached twice.
    const folder = await realpath(path.dirname(file)).catch(() => path.dirname(file));
    const real = path.join(folder, path.basename(file));
    if (!shortest.has(real)) shortest.set(real, file);
  }
  return [...shortest.values()];
}

/** The parts of split files together, every other file by itself. */
export function ggufUnits(files: readonly string[]): WeightUnit[] {
  const units = new Map<string, { parts: number; found: Map<number, string> }>();
  for (const file of files) {
    const name = splitName(file);
    const key = name === null ? file : `${name.base}\0${name.parts}`;
    const unit = units.get(key) ?? { parts: name?.parts ?? 1, found: new Map<number, string>() };
    unit.found.set(name?.part ?? 1, file);
    units.set(key, unit);
  }
  return [...units.values()].map(({ parts, found }) => {
    const inOrder = [...found].sort(([a], [b]) => a - b).map(([, file]) => file);
    return { format: 'GGUF', path: inOrder[0]!, files: inOrder, missing: missingOf(parts, found) };
  });
}

/** The first few: names alone can claim any number of parts. */
function missingOf(parts: number, found: ReadonlyMap<number, string>): number[] {
  const missing: number[] = [];
  for (
    let number = 1;
    number <= parts && missing.length < Math.min(MAX_MISSING, parts - found.size);
    number++
  )
    if (!found.has(number)) missing.push(number);
  return missing;
}

export async function mlcUnit(folder: string): Promise<WeightUnit> {
  const files = await glob('*', { cwd: folder, absolute: true, onlyFiles: true, expandDirectories: false });
  return {
    format: 'MLC',
    path: path.normalize(folder),
    files: files
      .filter((file) => isMlcFile(path.basename(file)))
      .map((file) => path.normalize(file))
      .sort(),
    missing: [],
  };
}
