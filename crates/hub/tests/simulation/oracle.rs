//! Knows what each subscriber must see, and notes whatever else it sees.

use std::collections::{HashMap, HashSet};

use crore_hub::{Answer, ClientKey, Epoch, History, Position, Publication, Refusal, Since, Subscribed};

/// A channel of the world by its number; the name and options follow from it.
pub(crate) type Room = usize;

/// What a command must be answered with.
pub(crate) enum Asked {
    Subscribe { seat: Seat, room: Room, since: Option<Since>, reject: bool, expect: Option<Refusal>, admitted: bool },
    Publish { room: Room, data: String, skip: bool, admitted: bool },
    History { room: Room, admitted: bool },
    Unsubscribe,
    Listing,
}

/// A client of the world: its core and its sink.
pub(crate) type Seat = (u16, u64);

pub(crate) enum Sub {
    Joining { token: u64 },
    Member(Reader),
}

/// What a subscriber has seen.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) offset: u64,
    /// The number in the data of the last publication, in rooms without history.
    serial: Option<u64>,
    unnumbered: HashSet<String>,
}

pub(crate) struct Client {
    pub(crate) key: ClientKey,
    pub(crate) form: u8,
    pub(crate) subs: HashMap<Room, Sub>,
}

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) clients: HashMap<Seat, Client>,
    pub(crate) pending: HashMap<u64, Asked>,
    /// What was published at an offset, as first seen.
    truth: HashMap<(Room, u64), String>,
    epochs: HashMap<Room, Epoch>,
    /// The greatest offset that was answered to a publisher, and the last serial, by room.
    pub(crate) tops: HashMap<Room, u64>,
    pub(crate) serials: HashMap<Room, u64>,
    encoded: HashSet<(u16, u8, Room, String)>,
    pub(crate) sizes: Vec<u32>,
    page: u64,
    pub(crate) deliveries: u64,
    pub(crate) recovered: u64,
    violations: Vec<String>,
}

impl Oracle {
    /// An oracle for rooms with these history sizes (0: none), recovering at most a page.
    pub(crate) fn new(sizes: Vec<u32>, page: u64) -> Oracle {
        Oracle { sizes, page, ..Oracle::default() }
    }

    pub(crate) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(crate) fn first_violation(&self) -> Option<&String> {
        self.violations.first()
    }

    pub(crate) fn has_history(&self, room: Room) -> bool {
        self.sizes[room] > 0
    }

    /// Somebody saw this publication at this place.
    fn saw(&mut self, room: Room, position: Position, data: &[u8]) {
        let data = String::from_utf8_lossy(data).into_owned();
        let epoch = *self.epochs.entry(room).or_insert(position.epoch);
        if epoch != position.epoch {
            self.violation(format!("room {room}: epoch {} after {epoch}", position.epoch));
        }
        let first = self.truth.entry((room, position.offset)).or_insert_with(|| data.clone()).clone();
        if first != data {
            self.violation(format!("room {room}: {data} at {position}, where {first} was seen before"));
        }
    }

    /// Publications of a reply: consecutive, and what others saw there.
    fn saw_run(&mut self, room: Room, epoch: Epoch, publications: &[Publication]) {
        for pair in publications.windows(2) {
            if pair[0].offset + 1 != pair[1].offset {
                self.violation(format!(
                    "room {room}: gap between {} and {} in one reply",
                    pair[0].offset, pair[1].offset
                ));
            }
        }
        for publication in publications {
            let offset = publication.offset;
            self.saw(room, Position { offset, epoch }, &publication.data);
        }
    }

    pub(crate) fn on_encode(&mut self, core: u16, form: u8, room: Room, data: String) {
        if !self.encoded.insert((core, form, room, data.clone())) {
            self.violation(format!("room {room}: {data} was encoded twice in form {form} on core {core}"));
        }
    }

    pub(crate) fn on_deliver(
        &mut self,
        seat: Seat,
        key: ClientKey,
        form: u8,
        room: Room,
        position: Option<Position>,
        data: &str,
    ) {
        self.deliveries += 1;
        let numbered = self.has_history(room);
        let Some(client) = self.clients.get_mut(&seat) else {
            return self.violation(format!("{seat:?} is gone and was given {data}"));
        };
        let strange = client.key != key || client.form != form;
        let Some(Sub::Member(reader)) = client.subs.get_mut(&room) else {
            return self.violation(format!("{seat:?} is no subscriber of room {room} and was given {data}"));
        };
        let wrong = match position {
            Some(position) => {
                let before = std::mem::replace(&mut reader.offset, position.offset);
                (position.offset != before + 1)
                    .then(|| format!("gap or repetition: offset {} after {before}", position.offset))
            }
            None if numbered => (!reader.unnumbered.insert(data.into())).then(|| "given twice".into()),
            None => {
                let serial = serial(data);
                let before = reader.serial.replace(serial);
                before
                    .filter(|before| *before + 1 != serial)
                    .map(|before| format!("gap or repetition: serial {serial} after {before}"))
            }
        };
        if let Some(wrong) = wrong {
            self.violation(format!("{seat:?} in room {room}: {data}: {wrong}"));
        }
        if strange {
            self.violation(format!("{seat:?} was given {data} under another key or in another form"));
        }
        if let Some(position) = position {
            self.saw(room, position, data.as_bytes());
        }
    }

