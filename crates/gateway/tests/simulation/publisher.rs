//! Publishers: by the API, each publication until it is acknowledged, under one key; and by a client, several in one message.

use std::rc::Rc;

use crore_base::random::Rng;
use crore_base::time::Duration;
use crore_rt::{JoinHandle, spawn, time};
use crore_web::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::ledger::Name;
use crate::speaker::{Said, Speaker};
use crate::world::{World, call};

/// Between the names of one client's connections, so that they meet nobody else's.
const CONNECTION: u64 = 1_000_000;

/// What a publisher does.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) who: u64,
    pub(crate) channels: Vec<String>,
    /// Publications, of all channels.
    pub(crate) count: u64,
    /// Time between two, at most.
    pub(crate) pause_max: Duration,
    pub(crate) bytes_max: u64,
}

/// Publishes by the API until all is acknowledged.
pub(crate) fn by_api(world: &Rc<World>, task: Task) -> JoinHandle<()> {
    let (world, mut rng) = (Rc::clone(world), world.dice());
    spawn(async move {
        let mut client = None;
        for number in 1..=task.count {
            let (name, channel) = (Name { who: task.who, number }, pick(&mut rng, &task.channels));
            let request = json!({
                "channel": channel,
                "data": name.data(rng.below(task.bytes_max) as usize),
                "idempotency_key": format!("{}-{number}", task.who),
            });
            loop {
                match publish(&world, &mut client, &request).await {
                    Ok(position) => {
                        let mut ledger = world.ledger.borrow_mut();
                        ledger.note_epoch(&channel, position["epoch"].as_str().expect("the stream has an epoch"));
                        ledger.note(&channel, position["offset"].as_u64().expect("the stream has offsets"), name);
                        break;
                    }
                    // Nobody knows whether it was published: the key sees to it that it is once.
                    Err(_) => client = None,
                }
                time::sleep(Duration::from_millis(rng.range(10..300))).await;
            }
            time::sleep(Duration::from_nanos(rng.below(task.pause_max.as_nanos() + 1))).await;
        }
    })
}

async fn publish(world: &World, client: &mut Option<Client>, request: &Value) -> Result<Value, ClientError> {
    if client.as_ref().is_none_or(|client| !client.is_reusable()) {
        *client = Some(world.http().await?);
    }
    let client = client.as_mut().expect("it was just made");
    let answer = call(client, "publish", request).await?;
    let text = answer.text();
    if answer.head.status().code() == 408 {
        return Err(ClientError::Ended); // the request was held up for too long on its way
    }
    assert_eq!(answer.head.status().code(), 200, "{text}");
    let mut body: Value = serde_json::from_str(&text).expect("the API answers JSON");
    assert!(body["result"]["offset"].is_u64(), "{text}");
    Ok(body["result"].take())
}

/// Publishes by a client, up to four in one message. What is not answered may have happened or not, or is still under way on a
/// connection that was given up: it is not tried again, and each connection has a name of its own, because only within one there is
/// an order.
pub(crate) fn by_client(world: &Rc<World>, task: Task) -> JoinHandle<()> {
    let (world, mut rng, mut task) = (Rc::clone(world), world.dice(), task);
    spawn(async move {
        let mut number = 0;
        while number < task.count {
            task.who += CONNECTION;
            // However the link ended: it goes on with the next.
            let _ = talk(&world, &task, &mut rng, &mut number).await;
            time::sleep(Duration::from_millis(rng.range(10..300))).await;
        }
    })
}

async fn talk(world: &World, task: &Task, rng: &mut Rng, number: &mut u64) -> Result<(), ClientError> {
    let patience = Duration::from_secs(10);
    let mut speaker = Speaker::open(world).await?;
    speaker.send(vec![("connect", json!({}))]);
    while *number < task.count {
        let batch = rng.range(1..5).min(task.count - *number);
        let mut waiting = Vec::new();
        let mut commands = Vec::new();
        for _ in 0..batch {
            *number += 1;
            let (name, channel) = (Name { who: task.who, number: *number }, pick(rng, &task.channels));
            let data = name.data(rng.below(task.bytes_max) as usize);
            commands.push(("publish", json!({ "channel": channel, "data": data })));
            waiting.push((channel, name));
        }
        speaker.send(commands);
        let mut waiting = waiting.into_iter();
        while waiting.len() > 0 {
            match time::timeout(patience, speaker.hear()).await?? {
                Said::Reply { reply, .. } if reply.get("connect").is_some() => {}
                Said::Reply { reply, .. } => {
                    assert!(reply.get("publish").is_some(), "{reply}");
                    let (channel, name) = waiting.next().expect("its length was just looked at");
                    world.ledger.borrow_mut().note_accepted(&channel, name);
                }
                Said::Push(push) => panic!("{push} for a client without subscriptions"),
                Said::Ping | Said::Closed(_) => {}
                Said::End => return Ok(()),
            }
        }
        pause(&mut speaker, Duration::from_nanos(rng.below(task.pause_max.as_nanos() + 1))).await?;
    }
    // The link may be gone by now, which changes nothing.
    let _ = time::timeout(patience, speaker.leave()).await;
    Ok(())
}

/// Waits, and answers pings meanwhile.
async fn pause(speaker: &mut Speaker, span: Duration) -> Result<(), ClientError> {
    let deadline = time::now() + span;
    while let Ok(said) = time::deadline(deadline, speaker.hear()).await {
        assert!(matches!(said?, Said::Ping | Said::Closed(_) | Said::End), "nothing else is due");
        if speaker.closed.is_some() {
            return Err(ClientError::Ended);
        }
    }
    Ok(())
}

fn pick(rng: &mut Rng, channels: &[String]) -> String {
    channels[rng.below(channels.len() as u64) as usize].clone()
}
