//! Rules of a small workspace, disabled for real: cargo builds and runs its tests.

use std::time::Duration;

use super::super::Books;
use super::prove;
use super::report::Report;
use crate::compliance::scratch::Claim;
use crate::compliance::tests::Fixture;

fn report(fixture: &Fixture, ids: &[&str]) -> Result<Report, String> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let claim = Claim::take(fixture.root(), |words| panic!("{words}"))?;
    prove(fixture.root(), claim, &Books::read(fixture.root())?, &ids, Duration::from_secs(3))
}

fn mutation(id: &str, file: &str, find: &str, replace: &str) -> String {
    format!("[[mutation]]\nid = \"{id}\"\nfile = \"{file}\"\nfind = '{find}'\nreplace = '{replace}'\n")
}

#[test]
fn a_rule_that_is_disabled_is_caught_or_its_row_is_a_claim_without_proof() {
    let fixture = Fixture::workspace("prove");
    let mutations = [
        mutation("MUST-1", "crates/wire/src/lib.rs", ".min(9)", ""),
        mutation("MUST-2", "crates/tcp/src/lib.rs", "* 2", "* 3"),
        mutation("MUST-2", "crates/tcp/src/lib.rs", "* 2", "; panic!()"),
        mutation("MUST-3", "crates/tcp/src/lib.rs", "* 2", "* 3"),
        mutation("MUST-1", "crates/wire/src/lib.rs", "value.min(9)", "nonsense"),
    ];
    fixture.write("xtask/compliance/mutations.toml", &mutations.concat());
    let report = report(&fixture, &[]).unwrap();
    let table = report.table();
    assert!(!report.is_good());
    for line in [
        "  BROKEN  MUST-1  it does not compile: error[E0425]",
        "  proven  MUST-2  by tcp::double::three_becomes_six",
        "SURVIVED  MUST-3  every test passes",
        "1 proven, 0 hung, 1 survived, 1 broken, 0 unproven, 0 not held",
    ] {
        assert!(table.lines().any(|found| found.starts_with(line)), "{line}\n{table}");
    }
    // The copy was broken, the sources were not.
    let source = std::fs::read_to_string(fixture.root().join("crates/wire/src/lib.rs")).unwrap();
    assert!(source.contains("value.min(9)"));
    let report = self::report(&fixture, &["MUST-2"]).unwrap();
    assert!(report.is_good() && report.trials.len() == 2, "{}", report.table());
}

#[test]
fn a_test_that_fails_by_itself_proves_nothing_and_one_that_dies_has_failed() {
    let fixture = Fixture::workspace("baseline");
    fixture.write(
        "crates/tcp/tests/double.rs",
        "/// RFC 9293 MUST-2\n#[test]\nfn fails() {\n    panic!();\n}\n\n/// RFC 9293 MUST-3\n#[test]\nfn dies() {\n    if crore_tcp::twice(3) != 6 {\n        std::process::abort();\n    }\n}\n",
    );
    let mutations = [
        mutation("MUST-2", "crates/tcp/src/lib.rs", "* 2", "* 3"),
        mutation("MUST-3", "crates/tcp/src/lib.rs", "* 2", "* 4"),
    ];
    fixture.write("xtask/compliance/mutations.toml", &mutations.concat());
    let table = report(&fixture, &[]).unwrap().table();
    assert!(table.contains("BROKEN  MUST-2  tcp::double::fails does not pass without it"), "{table}");
    assert!(table.contains("proven  MUST-3  by tcp::double::dies"), "{table}");
    assert!(table.contains("1 proven, 0 hung, 0 survived, 1 broken"), "{table}");
}

#[test]
fn a_test_that_hangs_is_ended_and_those_beside_it_are_not_blamed() {
    let fixture = Fixture::workspace("hangs");
    fixture.write(
        "crates/tcp/tests/double.rs",
        "/// RFC 9293 MUST-2\n#[test]\nfn hangs() {\n    while crore_tcp::twice(3) != 6 {\n        std::thread::yield_now();\n    }\n}\n\n/// RFC 9293 MUST-3\n#[test]\nfn waits() {\n    let begun = std::time::Instant::now();\n    while crore_tcp::twice(3) != 6 && begun.elapsed().as_secs() < 1 {\n        std::thread::yield_now();\n    }\n}\n",
    );
    let both =
        mutation("MUST-2", "crates/tcp/src/lib.rs", "* 2", "* 3").replace("\"MUST-2\"", "[\"MUST-2\", \"MUST-3\"]");
    fixture.write("xtask/compliance/mutations.toml", &both);
    let report = report(&fixture, &[]).unwrap();
    let table = report.table();
    assert!(table.contains("    hung  MUST-2  tcp::double::hangs does not end"), "{table}");
    assert!(table.contains("SURVIVED  MUST-3  every test passes"), "{table}");
}

#[test]
fn rows_without_mutations_are_listed_and_unknown_ids_refused() {
    let fixture = Fixture::workspace("unproven");
    let report = report(&fixture, &[]).unwrap();
    assert_eq!(report.unproven, ["MUST-1", "MUST-2", "MUST-3"]);
    assert!(report.is_good() && report.trials.is_empty());
    assert!(self::report(&fixture, &["MUST-9"]).err().unwrap().contains("MUST-9"));
}
