//! What clients and publishers of the world do, as the dice fall.

use std::collections::HashMap;

use crore_hub::{ClientKey, Command, Publish, Refusal, Since};

use super::{PER_CLIENT, ROOMS, World, name_of};
use crate::oracle::{Asked, Client, Room, Seat, Sub};

impl World {
    pub(super) fn connect(&mut self, core: u16) {
        if self.oracle.clients.len() as u64 >= self.size.clients * u64::from(self.cores) {
            return;
        }
        self.next_sink += 1;
        let (sink, form) = (self.next_sink, self.rng.below(3) as u8);
        let key = self.hub(core).connect(sink, form).expect("few clients");
        let subs = HashMap::new();
        self.oracle.clients.insert((core, sink), Client { key, form, subs });
    }

    pub(super) fn disconnect(&mut self, core: u16) {
        if let Some((seat, key)) = self.seat(core) {
            self.end(seat, key);
        }
    }

    pub(super) fn end(&mut self, seat: Seat, key: ClientKey) {
        let now = self.now;
        self.hub(seat.0).disconnect(now, key);
        if let Some(client) = self.oracle.clients.remove(&seat) {
            let mut subs: Vec<_> = client.subs.into_iter().collect();
            subs.sort_by_key(|(room, _)| *room);
            for (room, sub) in subs {
                self.remember(room, sub);
            }
        }
    }

    fn remember(&mut self, room: Room, sub: Sub) {
        if let Sub::Member(reader) = sub {
            // Now and then a position that nobody can have, and an epoch that is another's or empty.
            let offset = reader.offset + if self.rng.chance(1, 20) { 3 } else { 0 };
            let epoch = if self.rng.chance(1, 10) { "elsewher" } else { "" };
            self.memory.push((room, Since::new(offset, epoch)));
        }
    }

    pub(super) fn subscribe(&mut self, core: u16) {
        // What the oracle expects depends on the answers so far.
        self.events(core);
        let Some((seat, client)) = self.seat(core) else {
            return;
        };
        let mut room = self.rng.below(ROOMS as u64) as Room;
        let mut since = None;
        if self.rng.chance(1, 2) && !self.memory.is_empty() {
            let at = self.rng.below(self.memory.len() as u64) as usize;
            let (remembered, position) = self.memory.swap_remove(at);
            (room, since) = (remembered, Some(position));
        }
        let (name, options, reject) = (name_of(room), self.options(room), self.rng.chance(1, 8));
        let admitted = self.hub(core).admits(&name);
        if !admitted && self.rng.chance(3, 4) {
            return;
        }
        let token = self.next_token + 1;
        let subs = &mut self.oracle.clients.get_mut(&seat).expect("a seated client").subs;
        let expect = match subs.len() {
            _ if subs.contains_key(&room) => Some(Refusal::AlreadySubscribed),
            count if count >= usize::from(PER_CLIENT) => Some(Refusal::SubscriptionLimit),
            _ => None,
        };
        if expect.is_none() {
            subs.insert(room, Sub::Joining { token });
        }
        let asked = Asked::Subscribe { seat, room, since, reject, expect, admitted };
        let command = Command::Subscribe { client, channel: &name, since, reject_unrecovered: reject, options };
        self.ask(core, asked, command);
    }

    pub(super) fn unsubscribe(&mut self, core: u16) {
        let Some((seat, client)) = self.seat(core) else {
            return;
        };
        let room = self.rng.below(ROOMS as u64) as Room;
        let removed = self.oracle.clients.get_mut(&seat).and_then(|client| client.subs.remove(&room));
        let channel = &name_of(room);
        self.ask(core, Asked::Unsubscribe, Command::Unsubscribe { client, channel });
        if let Some(sub) = removed {
            self.remember(room, sub);
        }
    }

    /// Rooms without history have one publisher, on core 0, so that the order is known without offsets.
    pub(super) fn publish(&mut self, core: u16) {
        let room = self.rng.below(ROOMS as u64) as Room;
        let history = self.oracle.has_history(room);
        let core = if history { core } else { 0 };
        let admitted = self.hub(core).admits(&name_of(room));
        if admitted || (history && self.rng.chance(1, 4)) {
            let skip = history && self.rng.chance(1, 8);
            self.publish_to(core, room, skip, admitted);
        }
    }

    pub(super) fn publish_to(&mut self, core: u16, room: Room, skip: bool, admitted: bool) {
        let serial = self.oracle.serials.entry(room).or_default();
        *serial += 1;
        let data = format!("{core}/{serial}");
        let name = name_of(room);
        let publish = Publish {
            channel: &name,
            data: data.as_str().into(),
            info: None,
            tags: None,
            options: self.options(room),
            skip_history: skip,
            idempotency_key: None,
        };
        let asked = Asked::Publish { room, data, skip, admitted };
        self.ask(core, asked, Command::Publish(publish));
    }

    pub(super) fn read(&mut self, core: u16) {
        let room = self.rng.below(ROOMS as u64) as Room;
        let name = name_of(room);
        let admitted = self.hub(core).admits(&name);
        let command = Command::History {
            channel: &name,
            limit: self.rng.below(50) as i32 - 1,
            since: None,
            reverse: false,
            options: self.options(room),
        };
        self.ask(core, Asked::History { room, admitted }, command);
    }

    pub(super) fn list(&mut self, core: u16) {
        let command = match self.rng.chance(1, 2) {
            true => Command::Channels { pattern: Some("room:*") },
            false => Command::Members { channel: "room:0" },
        };
        self.ask(core, Asked::Listing, command);
    }
}
