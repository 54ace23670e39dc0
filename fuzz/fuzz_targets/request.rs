//! Requests on one connection, as a server reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crore_fuzz::request::run(bytes));
