//! A TCP header with its options.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::tcp_header::run(bytes));
