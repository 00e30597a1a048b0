// The exports that tvmjs calls. https://github.com/apache/tvm/tree/main/web says what they are in a real library.
import { textAt, textOfBytes } from './any';
import { callFromJs, lastError, raise } from './calls';
import { globals } from './gpu';
import './model';
import { drop, keep, newJsFunction, own } from './objects';

const ARRAY_INDEX = 71;
const MODULE_INDEX = 73;

export function TVMWasmAllocSpace(bytes: i32): usize {
  return heap.alloc(bytes);
}

export function TVMWasmFreeSpace(space: usize): void {
  heap.free(space);
}

export function TVMFFIWasmGetLastError(): usize {
  return lastError();
}

/** { major, minor, patch }, as a library for web-llm 0.2.80 says. */
export function TVMFFIGetVersion(version: usize): void {
  store<u32>(version, 0);
  store<u32>(version, 1, 4);
  store<u32>(version, 3, 8);
}

export function TVMFFIWasmFunctionCreate(self: i32, out: usize): i32 {
  store<u32>(out, newJsFunction(self));
  return 0;
}

export function TVMFFIFunctionCall(callee: usize, args: usize, count: i32, result: usize): i32 {
  return callFromJs(callee, args, count, result);
}

/** 0 in `out` where there is none. */
export function TVMFFIFunctionGetGlobal(name: usize, out: usize): i32 {
  const key = textOfBytes(name);
  store<u32>(out, globals.has(key) ? keep(globals.get(key)) : 0);
  return 0;
}

export function TVMFFIFunctionSetGlobal(name: usize, callee: usize, _mayReplace: i32): i32 {
  globals.set(textOfBytes(name), keep(callee));
  return 0;
}

export function TVMFFITypeKeyToIndex(key: usize, out: usize): i32 {
  store<i32>(out, textOfBytes(key) === 'ffi.Array' ? ARRAY_INDEX : MODULE_INDEX);
  return 0;
}

export function TVMFFIAnyViewToOwnedAny(view: usize, owned: usize): i32 {
  own(view, owned);
  return 0;
}

export function TVMFFIObjectIncRef(object: usize): i32 {
  keep(object);
  return 0;
}

export function TVMFFIObjectDecRef(object: usize): i32 {
  drop(object);
  return 0;
}

export function TVMFFIErrorSetRaisedFromCStr(kind: usize, message: usize): void {
  raise(textAt(kind) + ': ' + textAt(message));
}
