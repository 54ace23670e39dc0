//! One core's shard: the type, its getters and its polls. The verbs that take commands, requests and replies are beside.

mod commands;
mod delivery;
mod replies;
mod requests;

use std::collections::VecDeque;

use crore_base::hash::HashKey;
use crore_base::random::Rng;
use crore_base::time::Instant;

use crate::answer::{Answer, Event};
use crate::clients::{ClientKey, Clients};
use crate::gather::Gathers;
use crate::home::Home;
use crate::limits::Limits;
use crate::local::{Local, Released};
use crate::message::{Ask, Reply, Request};
use crate::outbox::Outbox;
use crate::refusal::Refusal;
use crate::stats::Stats;
use crate::table::Index;
use crate::walk::{Missing, Tally};

/// Mixed into the seed for the maps of a core: a name that chooses the core must not choose the bucket as well.
const MAP_SALT: u64 = 0x6d61_7073_6d61_7073;

/// One core's shard of the channels: home of some, deliverer to local subscribers of any.
///
/// # Calling order
///
/// In a turn of the loop, for each core, the owner calls:
///
/// 1. **Input from other cores.** While [`takes_replies`](Hub::takes_replies): [`on_reply`](Hub::on_reply) for each reply in
///    the rings. While [`takes_requests`](Hub::takes_requests): [`on_request`](Hub::on_request) for each request. What is
///    not taken stays in its ring. Each ring keeps its order.
/// 2. **Time.** [`on_timeout`](Hub::on_timeout) when [`poll_timeout`](Hub::poll_timeout) is due.
/// 3. **Commands of clients and of the API.** [`connect`](Hub::connect), [`on_command`](Hub::on_command) while
///    [`admits`](Hub::admits) its channel, [`disconnect`](Hub::disconnect).
/// 4. **Events.** [`poll_event`](Hub::poll_event) until there is none, writing each answer to its client's send queue at
///    once. This comes *before* the walk, so that the answer to a subscribe precedes the publications that follow it.
/// 5. **Delivery.** [`walk`](Hub::walk) with a budget. Events come first again before the next walk.
/// 6. **Output to other cores.** [`poll_reply`](Hub::poll_reply) and [`poll_request`](Hub::poll_request) for each core, as
///    long as its ring has room.
///
/// Steps may be left out or repeated in any number, only 4 must come between 1 or 3 and 5.
///
/// # Why nothing is stuck
///
/// Walks need nothing from elsewhere; replies are taken whenever walks progress; requests are taken whenever replies leave.
/// So however small the rings and bounds are, full queues empty again.
pub struct Hub {
    core: u16,
    cores: u16,
    limits: Limits,
    /// The same on all cores: it says which core is a channel's home.
    homes: HashKey,
    clients: Clients,
    home: Home,
    local: Local,
    requests: Vec<Outbox<Request>>,
    replies: Vec<Outbox<Reply>>,
    events: VecDeque<Event>,
    gathers: Gathers,
    tally: Tally,
    missing: Vec<Missing>,
    lost: u64,
    late: u64,
    refused: [u64; Refusal::ALL.len()],
    /// The latest time that was given, for what a walk finds out.
    now: Instant,
}

impl Hub {
    /// The shard of one core of so many. `seed` must be the same on all cores: it decides where channels are at home, and
    /// should be unpredictable from outside. Takes little memory until it is used.
    ///
    /// # Panics
    ///
    /// If `core` is not below `cores`: a mistake of the caller.
    pub fn new(core: u16, cores: u16, seed: u64, limits: Limits) -> Hub {
        assert!(core < cores, "core {core} of {cores} does not exist; cores count from 0");
        let map_key = HashKey::from_seed(seed ^ MAP_SALT);
        let mut rng = Rng::from_seed(seed);
        for _ in 0..core {
            rng.next_u64();
        }
        Hub {
            core,
            cores,
            limits,
            homes: HashKey::from_seed(seed),
            clients: Clients::new(&limits),
            home: Home::new(&limits, map_key, rng.fork()),
            local: Local::new(core, cores, &limits, map_key),
            requests: (0..cores).map(|_| Outbox::new(&limits)).collect(),
            replies: (0..cores).map(|_| Outbox::new(&limits)).collect(),
            events: VecDeque::new(),
            gathers: Gathers::new(limits.gathers),
            tally: Tally::default(),
            missing: Vec::new(),
            lost: 0,
            late: 0,
            refused: [0; Refusal::ALL.len()],
            now: Instant::ZERO,
        }
    }

    // Getters.

