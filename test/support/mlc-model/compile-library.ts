import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Not a literal: the package's own types declare AssemblyScript's `Array` and `String` for all of this project. */
const COMPILER: string = 'assemblyscript/asc';

/** As far as it is needed here. */
interface Compiler {
  main(
    options: readonly string[],
    files: {
      readonly stderr: object;
      readonly readFile: (name: string) => Promise<string | null>;
      readonly writeFile: (name: string, contents: Uint8Array | string) => void;
      readonly listFiles: () => readonly string[];
    },
  ): Promise<{ readonly error: Error | null }>;
  createMemoryStream(): { toString(): string };
}

const SOURCE = path.join(import.meta.dirname, 'library');

/** What the library is compiled with; its `options.ts` says what each does. */
export interface LibraryOptions {
  readonly pauseMs: number;
  readonly loseDeviceAt: number;
  readonly failAt: number;
  readonly metadata: object;
}

const compiled = new Map<string, Promise<Uint8Array>>();

/** The library as WebAssembly; takes a second or two, once for the same options. */
export function compileLibrary(options: LibraryOptions): Promise<Uint8Array> {
  const source = optionsSource(options);
  const found = compiled.get(source) ?? compile(source);
  compiled.set(source, found);
  return found;
}

const optionsSource = ({ pauseMs, loseDeviceAt, failAt, metadata }: LibraryOptions): string => `
export const PAUSE_MS: i32 = ${pauseMs};
export const LOSE_DEVICE_AT: i32 = ${loseDeviceAt};
export const FAIL_AT: i32 = ${failAt};
export const METADATA: string = ${JSON.stringify(JSON.stringify(metadata))};
`;

async function compile(options: string): Promise<Uint8Array> {
  const { default: asc } = (await import(COMPILER)) as { readonly default: Compiler };
  let library: Uint8Array | null = null;
  const stderr = asc.createMemoryStream();
  const { error } = await asc.main(
    [
      'index.ts',
      ...['--outFile', 'library.wasm', '--runtime', 'minimal', '--exportStart', '_initialize'],
      // tvmjs writes to addresses below 1024; and there is nothing here that could take an `abort`.
      ...['--memoryBase', '1024', '--use', 'abort='],
    ],
    {
      stderr,
      readFile: async (name) =>
        name === 'options.ts' ? options : readFile(path.join(SOURCE, name), 'utf8').catch(() => null),
      writeFile: (name, contents) => {
        if (name === 'library.wasm') library = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || library === null)
    throw new Error(`the library does not compile: ${stderr.toString()}`);
  return library;
}
