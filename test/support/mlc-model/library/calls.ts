import { HEADER, setNone } from './any';
import { TVMFFIWasmSafeCall } from './env';

let error: ArrayBuffer | null = null;
let isRaised: bool = false;

/** AssemblyScript cannot throw: the call goes on with zeros to its end, and then fails with the first of these. */
export function raise(message: string): void {
  if (isRaised) return;
  isRaised = true;
  error = String.UTF8.encode(message, true);
}

export function hasRaised(): bool {
  return isRaised;
}

export function lastError(): usize {
  return changetype<usize>(error);
}

const CALLS_BETWEEN_COLLECTIONS = 1000;
let calls = 0;

/** From JavaScript, never within another call: 0, or -1 and `lastError`. */
export function callFromJs(callee: usize, args: usize, count: i32, result: usize): i32 {
  // This runtime collects only when told to, which must be where no variable holds anything.
  if (++calls % CALLS_BETWEEN_COLLECTIONS === 0) __collect();
  isRaised = false;
  call(callee, args, count, result);
  return isRaised ? -1 : 0;
}

export function call(callee: usize, args: usize, count: i32, result: usize): void {
  setNone(result);
  const index = load<i32>(callee, HEADER + 4);
  if (load<i32>(callee, HEADER) === 0)
    call_indirect<void>(index, <usize>load<u32>(callee, HEADER + 8), args, count, result);
  else if (TVMFFIWasmSafeCall(index, args, count, result) !== 0) raise('a call to JavaScript failed');
}
