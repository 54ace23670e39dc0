//! A swarm against a whole gateway in a simulated world, which splits and delays everything: through all phases, and with a
//! gateway that is cut off.

use super::book::name_of;
use super::is_chosen;
use super::message::{Event, Order, PhaseReport, Plan, Reach};
use super::process::obey;
use crate::lane::http::Answers;
use crate::latency::Latencies;
use crate::mailbox::Mailbox;
use crate::message::Mark;
use crate::network::NetworkPlan;
use crate::stamp::Clock;
use crore_base::time::Duration;
use crore_gateway::{Config, Gateway, Layer};
use crore_rt::channel::mpsc;
use crore_rt::net::{ConnectOptions, TcpStream};
use crore_rt::{JoinHandle, spawn, time};

const CLIENTS: u32 = 1_203;
const RUN: u64 = 5;

/// The orchestrator of a test.
struct Hand {
    gateway: Option<Gateway>,
    swarm: JoinHandle<()>,
    orders: Mailbox<Order>,
    events: mpsc::Receiver<Event>,
    published: u64,
}

impl Hand {
    async fn new(clients: u32) -> Hand {
        let config = Config::load(None, [], Layer::default()).expect("the defaults are right");
        let gateway = Gateway::start(config, 7).await.expect("nobody else listens here");
        let plan = Plan {
            connections: clients,
            target: gateway.listening()[0],
            sources: Vec::new(),
            spare_sources: Vec::new(),
            io: "sim".to_owned(),
            network: NetworkPlan::default(),
            window: 64,
            requesters: 5,
            run: RUN,
        };
        let (sender, events) = mpsc::channel(10_000);
        let orders = Mailbox::default();
        let emit = move |event| drop(sender.try_send(event));
        let swarm = spawn(obey(plan, Clock::of_world(), orders.clone(), emit));
        Hand { gateway: Some(gateway), swarm, orders, events, published: 0 }
    }

    async fn carry_out(&mut self, order: Order) -> PhaseReport {
        self.orders.send(order);
        loop {
            match self.events.recv().await.expect("the swarm answers") {
                Event::Done(report) => return *report,
                Event::Broken(problem) => panic!("the swarm gave up: {problem}"),
                Event::Ready | Event::Progress(_) => {}
            }
        }
    }

    async fn publish(&mut self, channel: u32) -> Reach {
        self.published += 1;
        let mark = Mark { run: RUN, seq: self.published, at: Clock::of_world().now() };
        let body = format!(r#"{{"channel":"{}","data":{}}}"#, name_of(channel), mark.data(128));
        let head = format!("POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n", body.len());
        let address = "127.0.0.1:8000".parse().unwrap();
        let mut stream = TcpStream::connect(address, &ConnectOptions::default()).await.unwrap();
        stream.send((head + &body).into_bytes()).unwrap();
        let (mut answers, mut offset) = (Answers::with_bodies(), None);
        while offset.is_none() {
            let lease = stream.recv().await.unwrap();
            let each = |answer: &crate::lane::http::Answer<'_>| {
                let body: serde_json::Value = serde_json::from_slice(answer.body).unwrap();
                offset = body["result"]["offset"].as_u64();
            };
            answers.take(&lease, each).unwrap();
        }
        Reach { channel, offset: u32::try_from(offset.unwrap()).unwrap() }
    }

    /// The gateway drains; everybody is gone at the end.
    async fn drained(mut self) -> PhaseReport {
        self.carry_out(Order::Part).await;
        let gateway = self.gateway.take().unwrap();
        let draining = spawn(async move { gateway.drain().await });
        let report = self.carry_out(Order::Drain { within_ms: 60_000 }).await;
        draining.await.unwrap();
        self.swarm.await.unwrap();
        report
    }
}

fn faults(report: &PhaseReport) -> (Vec<(String, u64)>, [u64; 4]) {
    let failures = report.failures.iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
    (failures, [report.skipped, report.missing, report.duplicated, report.reordered])
}

