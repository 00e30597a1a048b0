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

/** What a library imports tells how an engine must call it: TVM changed its calling convention with web-llm 0.2.80. */
const INTERFACES: Readonly<Record<string, LibraryInterface>> = {
  TVMFFIWasmSafeCall: 'FFI',
  TVMWasmPackedCFunc: 'PACKED',
};

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

/** By what it imports, before any engine or browser sees it. @throws what reading throws */
export async function inspectLibrary(file: string): Promise<LibraryFile> {
  const name = path.basename(file);
  const of = (interface_: LibraryInterface | null, problem: string | null): LibraryFile => ({
    name,
    interface: interface_,
    problem,
  });
  if ((await stat(file)).size > MAX_LIBRARY_BYTES)
    return of(null, `${name} is too large for a model library.`);
  const imports = await importsOf(await readFile(file));
  if (imports === null) return of(null, `${name} is no WebAssembly: download it again.`);
  const known = imports.map((each) => INTERFACES[each]).find((each) => each !== undefined);
  if (known === undefined)
    return of(null, `${name} is no model library of MLC: it imports none of TVM's functions.`);
  if (known === 'FFI') return of(known, null);
  const { modelVersion } = await webLlm();
  return of(
    known,
    `The model library ${name} was made for web-llm before 0.2.80, this gateway's engine needs ${modelVersion}: compile it again with a current MLC, or take the one of the same name from web-llm's list.`,
  );
}

async function importsOf(content: Buffer): Promise<string[] | null> {
  try {
    const module = await WebAssembly.compile(new Uint8Array(content));
    return WebAssembly.Module.imports(module).map(({ name }) => name);
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
