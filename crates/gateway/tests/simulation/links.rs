//! Links that die, clients that do not say what is due: who is sent away, with which code, when, and that nobody else is.

use crore_base::time::{Duration, Instant};
use crore_http::Fields;
use crore_http::ws::Opcode;
use crore_rt::net::{ConnectOptions, TcpStream};
use crore_rt::{sim, spawn, time};
use serde_json::json;

use crate::speaker::{Said, Speaker};
use crate::world::{World, address};

on_one_core_and_on_four! {
    who_does_not_answer_pings_is_sent_away_and_who_does_stays: 20 worlds of no_pong;
    a_peer_that_has_vanished_is_forgotten: 20 worlds of vanished;
    a_pong_that_nobody_asked_for_is_a_bad_request: 10 worlds of pong_too_many;
    who_never_connects_is_stale_after_ten_seconds: 20 worlds of stale;
    commands_before_connect_and_a_second_connect_are_bad_requests: 10 worlds of wrong_order;
    who_hangs_up_during_a_long_poll_is_forgotten_at_once: 20 worlds of hung_up;
    a_reset_ends_what_was_under_way_and_nothing_else: 20 worlds of reset_in_the_middle;
}

/// Longest time from the server's decision to the client's hearing of it, splits and coarse timers included.
const SLACK: Duration = Duration::from_secs(1);

async fn no_pong() {
    let world = World::start(|_| {}).await;
    let begun = time::now();
    let mut good = Speaker::connected(&world).await;
    let mut deaf = Speaker::connected(&world).await;
    deaf.answers_pings = false;
    let staying = spawn(async move {
        let mut pings = 0;
        while let Ok(said) = time::deadline(begun + Duration::from_secs(61), good.hear()).await {
            assert_eq!(said.expect("its link is good"), Said::Ping);
            pings += 1;
        }
        assert!((11..=13).contains(&pings), "{pings} pings in a minute, one is due each five seconds");
        good.leave().await;
    });
    let asked = time::now();
    assert_eq!(deaf.hear_close().await, Some(3012));
    // The first ping comes in the second half of five seconds, its pong is due in two.
    expect_between(asked, Duration::from_millis(4500) - SLACK, Duration::from_secs(7) + SLACK);
    drop(deaf);
    staying.await.expect("it stayed");
    assert_eq!(world.metric("crore_disconnects_total{reason=\"no_pong\"}").await, 1.0);
    world.expect_empty().await;
}

async fn vanished() {
    let world = World::start(|_| {}).await;
    let mut here = Speaker::connected(&world).await;
    let gone = Speaker::connected(&world).await;
    // One that never said a word, and one that has just asked to be upgraded.
    let silent = Speaker::open(&world).await.expect("the gateway accepts");
    let raw = TcpStream::connect(address(), &ConnectOptions::default()).await.expect("the gateway accepts");
    for stream in [gone.stream(), silent.stream(), raw.id()] {
        sim::vanish(stream);
    }
    let begun = time::now();
    while clients(&world).await > 1 {
        assert!(time::now() < begun + Duration::from_secs(7) + SLACK, "a vanished client is still counted");
        assert_eq!(wait(&mut here, SLACK / 4).await, None);
    }
    drop((gone, silent, raw));
    here.leave().await;
    world.expect_empty().await;
}

async fn pong_too_many() {
    let world = World::start(|_| {}).await;
    let mut eager = Speaker::connected(&world).await;
    eager.send_raw("{}");
    assert_eq!(eager.hear_close().await, Some(3501));
    let mut twice = Speaker::connected(&world).await;
    assert_eq!(twice.hear().await.expect("its link is good"), Said::Ping);
    twice.send_raw("{}");
    assert_eq!(twice.hear_close().await, Some(3501));
    drop((eager, twice));
    world.expect_empty().await;
}

