//! Readers that do not keep up: they are sent away and told so, the others lose nothing, and they can come back.

use std::rc::Rc;

use crore_base::time::Duration;
use crore_gateway::Config;
use crore_rt::sim::{self, Faults};
use crore_rt::time;
use crore_web::client::ClientError;
use serde_json::{Value, json};

use crate::ledger::{Name, Reader};
use crate::speaker::{Said, Speaker};
use crate::subscriber::{self, Habits};
use crate::world::{World, join};
use crate::{events, poller};

on_one_core_and_on_four! {
    a_slow_reader_is_told_3008_and_the_others_get_everything: 20 worlds of slow_and_others;
    a_reader_that_has_stopped_is_reset_after_five_seconds: 10 worlds of stopped;
    who_missed_more_than_a_queue_holds_gets_it_when_coming_back: 20 worlds of long_absence;
}

/// Publications of a burst, and the bytes of each: ten times what window and queue of a slow reader hold.
const BURST: u64 = 400;
const BYTES: usize = 4000;

fn small_queues(config: &mut Config) {
    config.queue_bytes = 64 * 1024;
    config.without_namespace.history_size = 1000;
}

/// Delays short enough that a window a round trip is more than what is published.
fn fast_network() {
    sim::set_faults(Faults { delay_max: Duration::from_micros(200), ..Faults::default() });
}

/// Publishes a burst to channel `c` over one connection, as fast as it is answered.
async fn burst(world: &World, count: u64) {
    let mut client = world.http().await.expect("the gateway accepts");
    for number in 1..=count {
        let name = Name { who: 1, number };
        let request = json!({ "channel": "c", "data": name.data(BYTES) });
        let answer = crate::world::call(&mut client, "publish", &request).await.expect("it is answered").text();
        let body: Value = serde_json::from_str(&answer).expect("the API answers JSON");
        let offset = body["result"]["offset"].as_u64().unwrap_or_else(|| panic!("{answer}"));
        world.ledger.borrow_mut().note("c", offset, name);
        time::sleep(Duration::from_millis(1)).await;
    }
}

/// A client that subscribes, and then does not read.
async fn sleeper(world: &World) -> (Speaker, Reader) {
    let mut speaker = Speaker::connected(world).await;
    let reply = speaker.ask("subscribe", json!({ "channel": "c" })).await;
    let mut reader = Reader::new("the slow one", "c");
    let epoch = reply["subscribe"]["epoch"].as_str().expect("positions are offered");
    reader.begin(&mut world.ledger.borrow_mut(), epoch, 0);
    (speaker, reader)
}

/// Reads what was delivered before the end, which must come.
async fn read_rest(world: &World, speaker: &mut Speaker, reader: &mut Reader) -> Result<Option<u16>, ClientError> {
    let deadline = time::now() + Duration::from_secs(60);
    loop {
        match time::deadline(deadline, speaker.hear()).await.expect("the server closes at last")? {
            Said::End => return Ok(speaker.closed.flatten()),
            Said::Push(push) => take(world, reader, &push["pub"]),
            Said::Ping | Said::Closed(_) => {}
            Said::Reply { reply, .. } => panic!("nobody asked for {reply}"),
        }
    }
}

fn take(world: &World, reader: &mut Reader, publication: &Value) {
    let offset = publication["offset"].as_u64().expect("publications have offsets");
    reader.on_publication(&mut world.ledger.borrow_mut(), offset, &publication["data"]);
}

async fn slow_and_others() {
    let world = World::start(small_queues).await;
    fast_network();
    let (mut speaker, mut reader) = sleeper(&world).await;
    let mut actors = Vec::new();
    let mut readers = Vec::new();
    for number in 0..3 {
        let (actor, of_it) = subscriber::start(&world, &format!("subscriber {number}"), &["c"], Habits::default());
        actors.push(actor);
        readers.extend(of_it);
    }
    for (actor, of_it) in [events::start(&world, "event stream", "c"), poller::start(&world, "long poll", "c")] {
        actors.push(actor);
        readers.push(of_it);
    }
    let all = readers.clone();
    let have_begun = || all.iter().all(|it| it.borrow().last.is_some());
    world.until(Duration::from_secs(5), &mut actors, have_begun, || "not all began".to_owned()).await;
    burst(&world, BURST).await;
    // It wakes up before the server has lost patience, and is told.
    assert_eq!(read_rest(&world, &mut speaker, &mut reader).await.expect("it was closed in order"), Some(3008));
    assert!(reader.received > 0 && reader.received < BURST, "{} of {BURST} came", reader.received);
    let have_all = || readers.iter().all(|it| it.borrow().last == Some(BURST));
    world.until(Duration::from_secs(30), &mut actors, have_all, || "not all have all".to_owned()).await;
    for reader in &readers[..3] {
        assert_eq!(reader.borrow().recoveries, 0, "who keeps up is not disturbed");
    }
    assert_eq!(world.metric("crore_disconnects_total{reason=\"slow\"}").await, 1.0);
    world.is_over.set(true);
    join(actors, Duration::from_secs(30)).await;
    drop(speaker);
    world.expect_empty().await;
}

async fn stopped() {
    let world = World::start(small_queues).await;
    fast_network();
    let (mut speaker, mut reader) = sleeper(&world).await;
    burst(&world, BURST).await;
    time::sleep(Duration::from_secs(6)).await;
    // It is gone from the server without a word from it.
    let info = world.call("info", &json!({})).await;
    assert_eq!(info["result"]["nodes"][0]["num_clients"], 0);
    assert!(read_rest(&world, &mut speaker, &mut reader).await.is_err(), "what nobody read was taken back by a reset");
    drop(speaker);
    world.expect_empty().await;
}

async fn long_absence() {
    let world = World::start(small_queues).await;
    fast_network();
    let (actor, readers) = subscriber::start(&world, "the traveller", &["c", "d", "e"], Habits::default());
    let mut actors = vec![actor];
    let reader = Rc::clone(&readers[0]);
    let has_begun = || readers.iter().all(|it| it.borrow().last.is_some());
    world.until(Duration::from_secs(5), &mut actors, has_begun, || "it did not begin".to_owned()).await;
    world.is_over.set(true);
    join(actors, Duration::from_secs(5)).await;
    world.is_over.set(false);
    burst(&world, 100).await;
    let mut actors = vec![subscriber::go_on(&world, &readers, Habits::default())];
    // While more is published, which must not stand in the way of what was missed.
    burst_more(&world).await;
    let top = world.ledger.borrow().top("c");
    let has_all = || reader.borrow().last == Some(top);
    world.until(Duration::from_secs(30), &mut actors, has_all, || reader.borrow().to_string()).await;
    assert_eq!(reader.borrow().gaps, 0);
    world.is_over.set(true);
    join(actors, Duration::from_secs(30)).await;
    world.expect_empty().await;
}

/// A few more, slowly.
async fn burst_more(world: &World) {
    let mut client = world.http().await.expect("the gateway accepts");
    for number in 1..=20 {
        let name = Name { who: 2, number };
        let request = json!({ "channel": "c", "data": name.data(10) });
        crate::world::call(&mut client, "publish", &request).await.expect("it is answered");
        time::sleep(Duration::from_millis(20)).await;
    }
}
