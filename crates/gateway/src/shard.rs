//! One core of the gateway: its hub, its clients, and the ways to the other cores.
//!
//! Everything a session, a request or the pump does goes through here. A verb that changes the hub rings the pump, which
//! carries on what has to travel and walks what has to be delivered. Answers are written by `settle` at once, before any walk, so that
//! the answer to a subscribe precedes the publications that follow it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crore_base::counters::CoreCounters;
use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};
use crore_http::ws::{self, Opcode};
use crore_hub::{Answer, ClientKey, Command, Event, Hub, Limits, Reply, Request};
use crore_rt::channel::mesh::{Ends, Port};
use crore_rt::channel::notify::Notify;
use crore_rt::net::{SendError, StreamId, StreamOption};
use crore_rt::time;

use crate::client_ids::ClientIds;
use crate::config::Config;
use crate::counters::{Counter, disconnects};
use crate::expiry::Expiry;
use crate::heartbeat::Heartbeat;
use crate::identity::{Identities, Identity};
use crate::latency::Readings;
use crate::limits::{CLOSE_WAIT, PUBLICATION_BYTES};
use crate::node::Node;
use crate::protocol::{Disconnect, PING};
use crate::seats::{Form, Seat, Seats};
use crate::session::poll::Waiting;

/// Called with the answer to a command, before anything later is delivered.
type OnAnswer = Box<dyn FnOnce(&Rc<Shard>, Answer)>;

/// One core of the gateway.
pub(crate) struct Shard {
    pub(crate) node: Arc<Node>,
    pub(crate) config: Arc<Config>,
    pub(crate) core: usize,
    pub(crate) hub: RefCell<Hub>,
    pub(crate) requests: Port<Request>,
    pub(crate) replies: Port<Reply>,
    /// Rung when the pump has something to do.
    pub(crate) work: Notify,
    pub(crate) heartbeat: RefCell<Option<Heartbeat>>,
    /// Rung when the heartbeat has somebody after it had nobody.
    pub(crate) pulse: Notify,
    pub(crate) seats: RefCell<Seats>,
    pub(crate) identities: RefCell<Identities>,
    /// Long polls that wait, by client.
    pub(crate) waiting: RefCell<HashMap<u64, Waiting>>,
    /// When clients whose token expires are sent away, by client.
    pub(crate) expiries: RefCell<HashMap<u64, Expiry>>,
    pub(crate) counters: CoreCounters,
    pub(crate) latencies: CoreCounters,
    pub(crate) readings: RefCell<Readings>,
    asked: RefCell<HashMap<u64, OnAnswer>>,
    next_token: Cell<u64>,
    /// The most clients since memory was last given back.
    pub(crate) high_water: Cell<u64>,
    /// Who waits until the hub admits commands again.
    held_back: RefCell<Vec<Waker>>,
    /// Streams that were sent a close, and until when they may answer.
    farewells: RefCell<VecDeque<(Instant, StreamId)>>,
    ping_frame: Payload,
    events_ping: Payload,
    client_ids: ClientIds,
}

impl Shard {
    /// The shard of the core that this is called on.
    pub(crate) fn new(node: Arc<Node>, requests: Ends<Request>, replies: Ends<Reply>) -> Rc<Shard> {
        let core = crore_rt::core();
        let limits = Limits { publication_bytes: PUBLICATION_BYTES, ..Limits::default() };
        let seed = node.seed;
        Rc::new(Shard {
            config: Arc::clone(&node.config),
            core,
            hub: RefCell::new(Hub::new(core as u16, crore_rt::cores() as u16, seed, limits)),
            requests: requests.open(),
            replies: replies.open(),
            work: Notify::new(),
            heartbeat: RefCell::new(Heartbeat::new(node.config.ping_interval, seed ^ core as u64)),
            pulse: Notify::new(),
            seats: RefCell::default(),
            identities: RefCell::new(Identities::new(seed)),
            waiting: RefCell::default(),
            expiries: RefCell::default(),
            counters: node.counters.core(core),
            latencies: node.latencies.core(core),
            readings: RefCell::default(),
            asked: RefCell::default(),
            next_token: Cell::new(0),
            high_water: Cell::new(0),
            held_back: RefCell::default(),
            farewells: RefCell::default(),
            ping_frame: Payload::from(ws::encode(Opcode::Text, PING)),
            events_ping: Payload::from(crore_http::sse::comment("")),
            client_ids: ClientIds::from_seed(seed),
            node,
        })
    }

