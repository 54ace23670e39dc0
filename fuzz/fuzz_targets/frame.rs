//! A frame from the wire.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::frame::run(bytes));
