//! Hubs wired by small rings, and dice that decide what happens next.

mod dice;

use std::collections::{HashMap, VecDeque};

use crore_base::payload::Payload;
use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_hub::{
    ChannelOptions, ClientKey, Command, Deliver, Event, Hub, Limits, Position, Publication, Reply, Request, Since,
    Stats,
};

use crate::oracle::{Asked, Oracle, Room, Seat};

/// Rooms of the world; every third has no history.
const ROOMS: Room = 5;
/// Subscriptions a client may have: fewer than there are rooms, so that the limit is met.
const PER_CLIENT: u16 = 4;
/// Rounds in which everything must have come to rest.
const SETTLE_ROUNDS: usize = 200_000;

/// What a seed decides about its world.
struct Size {
    ring: usize,
    steps: usize,
    clients: u64,
    limits: Limits,
}

impl Size {
    fn draw(seed: u64) -> Size {
        let mut rng = Rng::from_seed(seed);
        Size {
            ring: rng.range(1..6) as usize,
            steps: rng.range(500..2_500) as usize,
            clients: rng.range(2..40),
            limits: Limits {
                subscriptions_per_client: PER_CLIENT,
                history_page: rng.range(2..30) as u32,
                outbox_messages: rng.range(1..8) as usize,
                backlog_messages: rng.range(1..30) as usize,
                ..Limits::default()
            },
        }
    }
}

type Rings<T> = HashMap<(u16, u16), VecDeque<T>>;

pub(crate) struct World {
    size: Size,
    rng: Rng,
    now: Instant,
    cores: u16,
    hubs: Vec<Hub>,
    requests: Rings<Request>,
    replies: Rings<Reply>,
    pub(crate) oracle: Oracle,
    next_token: u64,
    next_sink: u64,
    /// Where clients stood when they left, to come back with.
    memory: Vec<(Room, Since)>,
}

/// A hub's deliveries on their way to the oracle.
struct Ear<'a> {
    core: u16,
    oracle: &'a mut Oracle,
    rng: &'a mut Rng,
    slow: Vec<(u64, ClientKey)>,
}

impl Deliver for Ear<'_> {
    fn prefetch(&mut self, sink: u64) {
        if !self.oracle.clients.contains_key(&(self.core, sink)) {
            self.oracle.violation(format!("prefetch for sink {sink}, which is gone"));
        }
    }

    fn encode(&mut self, form: u8, channel: &str, publication: &Publication, position: Option<Position>) -> Payload {
        let data = String::from_utf8_lossy(&publication.data).into_owned();
        let room = room_of(channel);
        let place = position.map_or("-".into(), |position| position.to_string());
        let payload = format!("{form}|{room}|{place}|{data}");
        self.oracle.on_encode(self.core, form, room, data);
        payload.into()
    }

    fn deliver(&mut self, client: ClientKey, sink: u64, form: u8, payload: &Payload, publication: &Publication) {
        let text = std::str::from_utf8(payload).expect("encoded as text");
        let parts: Vec<&str> = text.split('|').collect();
        let room = parts[1].parse().expect("a room");
        let position: Option<Position> = parts[2].parse().ok();
        if parts[0] != form.to_string() || parts[3].as_bytes() != &publication.data[..] {
            self.oracle.violation(format!("{text} was given for another publication or form"));
        }
        self.oracle.on_deliver((self.core, sink), client, form, room, position, parts[3]);
        if self.rng.chance(1, 500) {
            self.slow.push((sink, client));
        }
    }
}

fn name_of(room: Room) -> String {
    format!("room:{room}")
}

fn room_of(name: &str) -> Room {
    name.strip_prefix("room:").and_then(|room| room.parse().ok()).expect("a room's name")
}

impl World {
    pub(crate) fn new(seed: u64, cores: u16) -> World {
        let size = Size::draw(seed);
        let mut rng = Rng::from_seed(!seed);
        let hubs = (0..cores).map(|core| Hub::new(core, cores, seed, size.limits)).collect();
        let sizes = (0..ROOMS).map(|room| if room % 3 == 2 { 0 } else { rng.range(1..40) as u32 }).collect();
        let oracle = Oracle::new(sizes, u64::from(size.limits.history_page));
        World {
            size,
            rng,
            now: Instant::from_nanos(1),
            cores,
            hubs,
            requests: Rings::new(),
            replies: Rings::new(),
            oracle,
            next_token: 0,
            next_sink: 0,
            memory: Vec::new(),
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.size.steps * usize::from(self.cores)
    }

    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.oracle.first_violation().map_or(Ok(()), |what| Err(what.clone()))
    }

    /// One thing happens somewhere.
    pub(crate) fn step(&mut self) {
        self.now += Duration::from_micros(self.rng.below(50));
        let core = self.core();
        match self.rng.below(100) {
            0..8 => self.connect(core),
            8..10 => self.disconnect(core),
            10..25 => self.subscribe(core),
            25..29 => self.unsubscribe(core),
            29..50 => self.publish(core),
            50..53 => self.read(core),
            53..54 => self.list(core),
            54..64 => self.walk(core),
            64..66 => self.hubs[usize::from(core)].on_timeout(self.now),
            66..76 => self.events(core),
            76..88 => _ = self.carry_out(core),
            _ => _ = self.carry_in(core),
        }
    }

    fn core(&mut self) -> u16 {
        self.rng.below(u64::from(self.cores)) as u16
    }

    fn hub(&mut self, core: u16) -> &mut Hub {
        &mut self.hubs[usize::from(core)]
    }

