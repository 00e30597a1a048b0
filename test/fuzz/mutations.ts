import fc from 'fast-check';

/** What damages bytes, texts and values that were sound: the way to the deep branches of a parser. */

/** Numbers where formats have counts and lengths. */
const HUGE = [0n, 1n, 0x7fffffffn, 0xffffffffn, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];
/** Texts that parsers of JSON, YAML and templates stumble over. */
const WORDS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', '\0', '\uFEFF', '\uD800', 'null', '1e999', '-0'],
  ...[
    '{"__proto__":{"polluted":1}}',
    '"__proto__": {"polluted": 1}',
    '&a [*a, *a]',
    '<<: *a',
    '!!js/function x',
  ],
  ...['['.repeat(20_000), '{"a":'.repeat(5000), 'a: {'.repeat(3000), '{{ '.repeat(2000), '\n'.repeat(5000)],
];

type Mutation = (bytes: Buffer) => Buffer;

const at = (share: number, bytes: Buffer, width = 0): number =>
  Math.min(Math.floor(share * bytes.length), Math.max(0, bytes.length - width));
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const flipBit = fc.tuple(place, fc.nat(7)).map(([share, bit]): Mutation => (bytes) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at(share, copy, 1)]! ^= 1 << bit;
  return copy;
});
const truncate = place.map(
  (share): Mutation =>
    (bytes) =>
      bytes.subarray(0, at(share, bytes)),
);
const overwrite = fc
  .tuple(place, fc.constantFrom(...HUGE), fc.constantFrom(4, 8))
  .map(([share, value, width]): Mutation => (bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length < width) return copy;
    const where = at(share, copy, width);
    if (width === 8) copy.writeBigUInt64LE(value, where);
    else copy.writeUInt32LE(Number(value & 0xffffffffn), where);
    return copy;
  });
const insert = fc
  .tuple(place, fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(...WORDS)))
  .map(([share, what]): Mutation => (bytes) => {
    const where = at(share, bytes);
    return Buffer.concat([bytes.subarray(0, where), Buffer.from(what as string), bytes.subarray(where)]);
  });
const repeat = fc
  .tuple(place, place, fc.integer({ min: 2, max: 50 }))
  .map(([from, to, times]): Mutation => (bytes) => {
    const [start, end] = [at(Math.min(from, to), bytes), at(Math.max(from, to), bytes)];
    const piece = bytes.subarray(start, Math.min(end, start + 4096));
    return Buffer.concat([bytes.subarray(0, end), ...Array<Buffer>(times).fill(piece), bytes.subarray(end)]);
  });

const mutations = fc.array(fc.oneof(flipBit, truncate, overwrite, overwrite, insert, repeat), {
  minLength: 1,
  maxLength: 4,
});

/** Any bytes, or sound ones that were damaged. */
export const damagedBytes = (seeds: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 512 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...seeds), mutations)
        .map(([seed, changes]) => changes.reduce((bytes, change) => change(bytes), seed)),
    },
  );

/** Any text, or a sound one that was damaged. */
export const damagedText = (seeds: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 4, arbitrary: damagedBytes(seeds.map((seed) => Buffer.from(seed))).map(String) },
    { weight: 4, arbitrary: damagedJson(seeds) },
  );

const DEPTHS = [200, 2000, 20_000];
const deepMark = (depth: number): string => `deep ${depth}`;
const deepened = (json: string): string =>
  json.replaceAll(/"deep (\d+)"/g, (_mark, depth: string) => '['.repeat(+depth) + ']'.repeat(+depth));

const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(...WORDS, Number.MAX_SAFE_INTEGER, -1, 1e308, 0.5, '', null, [], {}),
  // Too deep to be written by JSON.stringify: made of the text afterwards.
  fc.constantFrom(...DEPTHS.map(deepMark)),
);

type Json = Record<string, unknown> | unknown[];

/** JSON stays JSON: some value in it becomes another one, or some key a strange one. */
function damagedJson(seeds: readonly string[]): fc.Arbitrary<string> {
  const values = seeds.flatMap((seed) => {
    try {
      return [JSON.parse(seed) as unknown];
    } catch {
      return [];
    }
  });
  if (values.length === 0) return fc.json();
  const change = fc.tuple(fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), strange, fc.boolean());
  return fc
    .tuple(fc.constantFrom(...values), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) => {
      const root = [structuredClone(value)];
      for (const [way, what, isKey] of changes) alter(root, way, { what, isKey });
      return deepened(JSON.stringify(root[0]) ?? 'null');
    });
}

function alter(root: Json, way: readonly number[], { what, isKey }: { what: unknown; isKey: boolean }): void {
  let parent = root;
  let key: string | number = 0;
  for (const step of way) {
    const child: unknown = (parent as Record<string | number, unknown>)[key];
    const keys = typeof child === 'object' && child !== null ? Object.keys(child) : [];
    if (keys.length === 0) break;
    parent = child as Json;
    key = keys[step % keys.length]!;
  }
  const name = isKey && typeof what === 'string' && !Array.isArray(parent) ? what : key;
  Object.defineProperty(parent, name, {
    value: structuredClone(what),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
