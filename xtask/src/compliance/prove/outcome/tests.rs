//! The harness's lines.

use std::path::PathBuf;

use super::{Outcome, Outcomes};
use crate::exec::Ended;

fn alone(code: Option<i32>, output: &str) -> Ended {
    Ended { code, timed_out: code.is_none(), output: output.to_owned(), log: PathBuf::new() }
}

#[test]
fn only_lines_that_end_in_ok_or_failed_say_what_became_of_a_test() {
    let output = "running 4 tests\ntest a::tests::one ... ok\ntest a::tests::two ... FAILED\ntest three - should panic ... ok\n\
        test four ... ignored\ntest five has been running for over 60 seconds\ntest result: FAILED. 2 passed\n";
    let outcomes = Outcomes::read(output);
    for (name, outcome) in [
        ("a::tests::one", Outcome::Passed),
        ("a::tests::two", Outcome::Failed),
        ("three", Outcome::Passed),
        ("four", Outcome::Silent),
        ("five", Outcome::Silent),
        ("six", Outcome::Silent),
    ] {
        assert_eq!(outcomes.of(name), outcome, "{name}");
    }
}

#[test]
fn a_silent_test_is_judged_by_its_own_run() {
    for (ended, outcome) in [
        (alone(Some(0), "test one ... ok\n"), Outcome::Passed),
        (alone(Some(101), "test one ... FAILED\n"), Outcome::Failed),
        (alone(Some(101), "test one ..."), Outcome::Failed),
        (alone(None, "running 1 test\n"), Outcome::Hung),
        (alone(Some(0), "running 0 tests\n"), Outcome::Silent),
    ] {
        let mut outcomes = Outcomes::default();
        outcomes.settle("one", &ended);
        assert_eq!(outcomes.of("one"), outcome, "{:?}", ended.output);
    }
}