    /// The core that orders the publications of a channel. The same answer on all cores.
    pub fn home_of(&self, channel: &str) -> u16 {
        (self.homes.hash(channel.as_bytes()) % u64::from(self.cores)) as u16
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> u32 {
        self.clients.len()
    }

    /// Every client, in no order. Costs a look at each slot that was ever taken.
    pub fn clients(&self) -> impl Iterator<Item = ClientKey> {
        self.clients.keys()
    }

    /// How many subscriptions a client has, also those under way; 0 for a client that is gone.
    pub fn subscription_count(&self, client: ClientKey) -> u32 {
        self.clients.count(client)
    }

    /// The sink of a client; `None` when it is gone.
    pub fn sink(&self, client: ClientKey) -> Option<u64> {
        self.clients.get(client).map(|client| client.sink)
    }

    /// The channels of a client, the latest subscription first, also those under way.
    pub fn channels_of(&self, client: ClientKey) -> impl Iterator<Item = &str> {
        let name = |index| self.local.channels.get(index).map(|channel| &*channel.name);
        self.clients.channels(client).filter_map(name)
    }

    /// Whether a client is a subscriber: its subscribe command was answered with `Subscribed`, and it has not ended since.
    pub fn is_subscribed(&self, client: ClientKey, channel: &str) -> bool {
        let index = self.local.find(channel);
        index.and_then(|index| self.clients.find(client, index)) == Some(true)
    }

    /// The figures of this shard.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            clients: u64::from(self.clients.len()),
            subscriptions: u64::from(self.clients.subscriptions_len()),
            local_channels: u64::from(self.local.channels.len()),
            walk_backlog: self.local.backlog() as u64,
            walks: self.local.turns.len() as u64,
            deliveries: self.tally.deliveries,
            skipped: self.tally.skipped,
            encoded: self.tally.encoded,
            lost: self.lost,
            late: self.late,
            refused: self.refused,
            ..Stats::default()
        };
        self.home.report(&mut stats);
        stats
    }

    /// Gives memory of clients and subscriptions that are gone back to the system: bytes. For the time after a storm.
    pub fn trim(&mut self) -> usize {
        self.clients.trim()
    }

    // Back-pressure.

    /// Whether the next command for this channel may be given now. False while the way to its home, or from its home here to
    /// the subscribers' cores, is at its bound: hold the client back. A command that is given nevertheless is taken up to
    /// twice the bound, and refused with [`Refusal::Overloaded`] beyond.
    pub fn admits(&self, channel: &str) -> bool {
        let home = self.home_of(channel);
        if home != self.core {
            return !self.requests[usize::from(home)].is_full();
        }
        let has_room = |core: u16| !self.replies[usize::from(core)].is_full();
        !self.local.is_full() && self.home.interested(channel).all(has_room)
    }

    /// Whether requests of other cores may be given. False while a way back, or delivery here, is at its bound: leave them in
    /// the ring.
    pub fn takes_requests(&self) -> bool {
        !self.local.is_full() && !self.replies.iter().any(Outbox::is_full)
    }

    /// Whether replies may be given. False while delivery here is at its bound: [`walk`](Hub::walk) first.
    pub fn takes_replies(&self) -> bool {
        !self.local.is_full()
    }

    // Polls.

    /// The next thing for the gateway to act on.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next request to take to a core. Order within a pair of cores must be kept.
    pub fn poll_request(&mut self, to: u16) -> Option<Request> {
        if let Some((home, local)) = self.local.poll_leave(to) {
            return Some(Request(Ask::Leave { home, local }));
        }
        self.requests[usize::from(to)].pop()
    }

    /// The next reply to take to a core. Order within a pair of cores must be kept.
    pub fn poll_reply(&mut self, to: u16) -> Option<Reply> {
        self.replies[usize::from(to)].pop()
    }

    /// How many requests wait to be taken to a core, at most.
    pub fn requests_pending(&self, to: u16) -> usize {
        self.requests[usize::from(to)].len() + self.local.leaves(to)
    }

    /// How many replies wait to be taken to a core.
    pub fn replies_pending(&self, to: u16) -> usize {
        self.replies[usize::from(to)].len()
    }

    /// When [`on_timeout`](Hub::on_timeout) next has something to do; `None`: never, as things are.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.home.poll_timeout()
    }

    /// Lets kept publications, positions and idempotency keys expire, a bounded number a call.
    pub fn on_timeout(&mut self, now: Instant) {
        let now = self.at(now);
        self.home.on_timeout(now);
    }

    // What the verbs share.

    /// Time never goes back; what a caller gives out of order counts as the latest.
    fn at(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    fn answer(&mut self, token: u64, answer: Answer) {
        if let Answer::Refused(reason) = &answer {
            self.refused[*reason as usize] += 1;
        }
        self.events.push_back(Event::Answer { token, answer });
    }

    fn refuse(&mut self, token: u64, reason: Refusal) {
        self.answer(token, Answer::Refused(reason));
    }

    /// Takes a subscription out of its channel, and lets go of the channel if it was the last.
    fn leave(&mut self, now: Instant, index: Index, place: Option<u32>) {
        if let Some(place) = place {
            self.local.remove_member(index, place, &mut self.clients);
        }
        self.release(now, index);
    }

    fn release(&mut self, now: Instant, index: Index) {
        if let Released::Own { home, local } = self.local.release(index) {
            self.on_ask(now, self.core, Ask::Leave { home, local });
        }
    }
}
