//! A few hubs joined by queues that hold everything, and an ear that writes down what is delivered.

use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};
use crore_hub::{
    Answer, ChannelOptions, ClientKey, Command, Deliver, Event, Hub, Limits, Position, Publication, Publish, Refusal,
    Since, Subscribed,
};

/// History of ten for a minute.
pub(crate) const KEPT: ChannelOptions = ChannelOptions { history_size: 10, history_ttl: Duration::from_secs(60) };

/// No history.
pub(crate) const PASSING: ChannelOptions = ChannelOptions { history_size: 0, history_ttl: Duration::ZERO };

pub(crate) struct World {
    pub(crate) hubs: Vec<Hub>,
    pub(crate) now: Instant,
    pub(crate) ear: Ear,
    pub(crate) lost: Vec<(ClientKey, String)>,
}

/// Writes down what is delivered: sink and encoded text.
#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) heard: Vec<(u64, String)>,
    pub(crate) encoded: Vec<String>,
}

impl Deliver for Ear {
    fn prefetch(&mut self, _sink: u64) {}

    fn encode(&mut self, form: u8, channel: &str, publication: &Publication, position: Option<Position>) -> Payload {
        let data = String::from_utf8_lossy(&publication.data);
        let offset = position.map_or(0, |position| position.offset);
        let text = format!("{form} {channel} {offset} {data}");
        self.encoded.push(text.clone());
        text.into()
    }

    fn deliver(&mut self, _client: ClientKey, sink: u64, _form: u8, payload: &Payload, _publication: &Publication) {
        self.heard.push((sink, String::from_utf8_lossy(payload).into_owned()));
    }
}

impl World {
    pub(crate) fn new(cores: u16, limits: Limits) -> World {
        World {
            hubs: (0..cores).map(|core| Hub::new(core, cores, 11, limits)).collect(),
            now: Instant::from_nanos(1_000_000_000),
            ear: Ear::default(),
            lost: Vec::new(),
        }
    }

    pub(crate) fn one() -> World {
        World::new(1, Limits::default())
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        for hub in &mut self.hubs {
            while hub.poll_timeout().is_some_and(|due| due <= self.now) {
                hub.on_timeout(self.now);
            }
        }
    }

    /// Gives a command on a core and waits for its answer.
    pub(crate) fn ask(&mut self, core: usize, command: Command<'_>) -> Answer {
        self.hubs[core].on_command(self.now, 5, command);
        self.carry();
        let mut found = None;
        while let Some(event) = self.hubs[core].poll_event() {
            match event {
                Event::Answer { token: 5, answer } => {
                    assert!(found.replace(answer).is_none(), "answered twice")
                }
                Event::Answer { token, .. } => {
                    panic!("an answer to token {token}, which was never given")
                }
                Event::Lost { client, channel } => self.lost.push((client, channel.to_string())),
            }
        }
        found.expect("every command is answered")
    }

    /// Carries all messages between the cores.
    pub(crate) fn carry(&mut self) {
        while self.carry_once(|_| true) {}
    }

    /// Carries what waits now, but for the replies that `keep` turns down: those are lost on the way.
    pub(crate) fn carry_once(&mut self, mut keep: impl FnMut(&crore_hub::Reply) -> bool) -> bool {
        let mut moved = false;
        let cores = self.hubs.len();
        for (from, to) in (0..cores).flat_map(|from| (0..cores).map(move |to| (from, to))) {
            while let Some(request) = self.hubs[from].poll_request(to as u16) {
                self.hubs[to].on_request(self.now, from as u16, request);
                moved = true;
            }
            while let Some(reply) = self.hubs[from].poll_reply(to as u16) {
                moved = true;
                if keep(&reply) {
                    self.hubs[to].on_reply(self.now, from as u16, reply);
                }
            }
        }
        moved
    }

    pub(crate) fn walk(&mut self) {
        for hub in &mut self.hubs {
            while hub.walk(100, &mut self.ear) {}
            while let Some(event) = hub.poll_event() {
                match event {
                    Event::Lost { client, channel } => self.lost.push((client, channel.to_string())),
                    Event::Answer { answer, .. } => panic!("a walk answered {answer:?}"),
                }
            }
        }
    }

    pub(crate) fn connect(&mut self, core: usize, sink: u64) -> ClientKey {
        self.hubs[core].connect(sink, 0).expect("room for a client")
    }

    pub(crate) fn subscribe(
        &mut self,
        core: usize,
        client: ClientKey,
        channel: &str,
        options: ChannelOptions,
    ) -> Subscribed {
        match self.join(core, client, channel, None, options) {
            Answer::Subscribed(subscribed) => subscribed,
            answer => panic!("{answer:?}"),
        }
    }

    pub(crate) fn join(
        &mut self,
        core: usize,
        client: ClientKey,
        channel: &str,
        since: Option<Since>,
        options: ChannelOptions,
    ) -> Answer {
        let command = Command::Subscribe { client, channel, since, reject_unrecovered: false, options };
        self.ask(core, command)
    }

    pub(crate) fn publish(
        &mut self,
        core: usize,
        channel: &str,
        data: &str,
        options: ChannelOptions,
    ) -> Option<Position> {
        match self.ask(core, Command::Publish(publication(channel, data, options))) {
            Answer::Published { position } => position,
            answer => panic!("{answer:?}"),
        }
    }

    /// The offsets that history has, and the top.
    pub(crate) fn history(&mut self, core: usize, channel: &str, options: ChannelOptions) -> (Vec<u64>, Position) {
        let command = Command::History { channel, limit: -1, since: None, reverse: false, options };
        match self.ask(core, command) {
            Answer::History(page) => (page.publications.iter().map(|one| one.offset).collect(), page.position),
            answer => panic!("{answer:?}"),
        }
    }

    /// What was heard since the last time.
    pub(crate) fn heard(&mut self) -> Vec<(u64, String)> {
        self.walk();
        std::mem::take(&mut self.ear.heard)
    }
}

pub(crate) fn publication<'a>(channel: &'a str, data: &str, options: ChannelOptions) -> Publish<'a> {
    Publish { channel, data: data.into(), info: None, tags: None, options, skip_history: false, idempotency_key: None }
}

pub(crate) fn refusal(answer: Answer) -> Refusal {
    match answer {
        Answer::Refused(reason) => reason,
        answer => panic!("not refused but {answer:?}"),
    }
}
