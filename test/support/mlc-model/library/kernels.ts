/** Four bits a weight as in q4f32_1: (nibble - 7) * scale, 32 weights a scale. */
const WEIGHT = `
fn weight(row: i32, column: i32) -> f32 {
  let nibble = (weights[row * WIDTH / 8 + column / 8] >> u32(column % 8 * 4)) & 15u;
  return (f32(nibble) - 7.0) * scales[row * WIDTH / 32 + column / 32];
}`;

class Kernel {
  helpers: string = '';
  constructor(
    /** Names and types of the buffers; those that it writes begin with `rw `. */
    public buffers: StaticArray<string>,
    public integers: StaticArray<string>,
    /** Of the thread `i`. */
    public body: string,
  ) {}
}

const kernels = new Map<string, Kernel>();

function add(
  name: string,
  buffers: StaticArray<string>,
  integers: StaticArray<string>,
  body: string,
): Kernel {
  const kernel = new Kernel(buffers, integers, body);
  kernels.set(name, kernel);
  return kernel;
}

add(
  'embed',
  ['tokens: i32', 'weights: u32', 'scales: f32', 'rw hidden: f32'],
  ['count'],
  'if (i < args.count * WIDTH) { hidden[i] = weight(tokens[i / WIDTH], i % WIDTH); }',
).helpers = WEIGHT;

add(
  'lm_head',
  ['hidden: f32', 'weights: u32', 'scales: f32', 'rw logits: f32'],
  ['count', 'vocabulary'],
  `if (i >= args.vocabulary) { return; }
  var sum = 0.0;
  for (var k = 0; k < WIDTH; k++) { sum += hidden[(args.count - 1) * WIDTH + k] * weight(i, k); }
  logits[i] = sum;`,
).helpers = WEIGHT;

add(
  'softmax',
  ['logits: f32', 'temperature: f32', 'rw probabilities: f32'],
  ['vocabulary'],
  `if (i > 0) { return; }
  var highest = logits[0];
  for (var v = 1; v < args.vocabulary; v++) { highest = max(highest, logits[v]); }
  var sum = 0.0;
  for (var v = 0; v < args.vocabulary; v++) {
    let each = exp(max((logits[v] - highest) / temperature[0], -100.0));
    probabilities[v] = each;
    sum += each;
  }
  for (var v = 0; v < args.vocabulary; v++) { probabilities[v] /= sum; }`,
);

add(
  'argsort',
  ['probabilities: f32', 'rw sorted: f32', 'rw order: i32'],
  ['vocabulary'],
  `if (i >= args.vocabulary) { return; }
  let mine = probabilities[i];
  var rank = 0;
  for (var v = 0; v < args.vocabulary; v++) {
    if (probabilities[v] > mine || (probabilities[v] == mine && v < i)) { rank++; }
  }
  sorted[rank] = mine;
  order[rank] = i;`,
);

add(
  'sample',
  ['sorted: f32', 'order: i32', 'chance: f32', 'top_p: f32', 'rw token: i32'],
  ['vocabulary'],
  `if (i > 0) { return; }
  var mass = 0.0;
  for (var v = 0; v < args.vocabulary; v++) {
    mass += sorted[v];
    if (mass >= top_p[0]) { break; }
  }
  var sum = 0.0;
  for (var v = 0; v < args.vocabulary; v++) {
    sum += sorted[v];
    token[0] = order[v];
    if (sum > chance[0] * mass) { break; }
  }`,
);

add(
  'bias',
  ['tokens: i32', 'biases: f32', 'rw logits: f32'],
  ['count'],
  'if (i < args.count) { logits[tokens[i]] += biases[i]; }',
);

add(
  'mask',
  ['bits: i32', 'rw logits: f32'],
  ['vocabulary'],
  'if (i < args.vocabulary && ((bits[i / 32] >> u32(i % 32)) & 1) == 0) { logits[i] = -1e30; }',
);

add(
  'penalty',
  ['tokens: i32', 'counts: i32', 'penalties: f32', 'rw logits: f32'],
  ['count'],
  `if (i >= args.count) { return; }
  let less = logits[tokens[i]] - (penalties[0] + f32(counts[i]) * penalties[1]);
  logits[tokens[i]] = select(less / penalties[2], less * penalties[2], less < 0.0);`,
);

/** WGSL. */
export function shaderOf(name: string): string {
  const kernel = kernels.get(name);
  let text = 'const WIDTH = 32;\n';
  for (let i = 0; i < kernel.buffers.length; i++) {
    const isWritten = kernel.buffers[i].startsWith('rw ');
    const parts = kernel.buffers[i].replace('rw ', '').split(': ');
    const access = isWritten ? 'read_write' : 'read';
    text += `@group(0) @binding(${i}) var<storage, ${access}> ${parts[0]}: array<${parts[1]}>;\n`;
  }
  text += 'struct Arguments { ';
  for (let i = 0; i < kernel.integers.length; i++) text += kernel.integers[i] + ': i32, ';
  text += `workgroups: u32 }\n@group(0) @binding(${kernel.buffers.length}) var<uniform> args: Arguments;\n`;
  text += kernel.helpers;
  text += `\n@compute @workgroup_size(64)\nfn ${name}(@builtin(global_invocation_id) id: vec3<u32>) {\n`;
  return text + `  let i = i32(id.x);\n  ${kernel.body}\n}\n`;
}

/** What tvmjs must know to launch them, as JSON. */
export function kernelTable(): string {
  const names = kernels.keys();
  const entries = new Array<string>();
  for (let n = 0; n < names.length; n++) {
    const kernel = kernels.get(names[n]);
    const types = new Array<string>();
    const written = new Array<string>();
    for (let i = 0; i < kernel.buffers.length; i++) {
      types.push('"handle"');
      written.push(kernel.buffers[i].startsWith('rw ') ? '1' : '0');
    }
    for (let i = 0; i < kernel.integers.length; i++) types.push('"int32"');
    const tags = `["paramWriteAccess:[${written.join(',')}]","blockIdx.x"]`;
    entries.push(
      `"${names[n]}":{"name":"${names[n]}","arg_types":[${types.join(',')}],"launch_param_tags":${tags}}`,
    );
  }
  return '{' + entries.join(',') + '}';
}
