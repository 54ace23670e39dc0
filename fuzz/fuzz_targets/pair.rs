//! A pair of engines with faults between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::pair::run(bytes));
