// The file's name is the module's.

/** Nanoseconds of a clock; 1 is the monotonic one. */
export declare function clock_time_get(clock: i32, precision: i64, time: usize): i32;
