import type { MlcNeeds } from './variant.ts';

/** `…/web-llm-models/v0_2_86/base/X.wasm` → `v0_2_86/base`. */
const VERSION = /\/web-llm-models\/(.+)\/[^/]+\.wasm$/;
const MIB = 2 ** 20;

/** As far as it is needed here; the package's own types only resolve in a bundler. */
interface WebLlm {
  readonly prebuiltAppConfig: {
    readonly model_list: readonly {
      readonly model_id: string;
      readonly model_lib: string;
      readonly vram_required_MB?: number;
      readonly buffer_size_required_bytes?: number;
      readonly required_features?: readonly string[];
    }[];
  };
}

/**
 * What a browser needs for a folder of MLC weights: by the library beside the weights, else by the list of models that
 * web-llm comes with. Where f16 is in the quantization's name the GPU must have it, though the list often leaves it out.
 */
export async function mlcNeeds(
  folderName: string,
  quantization: string,
  library: string | null,
): Promise<MlcNeeds> {
  const { prebuiltAppConfig } = (await import('@mlc-ai/web-llm')) as unknown as WebLlm;
  const record = prebuiltAppConfig.model_list.find(({ model_id }) => model_id === folderName);
  const features = new Set(record?.required_features ?? []);
  if (/f16/.test(quantization)) features.add('shader-f16');
  const listed = record?.model_lib ?? null;
  return {
    library: library ?? listed,
    libraryVersion: library === null ? (VERSION.exec(listed ?? '')?.[1] ?? null) : null,
    requiredFeatures: [...features],
    requiredBytes: record?.vram_required_MB === undefined ? null : Math.round(record.vram_required_MB * MIB),
    requiredBufferBytes: record?.buffer_size_required_bytes ?? null,
  };
}
