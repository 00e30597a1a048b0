// TVMFFIAny: 16 bytes, { type: i32, padding: i32, value: 8 bytes }. https://tvm.apache.org/ffi/concepts/any.html

const INT: i32 = 1;
const FLOAT: i32 = 3;
/** Pointer to characters up to a zero. */
export const RAW_TEXT: i32 = 8;
/** Pointer to { pointer, length }. */
export const RAW_BYTES: i32 = 9;
/** From here on the value is a pointer to an object with a count of its references. */
export const OBJECT: i32 = 64;
export const TEXT: i32 = 65;
export const BYTES: i32 = 66;
export const FUNCTION: i32 = 68;
export const SHAPE: i32 = 69;
export const TENSOR: i32 = 70;
export const ARRAY: i32 = 71;
export const MODULE: i32 = 73;
/** Ours alone: web-llm only carries it about. */
export const KV_CACHE: i32 = 128;

export const ANY_BYTES: usize = 16;
/** Of an object, before the fields of its type. */
export const HEADER: usize = 24;

export function typeOf(any: usize): i32 {
  return load<i32>(any);
}

export function pointerOf(any: usize): usize {
  return load<u32>(any, 8);
}

/** JavaScript's numbers come as floats, its scalars as integers. */
export function numberOf(any: usize): f64 {
  return typeOf(any) === FLOAT ? load<f64>(any, 8) : <f64>load<i64>(any, 8);
}

export function at(args: usize, index: i32): usize {
  return args + <usize>index * ANY_BYTES;
}

export function setNumber(any: usize, value: f64): void {
  store<i32>(any, INT);
  store<i32>(any, 0, 4);
  store<i64>(any, <i64>value, 8);
}

/** Hands over the caller's reference. */
export function setObject(any: usize, object: usize): void {
  setPointer(any, load<i32>(object, 8), object);
}

export function setPointer(any: usize, type: i32, pointer: usize): void {
  store<i32>(any, type);
  store<i32>(any, 0, 4);
  store<u64>(any, pointer, 8);
}

export function setNone(any: usize): void {
  memory.fill(any, 0, ANY_BYTES);
}

/** A C string as it comes from JavaScript, or an object of text. */
export function textOf(any: usize): string {
  if (typeOf(any) === RAW_TEXT) return textAt(pointerOf(any));
  const object = pointerOf(any);
  return String.UTF8.decodeUnsafe(load<u32>(object, 24), load<u32>(object, 28));
}

/** A C string. */
export function textAt(pointer: usize): string {
  return String.UTF8.decodeUnsafe(pointer, lengthOfText(pointer));
}

/** Of a C string, in bytes. */
export function lengthOfText(pointer: usize): usize {
  let length: usize = 0;
  while (load<u8>(pointer + length) !== 0) length++;
  return length;
}

/** TVMFFIByteArray: { pointer, length }. */
export function textOfBytes(array: usize): string {
  return String.UTF8.decodeUnsafe(load<u32>(array), load<u32>(array, 4));
}
