//! A lane against a server in a simulated world, which splits and delays everything, and which can be told to lose,
//! repeat, reorder, refuse and cut: the lane must notice each, and must not see what is not there.

use super::run;
use crore_base::time::Duration;
use crore_rt::channel::mpsc;
use crore_rt::spawn;

use crate::latency::Latencies;
use crate::mailbox::Mailbox;
use crate::stamp::Clock;
use crate::target::{Kind, Target};
use crate::wire::{Event, LaneReport, Last, Order, Plan, PublisherPlan};

mod mischief;
mod refusals;
mod requests;
mod server;

use mischief::Mischief;
use server::Server;

const CONNECTIONS: u64 = 40;
const PUBLICATIONS: u64 = 20;

fn plan(kind: Kind, server: &Server) -> Plan {
    let path = match kind {
        Kind::WebSocket => "/connection/websocket",
        Kind::Events => "/events?channel=load",
        Kind::Requests => "/health",
    };
    let target =
        Target { kind, address: server.address(), is_secured: false, host: "server".into(), path: path.into() };
    let api = Target { path: "/api".into(), ..target.clone() };
    plan_of(target, api)
}

fn plan_of(target: Target, api: Target) -> Plan {
    let rate = (target.kind != Kind::Requests).then_some(PUBLICATIONS);
    Plan {
        lane: 0,
        lanes: 1,
        target,
        channel: "load".into(),
        connections: CONNECTIONS,
        connect_rate: 1_000,
        request_rate: None,
        sources: Vec::new(),
        trust: Default::default(),
        network: Default::default(),
        io: "sim".into(),
        run: 7,
        publisher: Some(PublisherPlan { api, api_key: Some("key".into()), rate, payload_bytes: 100 }),
    }
}

/// Goes through all phases with one second of holding.
async fn played(plan: Plan) -> LaneReport {
    let (sender, mut events) = mpsc::channel(1_000);
    let orders = Mailbox::default();
    let emit = move |event| sender.try_send(event).map_err(drop).expect("the test reads events as they come");
    let lane = spawn(run(plan, Clock::of_world(), orders.clone(), emit));
    let mut report = None;
    while let Some(event) = events.recv().await {
        match event {
            Event::Ready => orders.send(Order::Ramp { start: Clock::of_world().now() }),
            Event::Ramped(ramped) => {
                assert!(ramped.ready_ns.is_sorted());
                let start = Clock::of_world().now();
                orders.send(Order::Hold { start, end: start.after(Duration::from_secs(1)), top: ramped.top });
            }
            Event::Held(held) => orders.send(Order::Drain { last: held.last.max(Last::default()) }),
            Event::Done(done) => {
                report = Some(*done);
                orders.send(Order::Close);
            }
            Event::Progress(progress) => assert!(progress.open <= progress.ready),
            Event::Broken(problem) => panic!("the lane gave up: {problem}"),
        }
    }
    lane.await.expect("the lane ends by itself");
    report.expect("the lane reports before it ends")
}

async fn judged(kind: Kind, mischief: Mischief) -> LaneReport {
    let server = Server::start(mischief);
    played(plan(kind, &server)).await
}

fn failures(report: &LaneReport) -> Vec<(String, u64)> {
    report.failures.iter().map(|(reason, count)| (reason.to_owned(), count)).collect()
}

fn faults(report: &LaneReport) -> (u64, u64, u64) {
    (report.lost, report.duplicated, report.reordered)
}

#[crore_rt::test(seeds = 10)]
async fn a_good_server_gets_a_clean_report() {
    for kind in [Kind::WebSocket, Kind::Events] {
        let report = judged(kind, Mischief::default()).await;
        assert_eq!((failures(&report), faults(&report)), (vec![], (0, 0, 0)), "{kind:?}");
        assert_eq!(report.delivered, CONNECTIONS * PUBLICATIONS, "{kind:?}");
        assert_eq!(report.requests, PUBLICATIONS, "{kind:?}");
        let mut latencies = Latencies::default();
        latencies.merge(&report.latencies);
        assert_eq!(latencies.count(), report.delivered, "each delivery has a latency");
    }
}

