//! A stream of server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::sse::run(bytes));
