//! A listener to `/events` that comes back with the id of the last event, as browsers do.

use std::cell::RefCell;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::Fields;
use crore_rt::{JoinHandle, spawn, time};
use crore_web::client::{ClientError, EventStream, ServerEvent};
use serde_json::{Value, json};

use crate::ledger::Reader;
use crate::world::{HOST, World, address, call, http_options};

/// Starts a listener, until the world is over.
pub(crate) fn start(world: &Rc<World>, who: &str, channel: &str) -> (JoinHandle<()>, Rc<RefCell<Reader>>) {
    let reader = Rc::new(RefCell::new(Reader::new(who, channel)));
    let (world, ours) = (Rc::clone(world), Rc::clone(&reader));
    let mut rng = world.dice();
    let running = async move {
        while ours.borrow().last.is_none() {
            // Where the stream stands, as a page would know it from the server that made it.
            let _ = learn_position(&world, &ours).await;
        }
        while !world.is_over.get() {
            // However it ended, it comes back.
            let _ = listen(&world, &ours).await;
            time::sleep(Duration::from_millis(rng.range(10..500))).await;
        }
    };
    (spawn(running), reader)
}

async fn learn_position(world: &World, reader: &RefCell<Reader>) -> Result<(), ClientError> {
    let mut client = world.http().await?;
    let channel = reader.borrow().channel.clone();
    let answer = call(&mut client, "history", &json!({ "channel": channel })).await?.text();
    let body: Value = serde_json::from_str(&answer).expect("the API answers JSON");
    let epoch = body["result"]["epoch"].as_str().unwrap_or_else(|| panic!("no position: {answer}"));
    let offset = body["result"]["offset"].as_u64().expect("a stream has a top");
    reader.borrow_mut().begin(&mut world.ledger.borrow_mut(), epoch, offset);
    Ok(())
}

async fn listen(world: &World, reader: &RefCell<Reader>) -> Result<(), ClientError> {
    let mut fields = Fields::new();
    let mut target = format!("/events?channel={}", reader.borrow().channel);
    // The first time the page's address says where to begin, later the browser what it saw last, which is stronger.
    let position = format!("{}:{}", reader.borrow().epoch, reader.borrow().last.expect("it was learned first"));
    let begun_at = reader.borrow().begun_at.expect("it was learned first");
    target.push_str(&format!("&since={}:{begun_at}", reader.borrow().epoch));
    if reader.borrow().last != Some(begun_at) {
        fields.push("Last-Event-ID", &position).expect("a position may stand in a header");
    }
    let mut stream = EventStream::connect(address(), HOST, &target, &fields, &http_options()).await?;
    let mut is_first = true;
    let mut silent_since = time::now();
    // Pings are comments, of which an event stream tells nothing; so silence is twice what would do.
    let patience = world.config.ping_interval * 2 + Duration::from_secs(5);
    while !world.is_over.get() {
        match time::timeout(Duration::from_millis(500), stream.next()).await {
            Ok(event) => {
                silent_since = time::now();
                let Some(event) = event? else { return Ok(()) };
                on_event(world, reader, &event, is_first);
                is_first = false;
            }
            Err(_) if time::now().saturating_since(silent_since) > patience => return Ok(()),
            Err(_) => {}
        }
    }
    Ok(())
}

fn on_event(world: &World, reader: &RefCell<Reader>, event: &ServerEvent, may_be_gap: bool) {
    let mut reader = reader.borrow_mut();
    let mut ledger = world.ledger.borrow_mut();
    let (epoch, offset) = read_position(&event.id);
    let data: Value = serde_json::from_str(&event.data).expect("data is JSON");
    ledger.note_epoch(&reader.channel, epoch);
    match event.event.as_str() {
        "message" => reader.on_publication(&mut ledger, offset, &data),
        "gap" => {
            assert!(may_be_gap, "a gap is announced first");
            assert_eq!(data["position"], event.id.as_str());
            reader.on_gap(&mut ledger, epoch, offset);
        }
        other => panic!("an event {other:?}: {}", event.data),
    }
}

/// Reads `EPOCH:OFFSET`.
pub(crate) fn read_position(text: &str) -> (&str, u64) {
    let parts = text.split_once(':').and_then(|(epoch, offset)| Some((epoch, offset.parse().ok()?)));
    parts.unwrap_or_else(|| panic!("{text:?} is no position"))
}