#[crore_rt::test(seeds = 10)]
async fn a_lost_publication_is_noticed_on_the_connection_that_lacks_it() {
    for kind in [Kind::WebSocket, Kind::Events] {
        // The first, one in the middle, and the last.
        let mischief = Mischief { lose: vec![(3, 1), (4, 7), (5, PUBLICATIONS)], ..Mischief::default() };
        let report = judged(kind, mischief).await;
        assert_eq!(faults(&report), (3, 0, 0), "{kind:?}");
        assert_eq!(report.delivered, CONNECTIONS * PUBLICATIONS - 3, "{kind:?}");
    }
}

#[crore_rt::test(seeds = 10)]
async fn a_publication_that_comes_twice_is_noticed() {
    for kind in [Kind::WebSocket, Kind::Events] {
        let mischief = Mischief { repeat: vec![(0, 1), (9, 20)], ..Mischief::default() };
        assert_eq!(faults(&judged(kind, mischief).await), (0, 2, 0), "{kind:?}");
    }
}

#[crore_rt::test(seeds = 10)]
async fn a_publication_that_comes_after_its_successor_is_noticed() {
    for kind in [Kind::WebSocket, Kind::Events] {
        let mischief = Mischief { swap: vec![(2, 5), (2, 11), (8, 19)], ..Mischief::default() };
        assert_eq!(faults(&judged(kind, mischief).await), (0, 0, 3), "{kind:?}");
    }
}

#[crore_rt::test(seeds = 5)]
async fn all_faults_are_noticed_in_a_channel_without_a_log_too() {
    let mischief = Mischief {
        no_log: true,
        lose: vec![(3, 1), (5, PUBLICATIONS)],
        repeat: vec![(4, 2)],
        swap: vec![(6, 9)],
        ..Mischief::default()
    };
    assert_eq!(faults(&judged(Kind::WebSocket, mischief).await), (2, 1, 1));
}

#[crore_rt::test(seeds = 10)]
async fn a_connection_that_is_cut_has_failed_and_its_later_publications_are_not_lost_as_well() {
    let mischief = Mischief { cut: vec![(1, 4), (2, 4)], ..Mischief::default() };
    let report = judged(Kind::WebSocket, mischief).await;
    assert_eq!(report.failures.total(), 2, "{:?}", failures(&report));
    assert_eq!(faults(&report), (0, 0, 0));
    // What was on the way when the cut came may be gone with it.
    let whole = (CONNECTIONS - 2) * PUBLICATIONS;
    assert!((whole..=whole + 6).contains(&report.delivered), "{} delivered", report.delivered);
}

#[crore_rt::test]
async fn what_is_published_by_others_is_checked_by_offset_as_well() {
    let server = Server::start(Mischief { lose: vec![(3, 2)], ..Mischief::default() });
    let mut plan = plan(Kind::WebSocket, &server);
    plan.publisher = None;
    let other = server.publish_later(Duration::from_millis(500), 5);
    let report = played(plan).await;
    other.await.unwrap();
    assert_eq!((faults(&report), report.delivered), ((1, 0, 0), CONNECTIONS * 5 - 1));
    assert_eq!(report.latencies, Latencies::default().buckets(), "a foreign publication has no schedule of ours");
}

#[test]
fn a_waiting_connection_is_a_small_task() {
    let server = "127.0.0.1:1".parse().unwrap();
    let target =
        Target { kind: Kind::WebSocket, address: server, is_secured: false, host: "h".into(), path: "/".into() };
    let plan = Plan { publisher: None, ..plan_of(target.clone(), target) };
    // Making a lane needs a runtime's clock; the task itself is never polled here.
    let runtime = crore_rt::Runtime::builder().workers(1).pin(false).build().unwrap();
    let bytes = runtime.block_on(async {
        let lane = super::Lane::new(plan, Clock::of_machine()).unwrap();
        size_of_val(&super::client::run(lane, 0))
    });
    println!("a connection: task {bytes} bytes, place {} bytes", size_of::<super::Place>());
    assert!(bytes <= 256, "the task of a waiting connection takes {bytes} bytes");
}
