//! One connection, operation by operation.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::connection::run(bytes));
