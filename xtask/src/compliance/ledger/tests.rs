//! States of rows and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use super::{State, problems, rows};
use crate::compliance::scan::{Evidence, Place, Target, Test};
use crate::compliance::{mutation, requirements};

const REQUIREMENTS: &str = "
[[requirement]]
id = \"MUST-1\"
section = \"3.1\"
rule = \"One.\"
[[requirement]]
id = \"MUST-2\"
section = \"3.1\"
rule = \"Two.\"
open = \"later\"
[[requirement]]
id = \"MUST-3\"
section = \"3.1\"
rule = \"Three.\"
declined = \"never\"
";

fn evidence(code: &[&str], tests: &[&str]) -> Evidence {
    let place = |id: &&str| {
        let place = Place { file: "crates/tcp/src/a.rs".to_owned(), item: Some("f".to_owned()) };
        ((*id).to_owned(), BTreeSet::from([place]))
    };
    let test = |id: &&str| {
        let test = Test { krate: "tcp".to_owned(), target: Target::Library, path: "a::tests::holds".to_owned() };
        ((*id).to_owned(), BTreeSet::from([test]))
    };
    let code: BTreeMap<_, _> = code.iter().map(place).collect();
    Evidence { code, tests: tests.iter().map(test).collect(), ..Evidence::default() }
}

#[test]
fn a_row_is_held_when_code_and_tests_name_it() {
    let all = requirements::parse(REQUIREMENTS).unwrap();
    for (code, tests, state) in [
        (&["MUST-1"][..], &["MUST-1"][..], State::Held),
        (&["MUST-1"], &[], State::Missing("no test names it")),
        (&[], &["MUST-1"], State::Missing("no code names it")),
        (&[], &[], State::Missing("neither code nor test names it")),
    ] {
        let evidence = evidence(code, tests);
        let rows = rows(&all, &evidence, &[]);
        assert_eq!(rows[0].state(), state);
        assert_eq!(problems(&rows, &evidence, &[]).len(), usize::from(state != State::Held));
    }
}

#[test]
fn an_open_row_with_a_test_is_a_stale_mark_and_a_declined_one_may_be_tested() {
    let all = requirements::parse(REQUIREMENTS).unwrap();
    let evidence = evidence(&["MUST-1", "MUST-2"], &["MUST-1", "MUST-2", "MUST-3"]);
    let rows = rows(&all, &evidence, &[]);
    assert_eq!(rows[1].state(), State::Open("later"));
    assert_eq!(rows[2].state(), State::Declined("never"));
    let problems = problems(&rows, &evidence, &[]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("MUST-2: marked open, but tcp::a::tests::holds"), "{problems:?}");
}

#[test]
fn a_mutation_must_disable_a_known_rule_and_name_one_of_its_tests() {
    let all = requirements::parse(REQUIREMENTS).unwrap();
    let mut evidence = evidence(&["MUST-1"], &["MUST-1"]);
    let mutations = |id: &str, test: &str| {
        let text =
            format!("[[mutation]]\nid = \"{id}\"\nfile = \"a\"\nfind = \"x\"\nreplace = \"y\"\ntest = \"{test}\"\n");
        mutation::parse(&text).unwrap()
    };
    for (id, test, expected) in [
        ("MUST-1", "holds", None),
        ("MUST-1", "a::tests::holds", None),
        ("MUST-1", "olds", Some("no test olds")),
        ("MUST-9", "holds", Some("MUST-9 is no requirement")),
        ("MUST-1", "holds", Some("no `mod` brings a in")),
    ] {
        let mutations = mutations(id, test);
        evidence.idle = expected.iter().filter(|words| words.contains("brings")).map(|_| "a".to_owned()).collect();
        let rows = rows(&all, &evidence, &mutations);
        let problems = problems(&rows, &evidence, &mutations);
        match expected {
            None => assert!(problems.is_empty(), "{problems:?}"),
            Some(words) => assert!(problems[0].contains(words), "{problems:?}"),
        }
    }
}
