//! Worlds from many seeds, of every kind. See `crore_sim::farm` for the variables that choose them.
#![cfg(not(feature = "canary"))]

use crore_sim::Seen;
use crore_sim::farm;
use crore_sim::plan::Kind;
use crore_tcp::counter::Counter;

/// Worlds of each kind that every run of the tests looks at.
const QUICK: u64 = 300;

/// What every kind of world must have shown in that many.
const SHOWN: &[Counter] = &[
    Counter::DroppedMalformed,
    Counter::DroppedChecksum,
    Counter::DroppedStray,
    Counter::DroppedFull,
    Counter::DroppedWindow,
    Counter::DroppedTimeWait,
    Counter::OpenedActive,
    Counter::OpenedPassive,
    Counter::ClosedInOrder,
    Counter::ClosedReset,
    Counter::ClosedTimeout,
    Counter::ClosedAborted,
    Counter::RetransmittedTimeout,
    Counter::RetransmittedFast,
    Counter::WindowProbes,
    Counter::KeepAliveProbes,
    Counter::ChallengeAcks,
    Counter::ResetsSent,
    Counter::Copied,
    Counter::TimeWaitEvicted,
];

/// What only servers see.
const SHOWN_BY_SERVERS: &[Counter] = &[
    Counter::DroppedBacklog,
    Counter::CookiesSent,
    Counter::CookiesAccepted,
    Counter::SynAcksResent,
    Counter::FramesExhausted,
];

/// Nothing is found, and not because nothing happened.
fn expect_nothing_found(kind: Kind, test: &str) {
    let seen = farm::run(kind, QUICK).unwrap_or_else(|found| panic!("{}", found.tell(test)));
    println!("{kind:?}: {seen:?}");
    // Whoever asks for other worlds looks at something else.
    let asked = ["SIM_SEED", "SIM_SEEDS", "SIM_FIRST", "SIM_WITHOUT", "SIM_DIVISOR", "SIM_GO_ON"];
    if asked.iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    check_shown(&seen, SHOWN);
    if kind != Kind::Crossing {
        check_shown(&seen, SHOWN_BY_SERVERS);
    }
    assert!(seen.restarts > 10 && seen.clock_steps > 10 && seen.wraps > 10 && seen.mixed < 5, "{seen:?}");
    assert!(seen.frames.iter().all(|&frames| frames > 10), "{seen:?}");
    assert!(seen.delivered > 5_000_000, "too quiet: {seen:?}");
}

fn check_shown(seen: &Seen, counters: &[Counter]) {
    let missing: Vec<_> = counters.iter().filter(|&&counter| seen.counted(counter) == 0).collect();
    assert!(missing.is_empty(), "{missing:?} never happened");
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