    pub(crate) fn count(&self, counter: Counter, amount: u64) {
        self.counters.add(counter as usize, amount);
    }

    // Clients.

    /// A client has come. None: the core has as many as it may.
    pub(crate) fn enter(&self, sink: u64, form: Form, identity: Identity) -> Option<ClientKey> {
        let client = self.hub.borrow_mut().connect(sink, form as u8)?;
        let identity = self.identities.borrow_mut().hold(identity);
        self.seats.borrow_mut().take(client.index(), Seat { identity, form, flags: 0 });
        self.count(Counter::Connects, 1);
        self.counters.add(Counter::Connections as usize, 1);
        let mut heartbeat = self.heartbeat.borrow_mut();
        if let Some(heartbeat) = heartbeat.as_mut().filter(|_| form != Form::Poll) {
            heartbeat.enter(time::now(), client);
            self.pulse.notify();
        }
        Some(client)
    }

    /// A client has gone, by itself or for a reason of ours. False: it was gone before.
    pub(crate) fn leave(&self, client: ClientKey, reason: Option<Disconnect>) -> bool {
        if self.hub.borrow().sink(client).is_none() {
            return false;
        }
        self.hub.borrow_mut().disconnect(time::now(), client);
        let identity = self.seats.borrow_mut().at(client.index()).identity;
        self.identities.borrow_mut().release(identity);
        self.forget_expiry(client);
        self.counters.sub(Counter::Connections as usize, 1);
        self.counters.add(disconnects(reason), 1);
        self.work.notify();
        true
    }

    /// Sends a client away: it is told why, and then has a little time to close.
    pub(crate) fn disconnect(&self, client: ClientKey, reason: Disconnect) {
        let Some(sink) = self.hub.borrow().sink(client) else { return };
        let form = self.seats.borrow_mut().at(client.index()).form;
        self.leave(client, Some(reason));
        match form {
            Form::WebSocket => self.farewell(stream_of(sink), reason),
            Form::Events => {
                // An event stream ends with its connection; the client comes back by itself.
                let stream = stream_of(sink);
                match reason.flushes() {
                    true => stream.shutdown(),
                    false => stream.abort(),
                }
                self.await_close(stream);
            }
            // Who waits there is answered.
            Form::Poll => drop(self.waiting.borrow_mut().remove(&client.to_bits())),
        }
    }

    /// Enqueues what a client must get, however much it is: the answer to what it asked, all that it missed perhaps. The queue's
    /// limit grows by that, so that a client is slow only for what comes by itself.
    pub(crate) fn give(&self, client: ClientKey, stream: StreamId, bytes: Vec<u8>) {
        let Some(queued) = stream.queued() else { return };
        let limit = self.config.queue_bytes;
        let needed = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(queued);
        let grown = match needed > limit {
            true => stream.set(StreamOption::SendLimit(needed.saturating_add(limit))),
            false => Ok(()),
        };
        if grown.is_ok() && matches!(stream.send(bytes), Err(SendError::Full { .. })) {
            self.disconnect(client, Disconnect::Slow); // four gigabytes wait
        }
    }

    /// Sends the close frame of a WebSocket, and ends our direction.
    pub(crate) fn farewell(&self, stream: StreamId, reason: Disconnect) {
        let frame = ws::encode_close(reason.code(), reason.reason(), None).expect("our own codes may be sent");
        self.farewell_with(stream, frame, reason.flushes());
    }

    /// As `farewell`, with a close frame of any kind. Without `flush`, what is queued is dropped for it.
    pub(crate) fn farewell_with(&self, stream: StreamId, frame: Vec<u8>, flush: bool) {
        let sent = match flush {
            true => stream.send(frame),
            false => stream.supersede(frame),
        };
        if sent.is_err() {
            return stream.abort();
        }
        stream.shutdown();
        self.await_close(stream);
    }

