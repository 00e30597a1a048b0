import { existsSync, readdirSync } from 'node:fs';

/** What of a machine decides how Chromium is started on it. */
export interface HostFacts {
  readonly platform: NodeJS.Platform;
  /** There is a GPU that Chromium could use. */
  readonly hasGpu: boolean;
  readonly hasNvidia: boolean;
  /** The process runs as root. */
  readonly isRoot: boolean;
}

/** What playwright is to start. */
export interface ChromiumLaunch {
  readonly executablePath: string;
  readonly headless: true;
  readonly chromiumSandbox: boolean;
  readonly args: string[];
}

interface Flag {
  readonly flag: string;
  readonly when: (host: HostFacts) => boolean;
}

const onLinux = ({ platform }: HostFacts): boolean => platform !== 'darwin' && platform !== 'win32';
const inSoftware = ({ hasGpu }: HostFacts): boolean => !hasGpu;
const onLinuxGpu = (host: HostFacts): boolean => host.hasGpu && onLinux(host);

/** Beside playwright's own, which already keep Chromium from updating, syncing, throttling and calling home. */
const FLAGS: readonly Flag[] = [
  // One page of one gateway over plain sockets: HTTP/3 is never spoken, and its probing costs time.
  { flag: '--disable-quic', when: () => true },

  // WebGPU is behind a switch on Linux, and for software adapters everywhere.
  { flag: '--enable-unsafe-webgpu', when: (host) => onLinux(host) || inSoftware(host) },
  // Without a GPU no adapter would be offered: SwiftShader computes in software, and the page says so.
  { flag: '--use-webgpu-adapter=swiftshader', when: inSoftware },
  // SwiftShader compiles code while it runs, which the sandbox of the GPU process does not let it do everywhere.
  { flag: '--disable-gpu-sandbox', when: inSoftware },

  // WebGPU on Linux goes through Vulkan, and a browser without a window would not turn that on by itself. The last
  // --enable-features wins: playwright's own, about screenshots and accounts, are not needed here.
  { flag: '--enable-features=Vulkan', when: onLinuxGpu },
  { flag: '--use-angle=vulkan', when: onLinuxGpu },
  // Chromium hides shader-f16 on NVIDIA's Linux driver, and half of all models with it.
  {
    flag: '--enable-dawn-features=vulkan_enable_f16_on_nvidia',
    when: (host) => onLinuxGpu(host) && host.hasNvidia,
  },
];

/**
 * How Chromium is started without a window, so that it computes on the GPU where there is one.
 * @param origin of the gateway's page. WebGPU needs a secure context: an address on a LAN without HTTPS is declared to
 *   be one, which concerns only this browser, with a profile of its own, that opens nothing else.
 */
export function chromiumLaunch(
  executablePath: string,
  host: HostFacts,
  origin: string | null = null,
): ChromiumLaunch {
  const args = FLAGS.filter(({ when }) => when(host)).map(({ flag }) => flag);
  if (origin !== null && isInsecure(new URL(origin)))
    args.push(`--unsafely-treat-insecure-origin-as-secure=${origin}`);
  // Chromium refuses to start its sandbox as root; for everybody else it stays on.
  return { executablePath, headless: true, chromiumSandbox: !host.isRoot, args };
}

const isInsecure = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

export function thisHost(): HostFacts {
  const { platform } = process;
  const hasNvidia = existsSync('/dev/nvidia0');
  return {
    platform,
    hasGpu: platform === 'darwin' || platform === 'win32' || hasNvidia || hasRenderNode(),
    hasNvidia,
    isRoot: process.getuid?.() === 0,
  };
}

function hasRenderNode(): boolean {
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}
