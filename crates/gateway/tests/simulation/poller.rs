//! A client that polls `/poll`, and passes on the position of each answer with the next question.

use std::cell::RefCell;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_rt::{JoinHandle, spawn, time};
use crore_web::client::{Client, ClientError};
use serde_json::Value;

use crate::events::read_position;
use crate::ledger::Reader;
use crate::world::World;

/// Starts a poller, until the world is over.
pub(crate) fn start(world: &Rc<World>, who: &str, channel: &str) -> (JoinHandle<()>, Rc<RefCell<Reader>>) {
    let reader = Rc::new(RefCell::new(Reader::new(who, channel)));
    let (world, ours) = (Rc::clone(world), Rc::clone(&reader));
    let mut rng = world.dice();
    let running = async move {
        while !world.is_over.get() {
            // However it ended, it asks again with the same position.
            let _ = poll(&world, &ours).await;
            time::sleep(Duration::from_millis(rng.range(10..500))).await;
        }
    };
    (spawn(running), reader)
}

async fn poll(world: &World, reader: &RefCell<Reader>) -> Result<(), ClientError> {
    let mut client = world.http().await?;
    while !world.is_over.get() && client.is_reusable() {
        ask(world, &mut client, reader).await?;
    }
    Ok(())
}

async fn ask(world: &World, client: &mut Client, reader: &RefCell<Reader>) -> Result<(), ClientError> {
    let since = {
        let reader = reader.borrow();
        let since = reader.last.map(|last| format!("&since={}:{last}", reader.epoch)).unwrap_or_default();
        format!("/poll?channel={}&timeout=3{since}", reader.channel)
    };
    let answer = client.get(&since).await?;
    let text = answer.text();
    if answer.head.status().code() == 408 {
        return Err(ClientError::Ended); // the question was held up for too long on its way
    }
    assert_eq!(answer.head.status().code(), 200, "{text}");
    let body: Value = serde_json::from_str(&text).expect("a poll is answered with JSON");
    let (epoch, offset) = read_position(body["position"].as_str().expect("positions are offered"));
    let publications = body["publications"].as_array().expect("there is a list, if an empty one");
    let mut reader = reader.borrow_mut();
    let mut ledger = world.ledger.borrow_mut();
    match (reader.last, body["recovered"].as_bool().expect("it is said")) {
        (None, _) => reader.begin(&mut ledger, epoch, offset - publications.len() as u64),
        (Some(_), true) => reader.on_recovered(&mut ledger, epoch),
        (Some(_), false) => {
            assert!(publications.is_empty(), "all or nothing is recovered: {text}");
            reader.on_gap(&mut ledger, epoch, offset);
        }
    }
    for publication in publications {
        let offset = publication["offset"].as_u64().expect("a channel with history numbers its publications");
        reader.on_publication(&mut ledger, offset, &publication["data"]);
    }
    assert_eq!(reader.last, Some(offset), "the position is behind the last publication: {text}");
    Ok(())
}
