//! How a judge's lines are counted.

use std::path::PathBuf;

use super::verdict;
use crate::exec::Ended;
use crate::report::Tally;

fn ended(code: Option<i32>, timed_out: bool, output: &str) -> Ended {
    Ended { code, timed_out, output: output.to_owned(), log: PathBuf::from("log") }
}

#[test]
fn every_line_of_a_judge_is_counted() {
    let outcome = verdict(&ended(Some(1), false, "noise\nok a\nok b\nnot ok c: why\nskip d: why\n# a figure\n"));
    assert_eq!(outcome.tally, Tally { passed: 2, failed: 1, skipped: 1 });
    assert_eq!(outcome.lines, ["not ok c: why", "skip d: why", "# a figure", "(all of it: log)"]);
}

#[test]
fn a_judge_that_says_nothing_has_failed() {
    assert_eq!(verdict(&ended(Some(0), false, "")).tally, Tally::FAILED);
}

#[test]
fn a_judge_that_breaks_off_has_failed_even_when_all_it_said_was_good() {
    let outcome = verdict(&ended(Some(1), false, "ok a\nTraceback: no\n"));
    assert_eq!(outcome.tally, Tally { passed: 1, failed: 1, skipped: 0 });
}

#[test]
fn a_judge_ended_by_its_time_limit_has_failed_beside_what_it_said() {
    let outcome = verdict(&ended(None, true, "ok a\nnot ok b: x\n"));
    assert_eq!(outcome.tally, Tally { passed: 1, failed: 2, skipped: 0 });
    assert!(outcome.detail.contains("time limit"), "{}", outcome.detail);
}
