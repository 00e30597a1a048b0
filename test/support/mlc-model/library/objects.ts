// Objects: a header of 24 bytes, { references: i64, type: i32, padding: i32, deleter: 8 bytes }, then the type's own fields.
import {
  at,
  ANY_BYTES,
  ARRAY,
  BYTES,
  FUNCTION,
  HEADER,
  lengthOfText,
  MODULE,
  OBJECT,
  pointerOf,
  RAW_BYTES,
  RAW_TEXT,
} from './any';
import { setNone, setObject, SHAPE, TENSOR, TEXT, typeOf } from './any';
import { TVMFFIWasmFunctionDeleter } from './env';
import { freeTensor } from './tensors';

export function newObject(type: i32, bytes: usize): usize {
  const object = heap.alloc(HEADER + bytes);
  memory.fill(object, 0, HEADER + bytes);
  store<i32>(object, 1);
  store<i32>(object, type, 8);
  return object;
}

export function keep(object: usize): usize {
  store<i32>(object, load<i32>(object) + 1);
  return object;
}

export function drop(object: usize): void {
  if (object === 0) return;
  const left = load<i32>(object) - 1;
  store<i32>(object, left);
  if (left > 0) return;
  const type = load<i32>(object, 8);
  if (type === TENSOR) freeTensor(object);
  if (type === ARRAY) for (let i = 0; i < lengthOf(object); i++) dropAny(itemOf(object, i));
  if (type === FUNCTION) freeFunction(object);
  if (type === MODULE) drop(load<u32>(object, HEADER));
  heap.free(object);
}

/** What a view shows, owned: raw text and bytes become objects. Both may be the same place. */
export function own(view: usize, owned: usize): void {
  const type = typeOf(view);
  if (type === RAW_TEXT) {
    setObject(owned, newBytes(TEXT, pointerOf(view), lengthOfText(pointerOf(view))));
  } else if (type === RAW_BYTES) {
    setObject(owned, newBytes(BYTES, load<u32>(pointerOf(view)), load<u32>(pointerOf(view), 4)));
  } else {
    if (type >= OBJECT) keep(pointerOf(view));
    memory.copy(owned, view, ANY_BYTES);
  }
}

function dropAny(any: usize): void {
  if (typeOf(any) >= OBJECT) drop(pointerOf(any));
  setNone(any);
}

/** Text and bytes: { pointer, length }, and here the bytes themselves. */
export function newBytes(type: i32, from: usize, length: usize): usize {
  const object = newObject(type, 8 + length + 1);
  store<u32>(object, object + HEADER + 8, HEADER);
  store<u32>(object, length, HEADER + 4);
  memory.copy(object + HEADER + 8, from, length);
  return object;
}

export function newText(text: string): usize {
  const bytes = String.UTF8.encode(text);
  return newBytes(TEXT, changetype<usize>(bytes), bytes.byteLength);
}

/** Array and, of integers, shape: { length, padding, items }; only we look inside. */
export function newList(type: i32, args: usize, count: i32): usize {
  const list = newObject(type, 8 + <usize>count * ANY_BYTES);
  store<i32>(list, count, HEADER);
  for (let i = 0; i < count; i++) own(at(args, i), itemOf(list, i));
  return list;
}

export function lengthOf(list: usize): i32 {
  return load<i32>(list, HEADER);
}

export function itemOf(list: usize, index: i32): usize {
  return at(list + HEADER + 8, index);
}

/** Of a shape. */
export function lengthAt(shape: usize, index: i32): i32 {
  assert(load<i32>(shape, 8) === SHAPE);
  return load<i32>(itemOf(shape, index), 8);
}

/** Module: { what its functions are bound to }. */
export function newModule(bound: usize): usize {
  const module = newObject(MODULE, 8);
  store<u32>(module, bound, HEADER);
  return module;
}

/** Arguments, how many, and where the result goes. What goes wrong is told by `raise`. */
export type Native = (bound: usize, args: usize, count: i32, result: usize) => void;

// Function: { is it JavaScript's: i32, index of the function or JavaScript's number: i32, what it is bound to }
export function newFunction(native: Native, bound: usize = 0): usize {
  return functionOf(0, native.index, bound);
}

export function newJsFunction(self: i32): usize {
  return functionOf(1, self, 0);
}

function functionOf(isJs: i32, index: i32, bound: usize): usize {
  const object = newObject(FUNCTION, 12);
  store<i32>(object, isJs, HEADER);
  store<i32>(object, index, HEADER + 4);
  store<u32>(object, bound, HEADER + 8);
  return object;
}

function freeFunction(object: usize): void {
  if (load<i32>(object, HEADER) === 1) TVMFFIWasmFunctionDeleter(load<i32>(object, HEADER + 4));
  drop(load<u32>(object, HEADER + 8));
}
