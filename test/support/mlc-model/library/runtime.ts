// What tvmjs and web-llm ask the runtime for by name, whatever the model.
import { ANY_BYTES, ARRAY, at, BYTES, numberOf, pointerOf, setNumber, setObject, SHAPE, textOf } from './any';
import { raise } from './calls';
import { globals } from './gpu';
import { itemOf, keep, lengthOf, newBytes, newFunction, newList, newModule, own, Native } from './objects';
import { bytesOf, copy, CPU, dataOf, deviceOf, newTensor, newView } from './tensors';

export const moduleFunctions = new Map<string, usize>();
const tensorCache = new Map<string, usize>();

function global(name: string, native: Native): void {
  globals.set(name, newFunction(native));
}

/** Asked for as a model is loaded, and not called for a model of this kind. */
const NEVER_CALLED: StaticArray<string> = [
  'ffi.FunctionListGlobalNamesFunctor',
  'ffi.ModuleImportModule',
  'tvmjs.runtime.ArrayConcat',
  'tvmjs.runtime.ConcatEmbeddings',
  'tvmjs.array.decode_storage',
  'vm.builtin.tensor_cache.remove',
  'vm.builtin.param_module_from_cache',
  'vm.builtin.sample_top_p_from_logits',
  'vm.builtin.sample_top_p_from_prob',
  'vm.builtin.apply_repetition_penalty',
  'vm.builtin.apply_presence_and_frequency_penalty',
  'vm.builtin.apply_softmax_with_temperature',
  'vm.builtin.attention_kv_cache_enable_sliding_window_for_seq',
];

function systemLibrary(_bound: usize, _args: usize, _count: i32, result: usize): void {
  setObject(result, newModule(0));
}

/** Of a module that is bound to something, its only function gives that. None where there is no such function. */
function moduleGetFunction(_bound: usize, args: usize, _count: i32, result: usize): void {
  const target = load<u32>(pointerOf(args), 24);
  const name = textOf(at(args, 1));
  if (target !== 0) setObject(result, newFunction(boundTo, keep(target)));
  else if (moduleFunctions.has(name)) setObject(result, keep(moduleFunctions.get(name)));
}

function boundTo(bound: usize, _args: usize, _count: i32, result: usize): void {
  setObject(result, keep(bound));
}

function makeArray(_bound: usize, args: usize, count: i32, result: usize): void {
  setObject(result, newList(ARRAY, args, count));
}

function makeShape(_bound: usize, args: usize, count: i32, result: usize): void {
  setObject(result, newList(SHAPE, args, count));
}

function arrayGetItem(_bound: usize, args: usize, _count: i32, result: usize): void {
  const index = <i32>numberOf(at(args, 1));
  if (index < 0 || index >= lengthOf(pointerOf(args)))
    return raise('an array has no item ' + index.toString());
  own(itemOf(pointerOf(args), index), result);
}

function arraySize(_bound: usize, args: usize, _count: i32, result: usize): void {
  setNumber(result, lengthOf(pointerOf(args)));
}

function tensorEmpty(_bound: usize, args: usize, _count: i32, result: usize): void {
  const device = load<i32>(at(args, 2), 8);
  setObject(result, newTensor(pointerOf(args), textOf(at(args, 1)), device));
}

function tensorView(_bound: usize, args: usize, _count: i32, result: usize): void {
  if (numberOf(at(args, 3)) !== 0) return raise('this library makes no views that begin elsewhere');
  setObject(result, newView(pointerOf(args), pointerOf(at(args, 1)), textOf(at(args, 2))));
}

function tensorCopy(_bound: usize, args: usize, _count: i32, _result: usize): void {
  copy(pointerOf(args), pointerOf(at(args, 1)));
}

function tensorFromBytes(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const tensor = pointerOf(args);
  const array = pointerOf(at(args, 1));
  if (deviceOf(tensor) !== CPU || load<u32>(array, 4) !== <u32>bytesOf(tensor))
    return raise('bytes that do not fit the tensor');
  memory.copy(dataOf(tensor), load<u32>(array), bytesOf(tensor));
}

function tensorToBytes(_bound: usize, args: usize, _count: i32, result: usize): void {
  setObject(result, newBytes(BYTES, dataOf(pointerOf(args)), bytesOf(pointerOf(args))));
}

function cacheGet(_bound: usize, args: usize, _count: i32, result: usize): void {
  const name = textOf(args);
  if (tensorCache.has(name)) setObject(result, keep(tensorCache.get(name)));
}

function cacheUpdate(_bound: usize, args: usize, _count: i32, _result: usize): void {
  const name = textOf(args);
  if (tensorCache.has(name)) return raise('the tensor ' + name + ' was loaded twice');
  tensorCache.set(name, keep(pointerOf(at(args, 1))));
}

function cacheClear(_bound: usize, _args: usize, _count: i32, _result: usize): void {
  tensorCache.clear();
}

/** A module whose `get_params` gives the tensors of these names. */
function parametersByName(_bound: usize, args: usize, _count: i32, result: usize): void {
  const names = pointerOf(args);
  const frame = heap.alloc(<usize>lengthOf(names) * ANY_BYTES);
  for (let i = 0; i < lengthOf(names); i++) {
    const name = textOf(itemOf(names, i));
    if (!tensorCache.has(name)) return raise('the weights have no tensor ' + name);
    setObject(at(frame, i), tensorCache.get(name));
  }
  setObject(result, newModule(newList(ARRAY, frame, lengthOf(names))));
  heap.free(frame);
}

function neverCalled(_bound: usize, _args: usize, _count: i32, _result: usize): void {
  raise('this library does not have the function that was called');
}

for (let i = 0; i < NEVER_CALLED.length; i++) global(NEVER_CALLED[i], neverCalled);
global('ffi.SystemLib', systemLibrary);
global('ffi.ModuleGetFunction', moduleGetFunction);
global('ffi.Array', makeArray);
global('ffi.Shape', makeShape);
global('ffi.ArrayGetItem', arrayGetItem);
global('ffi.ArraySize', arraySize);
global('runtime.TVMTensorAllocWithScope', tensorEmpty);
global('runtime.TVMTensorCreateView', tensorView);
global('runtime.TVMTensorCopyFromTo', tensorCopy);
global('tvmjs.runtime.TensorCopyFromBytes', tensorFromBytes);
global('tvmjs.runtime.TensorCopyToBytes', tensorToBytes);
global('vm.builtin.tensor_cache.get', cacheGet);
global('vm.builtin.tensor_cache.update', cacheUpdate);
global('vm.builtin.tensor_cache.clear', cacheClear);
global('vm.builtin.param_module_from_cache_by_name', parametersByName);
