//! That the matrix is what it says.

use std::collections::HashSet;

use super::super::{JUDGES, Subject};
use super::{Io, NETWORK, ROUNDS};

#[test]
fn every_name_in_a_round_is_that_of_a_judge_of_the_server() {
    let known = |name: &&str| JUDGES.iter().any(|judge| judge.subject == Subject::Server && judge.name == *name);
    for round in ROUNDS {
        let unknown: Vec<_> = round.only.iter().filter(|name| !known(name)).collect();
        assert!(unknown.is_empty(), "{:?} with {} workers: {unknown:?}", round.io, round.workers);
    }
}

#[test]
fn every_judge_of_the_server_is_heard_on_a_tap_interface_and_all_but_those_of_the_network_over_the_kernel() {
    for judge in JUDGES.iter().filter(|judge| judge.subject == Subject::Server) {
        let heard = |io| ROUNDS.iter().filter(|round| round.io == io && round.hears(judge.name)).count();
        assert!(heard(Io::Tap) >= 1, "{} on tap", judge.name);
        assert_eq!(
            heard(Io::Kernel),
            if NETWORK.contains(&judge.name) { 0 } else { 2 },
            "{} over the kernel",
            judge.name
        );
    }
}

#[test]
fn rows_and_logs_of_a_judge_have_names_of_their_own() {
    let titles: HashSet<String> = ROUNDS.iter().map(|round| round.title("api")).collect();
    let logs: HashSet<String> = ROUNDS.iter().map(|round| round.log_name("api")).collect();
    assert_eq!((titles.len(), logs.len()), (ROUNDS.len(), ROUNDS.len()));
}

#[test]
fn a_row_says_what_carried_the_connections_when_it_was_not_the_kernel() {
    let titles: Vec<String> = ROUNDS.iter().map(|round| round.title("api")).collect();
    assert_eq!(titles[..4], ["api (1 worker)", "api (4 workers)", "api (tap, 1 worker)", "api (tap, 2 workers)"]);
}
