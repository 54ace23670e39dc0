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
fn every_judge_of_the_server_is_heard_on_a_tap_interface_and_all_but_those_of_the_network_over_epoll_and_uring() {
    for judge in JUDGES.iter().filter(|judge| judge.subject == Subject::Server) {
        let heard = |io| ROUNDS.iter().any(|round| round.io == io && round.hears(judge.name));
        assert!(heard(Io::Tap), "{} on tap", judge.name);
        for model in ["epoll", "uring"] {
            assert_eq!(heard(Io::Kernel(model)), !NETWORK.contains(&judge.name), "{} over {model}", judge.name);
        }
    }
}

#[test]
fn every_model_of_the_kernels_sockets_is_judged() {
    for model in ["select", "poll", "epoll-lt", "epoll", "uring", "portable"] {
        assert!(ROUNDS.iter().any(|round| round.io == Io::Kernel(model) && round.hears("api")), "{model}");
    }
}

#[test]
fn rows_and_logs_of_a_judge_have_names_of_their_own() {
    let titles: HashSet<String> = ROUNDS.iter().map(|round| round.title("api")).collect();
    let logs: HashSet<String> = ROUNDS.iter().map(|round| round.log_name("api")).collect();
    assert_eq!((titles.len(), logs.len()), (ROUNDS.len(), ROUNDS.len()));
}

#[test]
fn a_row_says_what_carried_the_connections() {
    let titles: Vec<String> = ROUNDS.iter().map(|round| round.title("api")).collect();
    assert_eq!(titles[..2], ["api (epoll, 1 worker)", "api (uring, 4 workers)"]);
}
