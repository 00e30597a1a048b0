// The model: an embedding and a head, both q4f32_1. The embedding of a token is the code of the one that follows it,
// and the head is the codes of all tokens, so the logits are highest for what follows. Nothing else is remembered.
import {
  ANY_BYTES,
  ARRAY,
  at,
  HEADER,
  KV_CACHE,
  pointerOf,
  setNumber,
  setObject,
  SHAPE,
  textOf,
} from './any';
import { raise } from './calls';
import { emscripten_notify_memory_growth } from './env';
import { clock_time_get } from './wasi_snapshot_preview1';
import { allocate, dispatch, globals, setShader } from './gpu';
import { kernelTable, shaderOf } from './kernels';
import {
  drop,
  itemOf,
  lengthAt,
  newFunction,
  newList,
  newModule,
  newObject,
  newText,
  Native,
} from './objects';
import { FAIL_AT, LOSE_DEVICE_AT, METADATA, PAUSE_MS } from './options';
import { moduleFunctions } from './runtime';
import { elementsOf, newTensor, sizeAt, WEBGPU } from './tensors';

const WIDTH = 32;
/** The most that tvmjs can ask for, and it allows itself half. */
const TOO_MANY_BYTES: f64 = 2147483644;

function method(name: string, native: Native): void {
  moduleFunctions.set(name, newFunction(native));
}

function onGpu(lengths: StaticArray<i32>, type: string): usize {
  const frame = heap.alloc(<usize>lengths.length * ANY_BYTES);
  for (let i = 0; i < lengths.length; i++) setNumber(at(frame, i), lengths[i]);
  const shape = newList(SHAPE, frame, lengths.length);
  const tensor = newTensor(shape, type, WEBGPU);
  drop(shape);
  heap.free(frame);
  return tensor;
}

function listOf(tensors: StaticArray<usize>): usize {
  const frame = heap.alloc(<usize>tensors.length * ANY_BYTES);
  for (let i = 0; i < tensors.length; i++) setObject(at(frame, i), tensors[i]);
  const list = newList(ARRAY, frame, tensors.length);
  for (let i = 0; i < tensors.length; i++) drop(tensors[i]);
  heap.free(frame);
  return list;
}

function tensorIn(args: usize, index: i32): usize {
  return pointerOf(at(args, index));
}

/** In the order of METADATA. */
function parameter(list: usize, index: i32): usize {
  return pointerOf(itemOf(list, index));
}

function loadExecutable(_bound: usize, _args: usize, _count: i32, result: usize): void {
  setObject(result, newModule(0));
}

function nothing(_bound: usize, _args: usize, _count: i32, _result: usize): void {}

function metadata(_bound: usize, _args: usize, _count: i32, result: usize): void {
  setObject(result, newText(METADATA));
}

function functionMap(_bound: usize, _args: usize, _count: i32, result: usize): void {
  setObject(result, newText(kernelTable()));
}

function getShader(_bound: usize, args: usize, _count: i32, result: usize): void {
  setObject(result, newText(shaderOf(textOf(args))));
}

function updatePrebuild(_bound: usize, args: usize, _count: i32, _result: usize): void {
  setShader(textOf(args), tensorIn(args, 1));
}

/** Tokens and parameters to what stands for them, [tokens, WIDTH]. */
function embed(_bound: usize, args: usize, _count: i32, result: usize): void {
  const tokens = tensorIn(args, 0);
  const parameters = tensorIn(args, 1);
  const count = elementsOf(tokens);
  const hidden = onGpu([count, WIDTH], 'float32');
  const weights = [tokens, parameter(parameters, 0), parameter(parameters, 1), hidden];
  dispatch('embed', StaticArray.fromArray(weights), [count], count * WIDTH);
  setObject(result, hidden);
}

let generated = 0;

/** Prefill and decode: hidden states [1, tokens, WIDTH], KV cache and parameters to [logits, KV cache]. */
function forward(_bound: usize, args: usize, _count: i32, result: usize): void {
  const hidden = tensorIn(args, 0);
  const cache = tensorIn(args, 1);
  const parameters = tensorIn(args, 2);
  const count = sizeAt(hidden, 1);
  if (load<i32>(cache, HEADER + 8) !== count) return raise('the KV cache was not told of these tokens');
  pause();
  generated++;
  if (generated === FAIL_AT) return raise('this token was made to fail');
  if (generated === LOSE_DEVICE_AT) allocate(TOO_MANY_BYTES);
  const vocabulary = sizeAt(parameter(parameters, 2), 0);
  const logits = onGpu([1, 1, vocabulary], 'float32');
  const weights = [hidden, parameter(parameters, 2), parameter(parameters, 3), logits];
  dispatch('lm_head', StaticArray.fromArray(weights), [count, vocabulary], vocabulary);
  setObject(result, listOf([logits]));
}

