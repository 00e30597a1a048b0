/** The pretend GPU (pretend-gpu/pretend-gpu.cpp) that `.ci/run` builds, or why there is none. */
export function pretendGpu(): { library: string } | { skip: string } {
  const library = process.env['MIXGATE_TEST_PRETEND_GPU'];
  return library
    ? { library }
    : {
        skip: 'MIXGATE_TEST_PRETEND_GPU is unset; test/support/pretend-gpu/build.sh makes the library it names',
      };
}

interface PretendGpuOptions {
  /** Memory of each device. */
  readonly mib: number | readonly number[];
  /** Taken of each device by every process that uses it. */
  readonly overheadMib?: number;
  /** Reported as free, but not to be had. */
  readonly fragmentedMib?: number;
  readonly description?: string;
  /** A file; processes with the same one share the devices' memory. */
  readonly ledger?: string;
}

/** Environment of a process whose llama.cpp, with `--gpu vulkan`, is to find these devices. @throws without a library */
export function pretendGpuEnvironment(options: PretendGpuOptions): Record<string, string> {
  const gpu = pretendGpu();
  if ('skip' in gpu) throw new Error(gpu.skip);
  const { mib, overheadMib = 0, fragmentedMib = 0, description, ledger } = options;
  return {
    GGML_BACKEND_PATH: gpu.library,
    LD_PRELOAD: gpu.library.replace(/\.so$/, '-preload.so'),
    PRETEND_GPU_MIB: [mib].flat().join(','),
    PRETEND_GPU_OVERHEAD_MIB: String(overheadMib),
    PRETEND_GPU_FRAGMENTED_MIB: String(fragmentedMib),
    ...(description === undefined ? {} : { PRETEND_GPU_DESCRIPTION: description }),
    ...(ledger === undefined ? {} : { PRETEND_GPU_LEDGER: ledger }),
  };
}
