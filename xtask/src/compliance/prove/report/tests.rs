//! What readers and programs are told.

use std::time::Duration;

use super::{Report, Trial, Verdict};

fn trial(line: u32, verdicts: &[(&str, Verdict)]) -> Trial {
    let verdicts = verdicts.iter().map(|(id, verdict)| ((*id).to_owned(), verdict.clone())).collect();
    Trial { place: format!("mutations.toml:{line}"), verdicts, took: Duration::from_millis(1500) }
}

fn caught(test: &str) -> Verdict {
    Verdict::Caught(vec![test.to_owned()])
}

#[test]
fn a_row_is_as_good_as_its_worst_mutation() {
    let trials = vec![
        trial(1, &[("MUST-1", caught("a")), ("MUST-2", caught("b"))]),
        trial(9, &[("MUST-1", Verdict::Survived)]),
        trial(11, &[("MUST-2", Verdict::Hung("b".to_owned())), ("MUST-6", caught("c"))]),
        trial(17, &[("MUST-1", caught("a")), ("MUST-3", Verdict::Broken("no \"x\"".to_owned()))]),
    ];
    let report = Report { trials, unproven: vec!["MUST-4".to_owned()], not_held: vec!["MUST-5".to_owned()] };
    assert!(!report.is_good());
    let table = report.table();
    for line in [
        "SURVIVED  MUST-1  every test passes with the rule disabled (mutations.toml:9)",
        "    hung  MUST-2  b does not end (mutations.toml:11)",
        "  proven  MUST-6  by c (mutations.toml:11)",
        "  BROKEN  MUST-3  no \"x\" (mutations.toml:17)",
        "unproven  MUST-4  no mutation disables it",
        "1 proven, 1 hung, 1 survived, 1 broken, 1 unproven, 1 not held",
    ] {
        assert!(table.lines().any(|found| found == line), "{line}\n{table}");
    }
    let json = report.json();
    assert!(
        json.starts_with("{\"proven\":1,\"hung\":1,\"survived\":1,\"broken\":1,\"unproven\":[\"MUST-4\"],"),
        "{json}"
    );
    assert!(json.contains("\"verdict\":\"broken\",\"tests\":[],\"reason\":\"no \\\"x\\\"\",\"seconds\":1.5"), "{json}");
    assert!(json.contains("\"verdict\":\"hung\",\"tests\":[\"b\"],\"reason\":null"), "{json}");
    assert_eq!(json.matches('\n').count(), 1);
}

#[test]
fn rows_without_a_mutation_are_no_failure() {
    let report = Report { unproven: vec!["MUST-4".to_owned()], ..Report::default() };
    assert!(report.is_good());
    assert!(report.table().contains("0 proven, 0 hung, 0 survived, 0 broken, 1 unproven, 0 not held"));
}

#[test]
fn a_test_that_hangs_is_noticed_but_told_apart() {
    let report = Report { trials: vec![trial(1, &[("MUST-1", Verdict::Hung("a".to_owned()))])], ..Report::default() };
    assert!(report.is_good());
    assert!(report.table().contains("0 proven, 1 hung, 0 survived"), "{}", report.table());
}
