//! Request load in a simulated world.

use crore_base::time::Duration;

use super::mischief::Mischief;
use super::server::Server;
use super::{CONNECTIONS, failures, judged, plan, played};
use crate::latency::Latencies;
use crate::target::Kind;
use crate::wire::Plan;

#[crore_rt::test(seeds = 5)]
async fn requests_without_a_rate_follow_each_other_on_every_connection() {
    let report = judged(Kind::Requests, Mischief::default()).await;
    assert_eq!(failures(&report), []);
    assert!(report.requests > CONNECTIONS * 20, "{} requests in a second", report.requests);
}

#[crore_rt::test(seeds = 5)]
async fn requests_with_a_rate_are_exactly_as_many_as_the_schedule_says() {
    let server = Server::start(Mischief::default());
    let plan = Plan { request_rate: Some(500), ..plan(Kind::Requests, &server) };
    let report = played(plan).await;
    assert_eq!((failures(&report), report.requests), (vec![], 500));
}

#[crore_rt::test]
async fn a_stalling_server_shows_in_latencies_that_count_from_the_schedule() {
    let server = Server::start(Mischief { stall: Some(Duration::from_millis(300)), ..Mischief::default() });
    let plan = Plan { request_rate: Some(100), connections: 1, ..plan(Kind::Requests, &server) };
    let report = played(plan).await;
    let mut latencies = Latencies::default();
    latencies.merge(&report.latencies);
    // The first request alone took 300 ms; the thirty due meanwhile waited for it, and that is counted.
    assert!(latencies.quantile_ms(0.9).unwrap() > 100.0, "{:?}", latencies.quantile_ms(0.9));
}
