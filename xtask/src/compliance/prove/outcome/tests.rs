//! The harness's lines.

use super::Outcomes;

#[test]
fn only_lines_that_end_in_ok_are_passed() {
    let output = "running 4 tests\ntest a::tests::one ... ok\ntest a::tests::two ... FAILED\ntest three - should panic ... ok\n\
        test four ... ignored\ntest five has been running for over 60 seconds\ntest result: FAILED. 2 passed\n";
    let outcomes = Outcomes::read(output);
    for (name, passed) in [
        ("a::tests::one", true),
        ("a::tests::two", false),
        ("three", true),
        ("four", false),
        ("five", false),
        ("six", false),
    ] {
        assert_eq!(outcomes.passed(name), passed, "{name}");
    }
}
