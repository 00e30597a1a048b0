import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Patch, Tensor } from './weights.ts';

/** As MLC cuts them; a tensor that is larger is a shard of its own. */
const MAX_SHARD_BYTES = 32 * 2 ** 20;
const ELEMENT_BYTES = 4;

const sizeOf = ({ shape }: Tensor): number =>
  shape.reduce((product, length) => product * length, ELEMENT_BYTES);
const totalOf = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0);

/** Writes the shards, with holes where they are 0, and gives their table (tensor-cache.json). */
export async function writeShards(folder: string, tensors: readonly Tensor[]): Promise<object> {
  const records: object[] = [];
  for (const [index, shard] of shardsOf(tensors).entries())
    records.push(await writeShard(folder, `params_shard_${index}.bin`, shard));
  const metadata = { ParamSize: tensors.length, ParamBytes: totalOf(tensors), BitsPerParam: 5 };
  return { metadata, records };
}

function shardsOf(tensors: readonly Tensor[]): Tensor[][] {
  const shards: Tensor[][] = [];
  for (const tensor of tensors) {
    const last = shards.at(-1);
    if (last === undefined || totalOf(last) + sizeOf(tensor) > MAX_SHARD_BYTES) shards.push([tensor]);
    else last.push(tensor);
  }
  return shards;
}

async function writeShard(folder: string, dataPath: string, tensors: readonly Tensor[]): Promise<object> {
  const nbytes = totalOf(tensors);
  const patches: Patch[] = [];
  let byteOffset = 0;
  const records = tensors.map((tensor) => {
    const { name, shape, dtype } = tensor;
    const record = { name, shape, dtype, format: 'raw', nbytes: sizeOf(tensor), byteOffset };
    for (const { offsetBytes, bytes } of tensor.patches)
      patches.push({ offsetBytes: byteOffset + offsetBytes, bytes });
    byteOffset += record.nbytes;
    return record;
  });
  await writeSparse(path.join(folder, dataPath), nbytes, patches);
  return { dataPath, format: 'raw-shard', nbytes, records, md5sum: md5Of(nbytes, patches) };
}

async function writeSparse(file: string, sizeBytes: number, patches: readonly Patch[]): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.truncate(sizeBytes);
    for (const { offsetBytes, bytes } of patches) await handle.write(bytes, 0, bytes.length, offsetBytes);
  } finally {
    await handle.close();
  }
}

function md5Of(sizeBytes: number, patches: readonly Patch[]): string {
  const content = Buffer.alloc(sizeBytes);
  for (const { offsetBytes, bytes } of patches) bytes.copy(content, offsetBytes);
  return createHash('md5').update(content).digest('hex');
}
