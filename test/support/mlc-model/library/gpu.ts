// The GPU is JavaScript's: it registers `wasm.WebGPUDeviceAPI`, and hands in a function for each shader.
import { ANY_BYTES, at, numberOf, pointerOf, RAW_TEXT, setNumber, setPointer } from './any';
import { call, hasRaised, raise } from './calls';
import { drop, keep } from './objects';
import { dataOf } from './tensors';

export const globals = new Map<string, usize>();
const deviceFunctions = new Map<string, usize>();
const shaders = new Map<string, usize>();

function deviceFunction(name: string): usize {
  if (deviceFunctions.has(name)) return deviceFunctions.get(name);
  if (!globals.has('wasm.WebGPUDeviceAPI')) {
    raise('WebGPU is not initialized');
    return 0;
  }
  const bytes = String.UTF8.encode(name, true);
  const frame = heap.alloc(2 * ANY_BYTES);
  setPointer(frame, RAW_TEXT, changetype<usize>(bytes));
  call(globals.get('wasm.WebGPUDeviceAPI'), frame, 1, at(frame, 1));
  const found: usize = hasRaised() ? 0 : pointerOf(at(frame, 1));
  heap.free(frame);
  if (found !== 0) deviceFunctions.set(name, found);
  return found;
}

/** Calls into JavaScript with numbers only. */
function callWith(callee: usize, numbers: StaticArray<f64>): f64 {
  if (callee === 0) return 0;
  const frame = heap.alloc(<usize>(numbers.length + 1) * ANY_BYTES);
  for (let i = 0; i < numbers.length; i++) setNumber(at(frame, i), numbers[i]);
  const result = at(frame, numbers.length);
  call(callee, frame, numbers.length, result);
  const answer = hasRaised() ? 0 : numberOf(result);
  heap.free(frame);
  return answer;
}

/** A number in JavaScript's table of buffers, never 0. */
export function allocate(bytes: f64): usize {
  return <usize>callWith(deviceFunction('deviceAllocDataSpace'), [bytes]);
}

export function free(buffer: usize): void {
  callWith(deviceFunction('deviceFreeDataSpace'), [<f64>buffer]);
}

export function upload(from: usize, buffer: usize, bytes: usize): void {
  callWith(deviceFunction('deviceCopyToGPU'), [<f64>from, <f64>buffer, 0, <f64>bytes]);
}

/** Done when JavaScript next waits for the device. */
export function download(buffer: usize, to: usize, bytes: usize): void {
  callWith(deviceFunction('deviceCopyFromGPU'), [<f64>buffer, 0, <f64>to, <f64>bytes]);
}

export function setShader(name: string, shader: usize): void {
  if (shaders.has(name)) drop(shaders.get(name));
  shaders.set(name, keep(shader));
}

/** Puts a kernel into JavaScript's queue: buffers, then integers, then how many workgroups. */
export function dispatch(
  kernel: string,
  tensors: StaticArray<usize>,
  integers: StaticArray<i32>,
  threads: i32,
): void {
  if (!shaders.has(kernel)) return raise('there is no pipeline for the kernel ' + kernel);
  const numbers = new StaticArray<f64>(tensors.length + integers.length + 1);
  for (let i = 0; i < tensors.length; i++) numbers[i] = <f64>dataOf(tensors[i]);
  for (let i = 0; i < integers.length; i++) numbers[tensors.length + i] = <f64>integers[i];
  numbers[numbers.length - 1] = <f64>((threads + 63) / 64);
  callWith(shaders.get(kernel), numbers);
}