    pub(crate) fn on_answer(&mut self, token: u64, answer: Answer) {
        let Some(asked) = self.pending.remove(&token) else {
            return self.violation(format!("token {token} was answered twice or never given: {answer:?}"));
        };
        match (asked, answer) {
            (asked @ Asked::Subscribe { .. }, answer) => self.on_subscribe_answer(token, asked, answer),
            (Asked::Publish { room, data, skip, .. }, Answer::Published { position }) => {
                if position.is_some() != (self.has_history(room) && !skip) {
                    self.violation(format!("room {room}: {data} was published at {position:?}"));
                }
                if let Some(position) = position {
                    let top = self.tops.entry(room).or_default();
                    *top = (*top).max(position.offset);
                    self.saw(room, position, data.as_bytes());
                }
            }
            (Asked::History { room, .. }, Answer::History(History { publications, position }))
                if self.has_history(room) =>
            {
                self.saw_run(room, position.epoch, &publications);
                if publications.last().is_some_and(|last| last.offset > position.offset) {
                    self.violation(format!("room {room}: a page goes beyond its position {position}"));
                }
            }
            (Asked::History { room, .. }, Answer::Refused(Refusal::NoHistory)) if !self.has_history(room) => {}
            (Asked::Unsubscribe, Answer::Unsubscribed) => {}
            (Asked::Listing, Answer::Channels(_) | Answer::Members(_) | Answer::Refused(Refusal::Overloaded)) => {}
            (
                Asked::Publish { admitted: false, .. } | Asked::History { admitted: false, .. },
                Answer::Refused(Refusal::Overloaded),
            ) => {}
            (_, answer) => self.violation(format!("token {token} got the wrong answer {answer:?}")),
        }
    }

    fn on_subscribe_answer(&mut self, token: u64, asked: Asked, answer: Answer) {
        let Asked::Subscribe { seat, room, since, reject, expect, admitted } = asked else {
            return;
        };
        let mut subs = self.clients.get_mut(&seat).map(|client| &mut client.subs);
        let own = |sub: Option<&Sub>| matches!(sub, Some(Sub::Joining { token: own }) if *own == token);
        let waits = subs.as_ref().is_some_and(|subs| own(subs.get(&room)));
        if waits && let Some(subs) = &mut subs {
            subs.remove(&room);
            if let Answer::Subscribed(subscribed) = &answer {
                let offset = subscribed.position.map_or(0, |position| position.offset);
                subs.insert(room, Sub::Member(Reader { offset, ..Reader::default() }));
            }
        }
        match answer {
            Answer::Subscribed(subscribed) => {
                if expect.is_some() {
                    self.violation(format!("{seat:?} in room {room}: subscribed instead of {expect:?}"));
                }
                self.check_recovery(room, since, reject, subscribed);
            }
            Answer::Refused(reason) => {
                let fine = match reason {
                    Refusal::AlreadySubscribed | Refusal::SubscriptionLimit => expect == Some(reason),
                    Refusal::Overloaded => !admitted,
                    Refusal::Unrecoverable => reject && since.is_some(),
                    Refusal::Cancelled | Refusal::ClientGone => !waits,
                    _ => false,
                };
                if !fine {
                    self.violation(format!("{seat:?} in room {room}: refused with {reason}"));
                }
            }
            answer => self.violation(format!("{seat:?} in room {room}: {answer:?} to a subscribe")),
        }
    }

    /// The rules of recovery, with what this world knows: nothing expires here, so size and page alone decide.
    fn check_recovery(&mut self, room: Room, since: Option<Since>, reject: bool, subscribed: Subscribed) {
        let Subscribed { position, was_recovering, recovered, publications, .. } = subscribed;
        let can = |top: Position, since: Since| {
            let missed = top.offset.checked_sub(since.offset);
            let keeps = u64::from(self.sizes[room]).min(self.page);
            since.epoch.is_none_or(|epoch| epoch == top.epoch) && missed.is_some_and(|missed| missed <= keeps)
        };
        let expected = match (position, since) {
            (Some(top), Some(since)) => can(top, since),
            _ => false,
        };
        if recovered != expected || was_recovering != since.is_some() || position.is_some() != self.has_history(room) {
            self.violation(format!(
                "room {room}: recovered {recovered}, was recovering {was_recovering}, at {position:?} since {since:?}"
            ));
        }
        self.recovered += u64::from(recovered && !publications.is_empty());
        if reject && since.is_some() && !recovered {
            self.violation(format!("room {room}: subscribed without the recovery that was insisted on"));
        }
        let expected = match (position, since) {
            (Some(top), Some(since)) if recovered => top.offset - since.offset,
            _ => 0,
        };
        let ends = publications.last().map(|last| last.offset);
        if publications.len() as u64 != expected || ends.is_some_and(|end| Some(end) != position.map(|top| top.offset))
        {
            self.violation(format!(
                "room {room}: a gap in {} recovered publications up to {ends:?}",
                publications.len()
            ));
        }
        if let Some(top) = position {
            self.saw_run(room, top.epoch, &publications);
        }
    }

    /// When everything is quiet, each subscriber has seen the last publication, and every command was answered.
    pub(crate) fn check_all_caught_up(&mut self) {
        let mut behind = Vec::new();
        for (seat, client) in &self.clients {
            for (room, sub) in &client.subs {
                let fine = match sub {
                    Sub::Joining { .. } => false,
                    Sub::Member(reader) if self.has_history(*room) => Some(&reader.offset) == self.tops.get(room),
                    Sub::Member(reader) => reader.serial.as_ref() == self.serials.get(room),
                };
                if !fine {
                    behind.push(format!("{seat:?} in room {room} is behind when all is quiet"));
                }
            }
        }
        behind.sort();
        self.violations.extend(behind);
        if let Some(token) = self.pending.keys().min() {
            self.violation(format!("token {token} was never answered"));
        }
    }
}

/// The number in the data of a publication.
fn serial(data: &str) -> u64 {
    let number = data.rsplit('/').next().and_then(|number| number.parse().ok());
    number.expect("the world numbers its publications")
}