#[crore_rt::test(seeds = 5)]
async fn all_phases_against_a_good_gateway_are_clean() {
    let all = u64::from(CLIENTS);
    let mut hand = Hand::new(CLIENTS).await;
    let report = hand.carry_out(Order::Connect).await;
    assert_eq!((report.standing, report.thousands_ns.len()), (all, 2), "{:?}", report.failures);
    assert_eq!(hand.carry_out(Order::Verify).await.verified, 13);
    hand.carry_out(Order::Listen).await;
    let reach = vec![hand.publish(0).await, hand.publish(1).await, hand.publish(2).await];
    let report = hand.carry_out(Order::Await { reach }).await;
    assert_eq!((report.deliveries, faults(&report)), (2 * all, (vec![], [0; 4])));
    let mut latencies = Latencies::default();
    latencies.merge(&report.latencies);
    assert_eq!(latencies.count(), report.deliveries, "each delivery has a latency");
    hand.carry_out(Order::Enlist).await;
    let start = Clock::of_world().now();
    let report = hand.carry_out(Order::Request { start, end: start.after(Duration::from_secs(2)), rate: 50 }).await;
    assert_eq!((report.requests, faults(&report)), (100, (vec![], [0; 4])));
    let report = hand.drained().await;
    assert_eq!((report.goodbyes, report.standing, faults(&report)), (all, 0, (vec![], [0; 4])));
}

#[crore_rt::test(seeds = 5)]
async fn who_vanishes_gets_what_was_missed_once() {
    let all = u64::from(CLIENTS);
    let mut hand = Hand::new(CLIENTS).await;
    hand.carry_out(Order::Connect).await;
    let gone = hand.carry_out(Order::Vanish).await;
    assert_eq!((gone.away, gone.standing), (121, all - 121));
    let reach = vec![hand.publish(0).await, hand.publish(0).await, hand.publish(2).await];
    hand.carry_out(Order::Listen).await;
    let report = hand.carry_out(Order::Await { reach: reach.clone() }).await;
    assert_eq!(report.missing, 2 * 121 + 21, "those who are away have not got it");
    let report = hand.carry_out(Order::Return).await;
    assert_eq!((report.standing, report.recovered), (all, 2 * 121 + 21), "{:?}", report.failures);
    let report = hand.carry_out(Order::Await { reach }).await;
    assert_eq!(faults(&report), (vec![], [0; 4]));
    // They are as good as before.
    let reach = vec![hand.publish(0).await];
    let report = hand.carry_out(Order::Await { reach }).await;
    assert_eq!(faults(&report), (vec![], [0; 4]));
    let report = hand.drained().await;
    assert_eq!((report.goodbyes, faults(&report)), (all, (vec![], [0; 4])));
}

#[crore_rt::test(seeds = 3)]
async fn a_publication_that_never_comes_is_missed_by_everybody() {
    let mut hand = Hand::new(50).await;
    hand.carry_out(Order::Connect).await;
    let before = time::now();
    let report = hand.carry_out(Order::Await { reach: vec![Reach { channel: 0, offset: 2 }] }).await;
    assert_eq!(report.missing, 100);
    assert!(time::now().saturating_since(before) > Duration::from_secs(10), "it is waited for");
}

#[crore_rt::test(seeds = 3)]
async fn clients_that_are_sent_away_before_their_time_have_failed() {
    let mut hand = Hand::new(50).await;
    hand.carry_out(Order::Connect).await;
    let gateway = hand.gateway.take().unwrap();
    gateway.drain().await;
    let report = hand.carry_out(Order::Listen).await;
    assert_eq!((report.standing, report.goodbyes), (0, 0));
    assert_eq!(faults(&report).0, [("closed: 3001 shutdown".to_owned(), 50)]);
}

#[test]
fn one_of_each_block_is_chosen_also_of_the_last() {
    for (of, clients) in [(10, 1_203), (100, 1_203), (10, 10), (10, 1), (100, 99)] {
        for seed in [0, 1, RUN, u64::MAX] {
            let chosen: Vec<u32> = (0..clients).filter(|&index| is_chosen(index, of, clients, seed)).collect();
            let blocks: Vec<u32> = chosen.iter().map(|index| index / of).collect();
            assert_eq!(blocks, (0..clients.div_ceil(of)).collect::<Vec<_>>(), "{of} of {clients}");
        }
    }
}