function pause(): void {
  const until = now() + <i64>PAUSE_MS * 1_000_000;
  while (now() < until);
}

function now(): i64 {
  const time = heap.alloc(8);
  emscripten_notify_memory_growth(0);
  clock_time_get(1, 1, time);
  const read = load<i64>(time);
  heap.free(time);
  return read;
}

function softmax(_bound: usize, args: usize, _count: i32, result: usize): void {
  const vocabulary = elementsOf(tensorIn(args, 0));
  const probabilities = onGpu([1, 1, vocabulary], 'float32');
  dispatch('softmax', [tensorIn(args, 0), tensorIn(args, 1), probabilities], [vocabulary], 1);
  setObject(result, probabilities);
}

function argsort(_bound: usize, args: usize, _count: i32, result: usize): void {
  const vocabulary = elementsOf(tensorIn(args, 0));
  const sorted = onGpu([1, vocabulary], 'float32');
  const order = onGpu([1, vocabulary], 'int32');
  dispatch('argsort', [tensorIn(args, 0), sorted, order], [vocabulary], vocabulary);
  setObject(result, listOf([sorted, order]));
}

/** Sorted probabilities, their tokens, a number of chance, which samples, top-p. */
function sample(_bound: usize, args: usize, _count: i32, result: usize): void {
  const vocabulary = elementsOf(tensorIn(args, 0));
  const token = onGpu([1], 'int32');
  const tensors = [tensorIn(args, 0), tensorIn(args, 1), tensorIn(args, 2), tensorIn(args, 4), token];
  dispatch('sample', StaticArray.fromArray(tensors), [vocabulary], 1);
  setObject(result, token);
}

/** Logits, sequences, positions, tokens, how often each came, and the penalties: presence, frequency, repetition. */
function applyPenalty(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const count = elementsOf(tensorIn(args, 3));
  const tensors = [tensorIn(args, 3), tensorIn(args, 4), tensorIn(args, 5), tensorIn(args, 0)];
  dispatch('penalty', StaticArray.fromArray(tensors), [count], count);
}

function applyBias(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const count = elementsOf(tensorIn(args, 2));
  dispatch('bias', [tensorIn(args, 2), tensorIn(args, 3), tensorIn(args, 0)], [count], count);
}

function applyMask(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const vocabulary = elementsOf(tensorIn(args, 0));
  dispatch('mask', [tensorIn(args, 2), tensorIn(args, 0)], [vocabulary], vocabulary);
}

// KV cache: { positions there are, positions filled, positions of the forward pass that goes on }. It has no keys and
// no values, but it holds its caller to the order of calls and to the length of the context.
function createCache(_bound: usize, args: usize, _count: i32, result: usize): void {
  const cache = newObject(KV_CACHE, 12);
  store<i32>(cache, lengthAt(tensorIn(args, 1), 0), HEADER);
  setObject(result, cache);
}

function clearCache(_bound: usize, args: usize, _count: i32, _result: usize): void {
  store<i32>(pointerOf(args), 0, HEADER + 4);
  store<i32>(pointerOf(args), 0, HEADER + 8);
}

function beginForward(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const cache = pointerOf(args);
  const filled = load<i32>(cache, HEADER + 4) + lengthAt(tensorIn(args, 2), 0);
  if (filled > load<i32>(cache, HEADER)) return raise('the KV cache is full');
  store<i32>(cache, filled, HEADER + 4);
  store<i32>(cache, lengthAt(tensorIn(args, 2), 0), HEADER + 8);
}

function endForward(_bound: usize, args: usize, _count: i32, _result: usize): void {
  store<i32>(pointerOf(args), 0, HEADER + 8);
}

method('vm_load_executable', loadExecutable);
method('vm_initialization', nothing);
method('_metadata', metadata);
method('webgpu.get_fmap', functionMap);
method('webgpu.get_shader', getShader);
method('webgpu.update_prebuild', updatePrebuild);
method('embed', embed);
method('prefill', forward);
method('decode', forward);
method('create_tir_paged_kv_cache', createCache);
method('softmax_with_temperature', softmax);
method('argsort_probs', argsort);
method('sample_with_top_p', sample);
method('apply_penalty_inplace', applyPenalty);
method('apply_logit_bias_inplace', applyBias);
method('apply_bitmask_inplace', applyMask);
globals.set('vm.builtin.kv_state_clear', newFunction(clearCache));
globals.set('vm.builtin.kv_state_add_sequence', newFunction(nothing));
globals.set('vm.builtin.kv_state_remove_sequence', newFunction(nothing));
globals.set('vm.builtin.kv_state_begin_forward', newFunction(beginForward));
globals.set('vm.builtin.kv_state_end_forward', newFunction(endForward));
