// Tensor: after the header a DLTensor, { data, device type, device, dimensions, data type, shape, strides, byte offset: i64 },
// and then of ours { the tensor that this is a view of, or 0 }.
import { HEADER, TENSOR } from './any';
import { raise } from './calls';
import { allocate, download, free, upload } from './gpu';
import { drop, keep, lengthAt, lengthOf, newObject } from './objects';

export const CPU: i32 = 1;
export const WEBGPU: i32 = 15;

const VIEW_OF: usize = HEADER + 40;

/** { code: u8, bits: u8, lanes: u16 } */
function typeNamed(name: string): u32 {
  const code: u32 = name.startsWith('int')
    ? 0
    : name.startsWith('uint')
      ? 1
      : name.startsWith('float')
        ? 2
        : 3;
  const bits = code === 3 ? 0 : <u32>I32.parseInt(name.substring(code === 0 ? 3 : code === 1 ? 4 : 5));
  if (bits === 0 || bits % 8 !== 0) raise('this library knows no data type ' + name);
  return code | (bits << 8) | (1 << 16);
}

function describe(shape: usize, type: string, device: i32): usize {
  const tensor = newObject(TENSOR, 44);
  const count = lengthOf(shape);
  const lengths = heap.alloc(<usize>max(1, count) * 8);
  for (let i = 0; i < count; i++) store<i64>(lengths + <usize>i * 8, lengthAt(shape, i));
  store<i32>(tensor, device, HEADER + 4);
  store<i32>(tensor, count, HEADER + 12);
  store<u32>(tensor, typeNamed(type), HEADER + 16);
  store<u32>(tensor, lengths, HEADER + 20);
  return tensor;
}

export function newTensor(shape: usize, type: string, device: i32): usize {
  const tensor = describe(shape, type, device);
  const bytes = bytesOf(tensor);
  store<u32>(tensor, device === CPU ? heap.alloc(bytes) : allocate(<f64>bytes), HEADER);
  return tensor;
}

export function newView(tensor: usize, shape: usize, type: string): usize {
  const view = describe(shape, type, deviceOf(tensor));
  if (bytesOf(view) !== bytesOf(tensor)) raise('a view must be as long as its tensor');
  store<u32>(view, dataOf(tensor), HEADER);
  store<u32>(view, keep(tensor), VIEW_OF);
  return view;
}

export function freeTensor(tensor: usize): void {
  heap.free(load<u32>(tensor, HEADER + 20));
  const viewOf = load<u32>(tensor, VIEW_OF);
  if (viewOf !== 0) return drop(viewOf);
  if (deviceOf(tensor) === CPU) heap.free(dataOf(tensor));
  else if (dataOf(tensor) !== 0) free(dataOf(tensor));
}

/** An address, or a number in JavaScript's table of buffers. */
export function dataOf(tensor: usize): usize {
  return load<u32>(tensor, HEADER);
}

export function deviceOf(tensor: usize): i32 {
  return load<i32>(tensor, HEADER + 4);
}

export function sizeAt(tensor: usize, dimension: i32): i32 {
  return load<i32>(<usize>load<u32>(tensor, HEADER + 20) + <usize>dimension * 8);
}

export function elementsOf(tensor: usize): i32 {
  let elements = 1;
  for (let i = 0; i < load<i32>(tensor, HEADER + 12); i++) elements *= sizeAt(tensor, i);
  return elements;
}

export function bytesOf(tensor: usize): usize {
  return <usize>elementsOf(tensor) * (load<u8>(tensor, HEADER + 17) / 8);
}

export function copy(from: usize, to: usize): void {
  const bytes = bytesOf(from);
  if (bytesOf(to) !== bytes) return raise('tensors of different lengths');
  if (deviceOf(from) === CPU && deviceOf(to) === CPU) memory.copy(dataOf(to), dataOf(from), bytes);
  else if (deviceOf(from) === CPU) upload(dataOf(from), dataOf(to), bytes);
  else if (deviceOf(to) === CPU) download(dataOf(from), dataOf(to), bytes);
  else raise('this library copies nothing within the GPU');
}
