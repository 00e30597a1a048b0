// What tvmjs gives a library. The file's name is the module's.

/** Calls a JavaScript function by its number in tvmjs' table; 0 is success. */
export declare function TVMFFIWasmSafeCall(self: i32, args: usize, count: i32, result: usize): i32;
export declare function TVMFFIWasmFunctionDeleter(self: i32): void;
/** The WASI functions work on memory as it was when this was last called. */
export declare function emscripten_notify_memory_growth(memory: i32): void;
