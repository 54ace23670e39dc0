//! How a gateway ends: everybody is told, nobody is let in, and it is over as soon as all have gone.

use std::cell::Cell;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::Fields;
use crore_rt::{JoinHandle, sim, spawn, time};
use crore_web::client::{ClientError, EventStream};
use serde_json::{Value, json};

use crate::speaker::{Said, Speaker};
use crate::world::{HOST, World, address, http_options, join};

on_one_core_and_on_four! {
    a_drain_tells_everybody_and_is_over_when_all_are_gone: 20 worlds of everybody_is_told;
    who_is_just_connecting_is_told_as_well: 40 worlds of late_comers;
    who_was_upgraded_and_connects_later_is_told_at_once: 20 worlds of late_connect;
    a_drain_does_not_wait_for_the_dead_longer_than_five_seconds: 20 worlds of the_dead;
}

/// The gateway's pauses, and the time that closes take on the way.
const SOON: Duration = Duration::from_secs(1);

/// Longest time that a drain of few clients may take, whatever they do: five seconds after the last was told.
const AT_MOST: Duration = Duration::from_secs(7);

async fn everybody_is_told() {
    let world = World::start(|_| {}).await;
    let mut actors = Vec::new();
    for _ in 0..100 {
        actors.push(expect_3001(Speaker::connected(&world).await));
    }
    for _ in 0..3 {
        actors.push(expect_end_of_events().await);
        actors.push(expect_answer_to_poll(&world));
    }
    actors.push(expect_not_ready_later(&world).await);
    time::sleep(SOON - Duration::from_millis(30)).await;
    let begun = time::now();
    world.gateway.drain().await;
    let took = time::now().saturating_since(begun);
    assert!(took <= SOON, "a drain took {took}, though everybody left at once");
    assert!(world.http().await.is_err(), "nobody is let in any more");
    join(actors, Duration::from_secs(1)).await;
    expect_nothing_left(&world).await;
}

/// Clients that come all the time, before and during the drain: each is told 3001, or not let in, or told before it was somebody.
async fn late_comers() {
    let world = World::start(|_| {}).await;
    let (told, refused) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let mut actors = Vec::new();
    for _ in 0..30 {
        let (world, told, refused) = (Rc::clone(&world), Rc::clone(&told), Rc::clone(&refused));
        let mut dice = world.dice();
        actors.push(spawn(async move {
            time::sleep(Duration::from_micros(dice.below(20_000))).await;
            match come_and_stay(&world).await {
                Ok(Some(code)) => {
                    assert_eq!(code, 3001);
                    told.set(told.get() + 1);
                }
                Ok(None) => panic!("a client that had been let in was not told why it had to go"),
                Err(_) => refused.set(refused.get() + 1),
            }
        }));
    }
    time::sleep(Duration::from_millis(10)).await;
    let begun = time::now();
    world.gateway.drain().await;
    let took = time::now().saturating_since(begun);
    assert!(took <= SOON * 2, "a drain took {took}, though everybody left at once");
    join(actors, Duration::from_secs(10)).await;
    assert_eq!(told.get() + refused.get(), 30);
    expect_nothing_left(&world).await;
}

/// Connects and waits for the close. An error: it was not let in. None: the connection ended after it was let in, without a word.
async fn come_and_stay(world: &World) -> Result<Option<u16>, ClientError> {
    let mut speaker = Speaker::open(world).await?;
    speaker.send(vec![("connect", json!({})), ("subscribe", json!({ "channel": "c" }))]);
    let mut is_in = false;
    loop {
        match speaker.hear().await {
            Ok(Said::Reply { .. }) => is_in = true,
            Ok(Said::End) | Err(_) if speaker.closed.is_some() => return Ok(speaker.closed.flatten()),
            Ok(Said::End) | Err(_) if is_in => return Ok(None),
            Ok(Said::End) => return Err(ClientError::Ended),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
}

async fn late_connect() {
    let world = World::start(|_| {}).await;
    let mut waiting = Speaker::open(&world).await.expect("the gateway accepts");
    let here = expect_3001(Speaker::connected(&world).await);
    let draining = Rc::clone(&world);
    let drain = spawn(async move { draining.gateway.drain().await });
    time::sleep(Duration::from_millis(20)).await;
    let begun = time::now();
    waiting.send(vec![("connect", json!({}))]);
    assert_eq!(waiting.hear_close().await, Some(3001));
    let took = time::now().saturating_since(begun);
    assert!(took < SOON, "it was told after {took}");
    drop(waiting);
    join(vec![here, drain], SOON).await;
    expect_nothing_left(&world).await;
}

async fn the_dead() {
    let world = World::start(|_| {}).await;
    let here = expect_3001(Speaker::connected(&world).await);
    let gone = Speaker::connected(&world).await;
    sim::vanish(gone.stream());
    drop(gone);
    let begun = time::now();
    world.gateway.drain().await;
    let took = time::now().saturating_since(begun);
    assert!(took <= AT_MOST, "a drain took {took}");
    join(vec![here], SOON).await;
    expect_nothing_left(&world).await;
}

/// A load balancer that has a connection, and asks again while the drain is under way.
async fn expect_not_ready_later(world: &World) -> JoinHandle<()> {
    let mut asking = world.http().await.expect("the gateway accepts");
    assert_eq!(asking.get("/ready").await.expect("it is answered").head.status().code(), 200);
    spawn(async move {
        time::sleep(SOON).await;
        assert_eq!(asking.get("/ready").await.expect("it is answered").head.status().code(), 503);
    })
}

/// Waits until a client is told to go.
fn expect_3001(mut speaker: Speaker) -> JoinHandle<()> {
    spawn(async move { assert_eq!(speaker.hear_close().await, Some(3001)) })
}

async fn expect_end_of_events() -> JoinHandle<()> {
    let stream = EventStream::connect(address(), HOST, "/events?channel=c", &Fields::new(), &http_options()).await;
    let mut stream = stream.expect("the gateway accepts");
    spawn(async move { assert!(matches!(stream.next().await, Ok(None)), "it ends in order") })
}

fn expect_answer_to_poll(world: &Rc<World>) -> JoinHandle<()> {
    let world = Rc::clone(world);
    spawn(async move {
        let mut client = world.http().await.expect("the gateway accepts");
        let answer = client.get("/poll?channel=c&timeout=9").await.expect("it is answered");
        let body: Value = serde_json::from_slice(&answer.body).expect("with JSON");
        assert_eq!((answer.head.status().code(), &body["recovered"]), (200, &Value::Bool(true)), "{body}");
    })
}

async fn expect_nothing_left(world: &World) {
    let connections = world.connections_within(SOON * 10).await;
    assert_eq!(connections, 0, "connections are left");
    assert_eq!(crore_rt::stats(None).task_panics, 0);
}
