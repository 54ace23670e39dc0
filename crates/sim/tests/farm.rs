//! Worlds from many seeds, of every kind. See `crore_sim::farm` for the variables that choose them.
#![cfg(not(feature = "canary"))]

use crore_sim::Seen;
use crore_sim::farm;
use crore_sim::plan::Kind;

/// Worlds of each kind that every run of the tests looks at.
const QUICK: u64 = 300;

fn expect_nothing_found(kind: Kind, test: &str) -> Seen {
    let seen = farm::run(kind, QUICK).unwrap_or_else(|found| panic!("{}", found.tell(test)));
    println!("{seen:?}");
    seen
}

#[test]
fn two_hosts_lose_nothing() {
    expect_nothing_found(Kind::Pair, "two_hosts_lose_nothing");
}

#[test]
fn two_hosts_that_open_at_once_lose_nothing() {
    expect_nothing_found(Kind::Crossing, "two_hosts_that_open_at_once_lose_nothing");
}

#[test]
fn a_server_and_its_clients_lose_nothing() {
    expect_nothing_found(Kind::Crowd, "a_server_and_its_clients_lose_nothing");
}