    fn await_close(&self, stream: StreamId) {
        self.farewells.borrow_mut().push_back((time::now() + CLOSE_WAIT, stream));
        self.pulse.notify();
    }

    /// When a farewell is over at the latest.
    pub(crate) fn next_farewell(&self) -> Option<Instant> {
        self.farewells.borrow().front().map(|&(until, _)| until)
    }

    /// Resets those who did not answer our close in time.
    pub(crate) fn end_farewells(&self, now: Instant) {
        loop {
            let mut farewells = self.farewells.borrow_mut();
            match farewells.front() {
                Some(&(until, stream)) if until <= now => {
                    farewells.pop_front();
                    drop(farewells);
                    stream.abort();
                }
                _ => return,
            }
        }
    }

    /// The ping of a form.
    pub(crate) fn ping(&self, form: Form) -> &Payload {
        match form {
            Form::WebSocket => &self.ping_frame,
            Form::Events | Form::Poll => &self.events_ping,
        }
    }

    /// The id of a client of this node.
    pub(crate) fn client_id(&self, core: u16, client: ClientKey) -> String {
        self.client_ids.of(core, client)
    }

    /// Who a client is.
    pub(crate) fn identity_of(&self, client: ClientKey) -> Rc<Identity> {
        let number = self.seats.borrow_mut().at(client.index()).identity;
        Rc::clone(self.identities.borrow().of(number))
    }

    // Commands.

    /// Waits until the hub admits a command for this channel: back-pressure for whoever asks.
    pub(crate) async fn admission(&self, channel: &str) {
        poll_fn(|context| {
            if self.hub.borrow().admits(channel) {
                return Poll::Ready(());
            }
            self.held_back.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Lets those try again who were held back.
    pub(crate) fn admit(&self) {
        let waiting = std::mem::take(&mut *self.held_back.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Gives a command to the hub. `on_answer` is called with its one answer, perhaps before this returns.
    pub(crate) fn ask(self: &Rc<Shard>, command: Command<'_>, on_answer: impl FnOnce(&Rc<Shard>, Answer) + 'static) {
        let token = self.next_token.get();
        self.next_token.set(token + 1);
        self.asked.borrow_mut().insert(token, Box::new(on_answer));
        self.hub.borrow_mut().on_command(time::now(), token, command);
        self.settle();
        self.work.notify();
    }

    /// Acts on what the hub has to say. Must come between any input of the hub and a walk.
    pub(crate) fn settle(self: &Rc<Shard>) {
        loop {
            let event = self.hub.borrow_mut().poll_event();
            match event {
                None => return,
                Some(Event::Answer { token, answer }) => {
                    let on_answer = self.asked.borrow_mut().remove(&token);
                    let on_answer = on_answer.expect("each command is answered once");
                    on_answer(self, answer);
                }
                Some(Event::Lost { client, channel }) => self.on_lost(client, &channel),
            }
        }
    }

    /// A subscriber would have missed a publication: its subscription is over, and it is told to come back (code 2500).
    fn on_lost(&self, client: ClientKey, channel: &str) {
        let Some(sink) = self.hub.borrow().sink(client) else { return };
        match Form::from_number(self.seats.borrow_mut().at(client.index()).form as u8) {
            Form::WebSocket => {
                let frame = crate::protocol::unsubscribe_frame(channel, 2500, "insufficient state");
                self.give(client, stream_of(sink), frame);
            }
            Form::Events => stream_of(sink).shutdown(),
            Form::Poll => drop(self.waiting.borrow_mut().remove(&client.to_bits())),
        }
    }

    /// How often clients are pinged, whole seconds rounded up; 0: not at all.
    pub(crate) fn ping_seconds(&self) -> u64 {
        let interval = self.config.ping_interval;
        interval.as_nanos().div_ceil(Duration::from_secs(1).as_nanos())
    }
}

/// The stream that a sink of ours stands for.
pub(crate) fn stream_of(sink: u64) -> StreamId {
    StreamId::from_bits(sink).expect("the sinks of streams are their names")
}