    fn seat(&mut self, core: u16) -> Option<(Seat, ClientKey)> {
        let mut seats: Vec<_> = self.oracle.clients.iter().map(|(seat, client)| (*seat, client.key)).collect();
        seats.retain(|((at, _), _)| *at == core);
        seats.sort_by_key(|(seat, _)| *seat);
        (!seats.is_empty()).then(|| seats[self.rng.below(seats.len() as u64) as usize])
    }

    fn options(&self, room: Room) -> ChannelOptions {
        ChannelOptions { history_size: self.oracle.sizes[room], history_ttl: Duration::from_secs(3600) }
    }

    fn ask(&mut self, core: u16, asked: Asked, command: Command<'_>) {
        self.next_token += 1;
        let (token, now) = (self.next_token, self.now);
        self.oracle.pending.insert(token, asked);
        self.hub(core).on_command(now, token, command);
    }

    fn events(&mut self, core: u16) {
        while let Some(event) = self.hub(core).poll_event() {
            match event {
                Event::Answer { token, answer } => self.oracle.on_answer(token, answer),
                Event::Lost { channel, .. } => {
                    self.oracle.violation(format!("gap: the hub itself lost one of {channel}"))
                }
            }
        }
    }

    fn walk(&mut self, core: u16) {
        self.events(core);
        let budget = self.rng.range(1..60) as usize;
        let mut ear = Ear { core, oracle: &mut self.oracle, rng: &mut self.rng, slow: Vec::new() };
        self.hubs[usize::from(core)].walk(budget, &mut ear);
        for (sink, key) in ear.slow {
            self.end((core, sink), key);
        }
    }

    /// Takes messages to the rings of other cores while they have room. Says whether anything moved.
    fn carry_out(&mut self, core: u16) -> bool {
        let mut moved = false;
        for to in 0..self.cores {
            let hub = &mut self.hubs[usize::from(core)];
            let ring = self.requests.entry((core, to)).or_default();
            while ring.len() < self.size.ring
                && let Some(request) = hub.poll_request(to)
            {
                ring.push_back(request);
                moved = true;
            }
            let ring = self.replies.entry((core, to)).or_default();
            while ring.len() < self.size.ring
                && let Some(reply) = hub.poll_reply(to)
            {
                ring.push_back(reply);
                moved = true;
            }
        }
        moved
    }

    /// Takes what the rings hold for a core, while the hub takes it. Says whether anything moved.
    fn carry_in(&mut self, core: u16) -> bool {
        let mut moved = false;
        for from in 0..self.cores {
            let hub = &mut self.hubs[usize::from(core)];
            let ring = self.replies.entry((from, core)).or_default();
            while hub.takes_replies()
                && let Some(reply) = ring.pop_front()
            {
                hub.on_reply(self.now, from, reply);
                moved = true;
            }
            let ring = self.requests.entry((from, core)).or_default();
            while hub.takes_requests()
                && let Some(request) = ring.pop_front()
            {
                hub.on_request(self.now, from, request);
                moved = true;
            }
        }
        moved
    }

    /// Lets everything come to rest. However small the rings are, it must.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..SETTLE_ROUNDS {
            let mut moved = false;
            for core in 0..self.cores {
                moved |= self.carry_in(core);
                moved |= self.hub(core).stats().walks > 0;
                self.walk(core);
                moved |= self.carry_out(core);
            }
            self.verdict()?;
            if !moved {
                return self.check_empty();
            }
        }
        Err("a deadlock: things did not come to rest".into())
    }

    fn check_empty(&mut self) -> Result<(), String> {
        let left: usize = self.requests.values().map(VecDeque::len).sum::<usize>()
            + self.replies.values().map(VecDeque::len).sum::<usize>();
        let cores = 0..self.cores;
        let waiting: usize = self
            .hubs
            .iter()
            .map(|hub| cores.clone().map(|to| hub.requests_pending(to) + hub.replies_pending(to)).sum::<usize>())
            .sum();
        match left + waiting {
            0 => Ok(()),
            stuck => Err(format!("a deadlock: {stuck} messages are stuck")),
        }
    }

    /// One more publication in every room, which everybody must get.
    pub(crate) fn publish_everywhere(&mut self) {
        for room in 0..ROOMS {
            self.publish_to(0, room, false, true);
            self.settle().unwrap_or_else(|what| self.oracle.violation(what));
        }
    }

    /// Everybody leaves.
    pub(crate) fn close(&mut self) {
        let mut seats: Vec<_> = self.oracle.clients.iter().map(|(seat, client)| (*seat, client.key)).collect();
        seats.sort_by_key(|(seat, _)| *seat);
        for (seat, key) in seats {
            self.end(seat, key);
        }
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = Stats> {
        self.hubs.iter().map(Hub::stats)
    }

    /// When everybody has left, only logs remain.
    pub(crate) fn check_baseline(&mut self) {
        let stats: Vec<Stats> = self.stats().collect();
        for (core, stats) in stats.iter().enumerate() {
            let left =
                [stats.clients, stats.subscriptions, stats.local_channels, stats.walk_backlog, stats.walks, stats.lost];
            if left != [0; 6] {
                self.oracle.violation(format!("core {core} did not come back to its baseline: {stats:?}"));
            }
        }
        let homes: u64 = stats.iter().map(|stats| stats.home_channels).sum();
        let streams = (0..ROOMS).filter(|room| self.oracle.has_history(*room)).count() as u64;
        if homes != streams {
            self.oracle.violation(format!("{homes} channels are remembered, {streams} have history"));
        }
        let delivered: u64 = stats.iter().map(|stats| stats.deliveries).sum();
        if delivered != self.oracle.deliveries {
            self.oracle.violation(format!("{delivered} deliveries counted, {} seen", self.oracle.deliveries));
        }
    }
}