async fn stale() {
    let world = World::start(|_| {}).await;
    let begun = time::now();
    let mut silent = Speaker::open(&world).await.expect("the gateway accepts");
    let mut busy = Speaker::open(&world).await.expect("the gateway accepts");
    let chatting = spawn(async move {
        // The deadline is absolute: other frames do not move it.
        loop {
            busy.send_frame(Opcode::Ping, b"still here");
            if let Some(code) = wait(&mut busy, Duration::from_secs(2)).await {
                return code;
            }
        }
    });
    assert_eq!(silent.hear_close().await, Some(3502));
    expect_between(begun, Duration::from_secs(10), Duration::from_secs(10) + SLACK);
    assert_eq!(chatting.await.expect("it was closed"), Some(3502));
    expect_between(begun, Duration::from_secs(10), Duration::from_secs(12) + SLACK);
    drop(silent);
    world.expect_empty().await;
}

async fn wrong_order() {
    let world = World::start(|_| {}).await;
    let mut hasty = Speaker::open(&world).await.expect("the gateway accepts");
    hasty.send(vec![("subscribe", json!({ "channel": "c" })), ("connect", json!({}))]);
    assert_eq!(hasty.hear_close().await, Some(3501));
    let mut again = Speaker::connected(&world).await;
    again.send(vec![("connect", json!({}))]);
    assert_eq!(again.hear_close().await, Some(3501));
    drop((hasty, again));
    world.expect_empty().await;
}

async fn hung_up() {
    let world = World::start(|_| {}).await;
    let polling = world.clone();
    let mut poll = spawn(async move {
        let mut client = polling.http().await.expect("the gateway accepts");
        client.request("GET", "/poll?channel=c&timeout=200", &Fields::new(), &[]).await.expect("it is answered");
    });
    time::sleep(SLACK).await;
    assert_eq!(clients(&world).await, 1);
    poll.cancel();
    time::sleep(SLACK).await;
    assert_eq!(clients(&world).await, 0);
    world.expect_empty().await;
}

async fn reset_in_the_middle() {
    let world = World::start(|_| {}).await;
    let mut here = Speaker::connected(&world).await;
    assert!(here.ask("subscribe", json!({ "channel": "c" })).await.get("subscribe").is_some());
    let mut dice = world.dice();
    for _ in 0..5 {
        let mut cut = Speaker::open(&world).await.expect("the gateway accepts");
        let publish = |n: u64| ("publish", json!({ "channel": "c", "data": n }));
        let mut commands = vec![("connect", json!({})), ("subscribe", json!({ "channel": "c" }))];
        commands.extend((0..20).map(publish));
        cut.send(commands);
        time::sleep(Duration::from_micros(dice.below(4000))).await;
        sim::cut(cut.stream());
        assert_eq!(cut.hear_close().await, None);
    }
    // Each got as far as it got; the others' offsets go on without a hole.
    let marked = world.call("publish", &json!({ "channel": "c", "data": "mark" })).await;
    let top = marked["result"]["offset"].as_u64().expect("there is history");
    for offset in 1..=top {
        match here.hear().await.expect("its link is good") {
            Said::Push(push) => assert_eq!(push["pub"]["offset"], offset),
            other => panic!("{other:?}"),
        }
    }
    here.leave().await;
    world.expect_empty().await;
}

/// Hears for a while. Gives the code of the close if the connection ended meanwhile.
async fn wait(speaker: &mut Speaker, span: Duration) -> Option<Option<u16>> {
    let deadline = time::now() + span;
    while let Ok(said) = time::deadline(deadline, speaker.hear()).await {
        if matches!(said, Ok(Said::End) | Err(_)) {
            return Some(speaker.closed.flatten());
        }
    }
    None
}

async fn clients(world: &World) -> u64 {
    let info = world.call("info", &json!({})).await;
    info["result"]["nodes"][0]["num_clients"].as_u64().expect("it is a number")
}

/// That the time since `begun` is neither shorter nor longer, in virtual time.
fn expect_between(begun: Instant, least: Duration, most: Duration) {
    let took = time::now().saturating_since(begun);
    assert!(took >= least && took <= most, "it took {took}: {least} to {most} are right");
}
