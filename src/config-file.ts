import { readFileSync, statSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { MixgateError, messageOf } from './errors.ts';
import { isTooDeep } from './yaml-depth.ts';

export interface ConfigFile {
  /** Options by key; unchecked. */
  readonly source: Readonly<Record<string, unknown>>;
  /** How the file spells a key: `webgpu.headless` for `webgpuHeadless`; any other key is its own name. */
  readonly nameOf: (key: string) => string;
}

/**
 * Reads options from YAML or JSON. Maps in it group options, and say the same as one camelCase key:
 * `webgpu: { headless: true }` is `webgpuHeadless: true`.
 * @param file undefined is an empty one
 * @throws INVALID_INPUT where it cannot be read, holds no options by name, or gives one twice
 */
export function readConfigFile(file: string | undefined): ConfigFile {
  // Without a prototype, so that `__proto__` is a key as any other, and refused as such.
  const source = Object.create(null) as Record<string, unknown>;
  const names = new Map<string, string>();
  for (const { path, value } of options(file === undefined ? {} : parse(file))) {
    const key = camelCase(path);
    const name = path.join('.');
    const before = names.get(key);
    if (before !== undefined)
      throw new MixgateError(
        'INVALID_INPUT',
        `The configuration file ${file} gives one option twice: as ${before} and as ${name}. Remove one of them.`,
      );
    source[key] = value;
    names.set(key, name);
  }
  return { source, nameOf: (key) => names.get(key) ?? key };
}

function parse(file: string): object {
  const content = contentOf(file);
  if (isMap(content)) return content;
  if (content === null || content === undefined) return {};
  throw new MixgateError(
    'INVALID_INPUT',
    `The configuration file ${file} must hold options by name, such as "port: 4000".`,
  );
}

/** More is no configuration. */
const MAX_BYTES = 2 ** 20;

function contentOf(file: string): unknown {
  try {
    if (statSync(file).size > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
    const text = readFileSync(file, 'utf8');
    if (isTooDeep(text)) throw new Error('it nests too deep');
    // JSON is YAML too. Errors are made pretty here, and one of them: yaml copies lines for each, in square time.
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent', lineCounter });
    const [error] = document.errors;
    if (error === undefined) return document.toJS() as unknown;
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new Error(`line ${line}, column ${col}: ${error.message}`);
  } catch (error) {
    throw new MixgateError(
      'INVALID_INPUT',
      `The configuration file ${file} cannot be read: ${messageOf(error)}`,
    );
  }
}

interface Option {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** An empty map groups nothing: it stays, to be refused as the value that it is. */
const options = (map: object, within: readonly string[] = []): Option[] =>
  Object.entries(map).flatMap(([name, value]: [string, unknown]) =>
    isMap(value) && Object.keys(value).length > 0
      ? options(value, [...within, name])
      : [{ path: [...within, name], value }],
  );

const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const camelCase = ([first = '', ...rest]: readonly string[]): string =>
  first + rest.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('');
