//! A response, as a client reads it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::response::run(bytes));
