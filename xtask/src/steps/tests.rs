//! What is read from cargo's output.

use super::counts;

#[test]
fn counts_of_all_test_binaries_are_summed() {
    let output = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test a ... FAILED
test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s
";
    assert_eq!(counts(output), (13, 2, 1));
}

#[test]
fn output_without_results_counts_nothing() {
    assert_eq!(counts("error: could not compile\n7 passed\n"), (0, 0, 0));
}
