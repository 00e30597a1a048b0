import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

export interface Packed {
  /** Of the tarball. */
  readonly filename: string;
  /** Of the tarball, bytes. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Without these it does not work, or says nothing of itself. */
const NEEDED = [
  'dist/main.js',
  'dist/backends/llama-cpp/runner/main.js',
  'dist/dashboard/index.html',
  'dist/worker/index.html',
  'models/demo/README.md',
  'schema/schema.graphql',
  'deploy/mixgate.service',
  'examples/answer.ts',
  'docs/configuration.md',
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'LICENSE',
];
/** Nobody who installs it has a use for these. */
const UNWANTED = /^(src|test|tools|bench|web|node_modules)\/|\.map$|\.tsbuildinfo$|(^|\/)\./;
const MAX_BYTES = 36 * 2 ** 20;

/** What is wrong with the files of the package; empty where nothing is. */
export async function problemsOf({ files, size }: Packed, folder: string): Promise<string[]> {
  const names = new Set(files.map(({ path }) => path));
  const missing = NEEDED.filter((name) => !names.has(name));
  const unwanted = [...names].filter((name) => UNWANTED.test(name));
  const { messages, pkg } = await publint({ pkgDir: folder, strict: true, pack: false });
  return [
    ...missing.map((name) => `${name} is missing.`),
    ...unwanted.map((name) => `${name} has no place in it.`),
    ...(size > MAX_BYTES ? [`It has ${size} bytes, more than ${MAX_BYTES}.`] : []),
    ...messages.map((message) => formatMessage(message, pkg) ?? message.code),
  ];
}
