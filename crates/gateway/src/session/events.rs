//! `/events`: a channel as server-sent events, for a bare `EventSource`.
//!
//! The id of an event is its position, `EPOCH:OFFSET`, and the first thing a stream says is where it begins. So
//! whatever is missed while the link is down is asked for by the browser itself, with `Last-Event-ID`.

use std::rc::Rc;

use crore_base::random::Rng;
use crore_http::sse;
use crore_hub::{Answer, ClientKey, Command, Position, Publication, Since, Subscribed};
use crore_rt::net::{SendError, StreamId, TcpStream};
use crore_rt::spawn_detached;

use crate::config::Namespace;
use crate::counters::Counter;
use crate::identity::Identity;
use crate::seats::Form;
use crate::shard::Shard;

/// A browser comes back after a random time from here ...
const RETRY_MS_MIN: u64 = 500;
/// ... to here, so that a million do not come back in the same moment.
const RETRY_MS_MAX: u64 = 3000;

/// What a request asks for, already checked.
pub(crate) struct Wish {
    pub(crate) channel: String,
    pub(crate) namespace: Namespace,
    pub(crate) since: Option<Position>,
}

impl Wish {
    /// What is asked of the hub.
    pub(crate) fn command(&self, client: ClientKey) -> Command<'_> {
        Command::Subscribe {
            client,
            channel: &self.channel,
            since: self.since.map(Since::from),
            reject_unrecovered: false,
            options: self.namespace.channel_options(),
        }
    }
}

/// A publication as an event.
pub(crate) fn event_of(publication: &Publication, position: Option<Position>) -> Vec<u8> {
    let data = std::str::from_utf8(&publication.data).expect("data was read as JSON, which is UTF-8");
    let id = position.map(|position| position.to_string());
    sse::encode(None, id.as_deref(), data, None).expect("a position has no line ends")
}

/// Gives an event stream a task of its own, after its response's head.
pub(crate) fn begin(shard: Rc<Shard>, stream: TcpStream, wish: Wish) {
    if spawn_detached(run(shard, stream, wish)).is_err() {
        tracing::warn!("an event stream was refused: the core has as many tasks as it may");
    }
}

async fn run(shard: Rc<Shard>, mut stream: TcpStream, wish: Wish) {
    let Some(client) = Box::pin(open(&shard, stream.id(), wish)).await else { return };
    // Nothing is expected of the browser but that it leaves.
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() {
            break;
        }
    }
    shard.leave(client, None);
}

/// Enters and subscribes. None: there is no room, or no time.
async fn open(shard: &Rc<Shard>, stream: StreamId, wish: Wish) -> Option<ClientKey> {
    if shard.node.is_draining() {
        return None; // the drain has counted its clients already
    }
    let client = shard.enter(stream.to_bits(), Form::Events, Identity::default())?;
    let mut rng = Rng::from_seed(shard.node.seed ^ client.to_bits());
    let first = stream.send(sse::retry(rng.range(RETRY_MS_MIN..RETRY_MS_MAX)));
    debug_assert!(first.is_ok() || first == Err(SendError::Closed), "an empty queue takes a line");
    shard.admission(&wish.channel).await;
    let command = wish.command(client);
    let offered = wish.namespace.recovers();
    shard.ask(command, move |shard, answer| {
        let begun = match answer {
            Answer::Subscribed(subscribed) => beginning(shard, &subscribed, offered),
            Answer::Refused(refusal) => return refuse(shard, client, stream, refusal.message()),
            _ => return refuse(shard, client, stream, "internal server error"),
        };
        shard.give(client, stream, begun);
    });
    Some(client)
}

/// What a stream begins with: where it stands, and what was missed, or that something was.
fn beginning(shard: &Shard, subscribed: &Subscribed, offered: bool) -> Vec<u8> {
    let Some(top) = subscribed.position.filter(|_| offered) else { return sse::comment("") };
    let at = top.to_string();
    let mut begun = Vec::new();
    match (subscribed.was_recovering, subscribed.recovered) {
        (true, true) => shard.count(Counter::Recovered, 1),
        (true, false) => {
            shard.count(Counter::Unrecovered, 1);
            let data = serde_json::json!({ "position": at }).to_string();
            begun.extend(sse::encode(Some("gap"), Some(&at), &data, None).expect("a position has no line ends"));
        }
        // An id without data is no event, but the browser remembers it (WHATWG HTML, section 9.2.6).
        (false, _) => begun.extend(format!("id: {at}\n\n").into_bytes()),
    }
    for publication in &subscribed.publications {
        begun.extend(event_of(publication, Some(Position { offset: publication.offset, ..top })));
    }
    // Never empty: a queued nothing would be no answer at all.
    if begun.is_empty() { sse::comment("") } else { begun }
}

/// Says why there is no stream, and ends it: the browser tries again later.
fn refuse(shard: &Shard, client: ClientKey, stream: StreamId, reason: &str) {
    let data = serde_json::json!({ "message": reason }).to_string();
    let event = sse::encode(Some("refused"), None, &data, None).expect("a constant has no line ends");
    // A queue of one line takes another; a closed stream needs no reason.
    let _ = stream.send(event);
    stream.shutdown();
    shard.leave(client, None);
}
