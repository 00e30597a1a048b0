import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryInterface, MlcNeeds } from '../routing/weights.ts';

/** `…/web-llm-models/v0_2_86/base/X.wasm` → `v0_2_86/base`. */
const VERSION = /\/web-llm-models\/(.+)\/[^/]+\.wasm$/;
const MIB = 2 ** 20;
/** Published ones have 3 to 10 MB. */
const MAX_LIBRARY_BYTES = 256 * MIB;

/** As far as it is needed here; the package's own types only resolve in a bundler. */
interface WebLlm {
  readonly modelVersion: string;
  readonly prebuiltAppConfig: {
    readonly model_list: readonly ModelRecord[];
  };
}

interface ModelRecord {
  readonly model_id: string;
  readonly model_lib: string;
  readonly overrides?: { readonly context_window_size?: number };
  readonly vram_required_MB?: number;
  readonly buffer_size_required_bytes?: number;
  readonly required_features?: readonly string[];
}

interface Engine {
  readonly interface: LibraryInterface;
  /** As web-llm's list names versions of libraries. */
  readonly versions: string;
  /** An import that tells it. */
  readonly marker: string;
  /** What it gives libraries beside WASI (web-llm's lib/index.js, `environment` and `wasmImports`). */
  readonly gives: ReadonlySet<string>;
  /** A function that libraries of the right age name; null where imports tell enough. */
  readonly needs: string | null;
}

const WASI = /^(args|clock|environ|fd|path|poll|proc|random|sched|sock)_/;
const COMMON = ['__cxa_thread_atexit', 'emscripten_notify_memory_growth', '__console_log'];

/** The engines of the worker page: web-llm 0.2.86, and 0.2.79 for the libraries made before TVM changed its calling convention. */
const ENGINES: readonly Engine[] = [
  {
    interface: 'FFI',
    versions: 'v0_2_86/base',
    marker: 'TVMFFIWasmSafeCall',
    gives: new Set([...COMMON, 'TVMFFIWasmSafeCall', 'TVMFFIWasmFunctionDeleter']),
    needs: null,
  },
  {
    interface: 'PACKED',
    versions: 'v0_2_48',
    marker: 'TVMWasmPackedCFunc',
    gives: new Set([
      ...COMMON,
      'TVMWasmPackedCFunc',
      'TVMWasmPackedCFuncFinalizer',
      '_ZN3tvm7runtime9threading15ResetThreadPoolEv',
      '_ZN3tvm7runtime9threading10NumThreadsEv',
    ]),
    needs: 'tvmjs.runtime.ArrayConcat',
  },
];

/** A model library beside the weights. */
export interface LibraryFile {
  readonly name: string;
  /** Null where it is no model library, or is somewhere else and was not looked at. */
  readonly interface: LibraryInterface | null;
  /** Why no engine can run it; null where one can, or where nobody has looked. */
  readonly problem: string | null;
}

export interface MlcFolder {
  readonly name: string;
  readonly quantization: string;
  /** Of its largest tensor, which a GPU must hold in one buffer. */
  readonly largestTensorBytes: number;
  readonly library: LibraryFile | null;
}

/**
 * What a browser needs for a folder of MLC weights: by the library beside the weights, else by the list of models that
 * web-llm comes with. Where f16 is in the quantization's name the GPU must have it, though the list often leaves it out.
 */
export async function mlcNeeds({
  name,
  quantization,
  largestTensorBytes,
  library,
}: MlcFolder): Promise<MlcNeeds> {
  const { prebuiltAppConfig, modelVersion } = await webLlm();
  const record = prebuiltAppConfig.model_list.find(({ model_id }) => model_id === name);
  const features = new Set(record?.required_features ?? []);
  if (/f16/.test(quantization)) features.add('shader-f16');
  const listed = record?.model_lib ?? null;
  const listedVersion = VERSION.exec(listed ?? '')?.[1] ?? null;
  return {
    library: library?.name ?? listed,
    libraryVersion: library === null ? listedVersion : null,
    libraryInterface: library === null ? (listed === null ? null : 'FFI') : library.interface,
    problem: library === null ? listProblem(name, listed, listedVersion === modelVersion) : library.problem,
    requiredFeatures: [...features],
    requiredBytes: record?.vram_required_MB === undefined ? null : Math.round(record.vram_required_MB * MIB),
    requiredContext: record?.overrides?.context_window_size ?? null,
    requiredBufferBytes: record?.buffer_size_required_bytes ?? largestTensorBytes,
  };
}

/** The best of the libraries in a folder: one that an engine can run, where there is one. */
export async function libraryAmong(files: readonly string[]): Promise<LibraryFile | null> {
  const found = await Promise.all(files.filter((file) => file.endsWith('.wasm')).map(inspectLibrary));
  return found.find(({ problem }) => problem === null) ?? found[0] ?? null;
}

/**
 * By what it imports, before any engine or browser sees it: an engine gives a library no more than these, and one that
 * wants more fails with a LinkError. @throws what reading throws
 */
export async function inspectLibrary(file: string): Promise<LibraryFile> {
  const name = path.basename(file);
  const unusable = (problem: string): LibraryFile => ({ name, interface: null, problem });
  if ((await stat(file)).size > MAX_LIBRARY_BYTES)
    return unusable(`${name} is too large for a model library.`);
  const content = await readFile(file);
  const imports = await importsOf(content);
  if (imports === null) return unusable(`${name} is no WebAssembly, or is not whole: download it again.`);
  const engine = ENGINES.find(({ marker }) => imports.includes(marker));
  if (engine === undefined)
    return unusable(`${name} is no model library of MLC: it imports none of TVM's functions.`);
  const isOlder = engine.needs !== null && !content.includes(engine.needs);
  const unknown = imports.filter((each) => !engine.gives.has(each));
  if (!isOlder && unknown.length === 0) return { name, interface: engine.interface, problem: null };
  return unusable(
    `The model library ${name} was made for another version of web-llm (${isOlder ? `it lacks ${engine.needs}` : `it wants ${unknown[0]}`}): this gateway runs libraries of ${ENGINES.map(({ versions }) => versions).join(' and of ')}. Compile it again, or take the one of the same name from web-llm's list.`,
  );
}

async function importsOf(content: Buffer): Promise<string[] | null> {
  try {
    const module = await WebAssembly.compile(new Uint8Array(content));
    return WebAssembly.Module.imports(module)
      .map(({ name }) => name)
      .filter((name) => !WASI.test(name));
  } catch {
    return null; // The caller says so.
  }
}

function listProblem(name: string, listed: string | null, isCurrent: boolean): string | null {
  if (listed === null)
    return `${name} has no model library: put the .wasm that MLC compiled for it into its folder.`;
  return isCurrent ? null : `web-llm's list names a library of another version: ${listed}.`;
}

const webLlm = async (): Promise<WebLlm> => await import('@mlc-ai/web-llm');
