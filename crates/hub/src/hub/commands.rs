//! What clients and the server API ask for. Each command is checked here, on the core where it arrives, and then goes to the
//! channel's home, which may be this core: then the same code runs at once.

use crore_base::time::Instant;

use super::Hub;
use crate::answer::Answer;
use crate::clients::ClientKey;
use crate::command::{Command, Publish};
use crate::gather::Parts;
use crate::limits::{IDEMPOTENCY_KEY_BYTES, PATTERN_BYTES};
use crate::message::{Ask, HistoryAsk, Join, PublishAsk, Request};
use crate::refusal::Refusal;

impl Hub {
    /// Makes a client known. `sink` is how the gateway finds its connection, `form` how its publications are encoded; both
    /// are the gateway's own business. `None`: as many clients as `Limits::clients` are connected.
    pub fn connect(&mut self, sink: u64, form: u8) -> Option<ClientKey> {
        self.clients.connect(sink, form)
    }

    /// Forgets a client, with all its subscriptions; the cost grows with their number only. Nothing is delivered to it after
    /// this. A key of a client that is gone does nothing.
    pub fn disconnect(&mut self, now: Instant, client: ClientKey) {
        let now = self.at(now);
        if self.clients.get(client).is_none() {
            return;
        }
        while let Some(removed) = self.clients.remove_first(client) {
            self.leave(now, removed.channel, removed.place);
        }
        self.clients.disconnect(client);
    }

    /// Ends a subscription, or one under way, at once: nothing of that channel is delivered to the client after this. Gives
    /// whether there was one.
    pub fn unsubscribe(&mut self, now: Instant, client: ClientKey, channel: &str) -> bool {
        let now = self.at(now);
        let Some(index) = self.local.find(channel) else {
            return false;
        };
        if self.clients.get(client).is_none() {
            return false;
        }
        let Some(removed) = self.clients.remove(client.index(), index) else {
            return false;
        };
        debug_assert_eq!(removed.channel, index);
        self.leave(now, index, removed.place);
        true
    }

    /// Takes a command. Exactly one answer with this token follows, possibly at once. Ask [`admits`](Hub::admits) first.
    pub fn on_command(&mut self, now: Instant, token: u64, command: Command<'_>) {
        let now = self.at(now);
        if let Err(reason) = self.check(&command) {
            return self.refuse(token, reason);
        }
        match command {
            Command::Subscribe { .. } => {
                if let Err(reason) = self.subscribe(now, token, command) {
                    self.refuse(token, reason);
                }
            }
            Command::Unsubscribe { client, channel } => {
                self.unsubscribe(now, client, channel);
                self.answer(token, Answer::Unsubscribed);
            }
            Command::Publish(publish) => self.publish(now, token, publish),
            Command::History { channel, limit, since, reverse, options } => {
                let ask = HistoryAsk { token, channel: channel.into(), limit, since, reverse, options };
                self.ask(now, self.home_of(channel), Ask::History(Box::new(ask)));
            }
            Command::HistoryRemove { channel } => {
                let to = self.home_of(channel);
                let channel = channel.into();
                self.ask(now, to, Ask::HistoryRemove { token, channel });
            }
            Command::Channels { pattern } => self.gather(now, token, Parts::channels(), |gather| Ask::Channels {
                gather,
                pattern: pattern.map(Box::from),
            }),
            Command::Members { channel } => {
                self.gather(now, token, Parts::members(), |gather| Ask::Members { gather, channel: channel.into() })
            }
        }
    }

    /// What can be said about a command without doing anything.
    fn check(&self, command: &Command<'_>) -> Result<(), Refusal> {
        match command {
            Command::Unsubscribe { .. } => Ok(()),
            Command::Channels { pattern } => match pattern.is_none_or(|pattern| pattern.len() <= PATTERN_BYTES) {
                true => self.check_gather(),
                false => Err(Refusal::BadRequest),
            },
            Command::Members { channel } => self.check_name(channel).and_then(|()| self.check_gather()),
            Command::Subscribe { channel, .. }
            | Command::History { channel, .. }
            | Command::HistoryRemove { channel } => {
                self.check_name(channel)?;
                self.check_room(channel)
            }
            Command::Publish(publish) => {
                self.check_name(publish.channel)?;
                let key_bytes = publish.idempotency_key.map_or(0, str::len);
                if publish.data.len() > self.limits.publication_bytes || key_bytes > IDEMPOTENCY_KEY_BYTES {
                    return Err(Refusal::BadRequest);
                }
                self.check_room(publish.channel)?;
                self.check_fan_out(publish.channel)
            }
        }
    }

    fn check_name(&self, channel: &str) -> Result<(), Refusal> {
        let good = !channel.is_empty() && channel.len() <= self.limits.channel_name_bytes && channel.is_ascii();
        if good { Ok(()) } else { Err(Refusal::BadChannel) }
    }

    /// The hard bound on the way to a channel's home.
    fn check_room(&self, channel: &str) -> Result<(), Refusal> {
        let overfull = self.requests[usize::from(self.home_of(channel))].is_overfull();
        if overfull { Err(Refusal::Overloaded) } else { Ok(()) }
    }

    /// The hard bound on the way from a channel's home here to its subscribers.
    fn check_fan_out(&self, channel: &str) -> Result<(), Refusal> {
        if self.home_of(channel) != self.core {
            return Ok(());
        }
        let overfull = |core: u16| self.replies[usize::from(core)].is_overfull();
        match self.local.is_overfull() || self.home.interested(channel).any(overfull) {
            true => Err(Refusal::Overloaded),
            false => Ok(()),
        }
    }

    fn check_gather(&self) -> Result<(), Refusal> {
        match self.gathers.is_full() || self.requests.iter().any(|requests| requests.is_overfull()) {
            true => Err(Refusal::Overloaded),
            false => Ok(()),
        }
    }

    /// Begins a subscription and asks the home to join. The client is a member only when the answer is back.
    fn subscribe(&mut self, now: Instant, token: u64, command: Command<'_>) -> Result<(), Refusal> {
        let Command::Subscribe { client, channel, since, reject_unrecovered, options } = command else {
            unreachable!("the only caller has matched it");
        };
        if self.clients.get(client).is_none() {
            return Err(Refusal::ClientGone);
        }
        let known = self.local.find(channel);
        if known.is_some_and(|index| self.clients.find(client, index).is_some()) {
            return Err(Refusal::AlreadySubscribed);
        }
        if !self.clients.has_room(client) {
            return Err(Refusal::SubscriptionLimit);
        }
        let home = self.home_of(channel);
        let index = self.local.open(channel, home).ok_or(Refusal::ChannelLimit)?;
        let subscription = self.clients.begin(client, index).expect("there is room, and the client lives");
        let key = self.local.channels.key_at(index).expect("it was just opened");
        let entry = self.local.channels.get_mut(index).expect("it was just opened");
        entry.joins += 1;
        let join = Join {
            token,
            channel: channel.into(),
            local: key.to_bits(),
            subscription: subscription.to_bits(),
            client: client.to_bits(),
            since,
            reject_unrecovered,
            options,
        };
        self.ask(now, home, Ask::Join(Box::new(join)));
        Ok(())
    }

    fn publish(&mut self, now: Instant, token: u64, publish: Publish<'_>) {
        let ask = PublishAsk {
            token,
            channel: publish.channel.into(),
            data: publish.data,
            info: publish.info,
            tags: publish.tags,
            options: publish.options,
            skip_history: publish.skip_history,
            idempotency_key: publish.idempotency_key.map(Box::from),
        };
        self.ask(now, self.home_of(publish.channel), Ask::Publish(Box::new(ask)));
    }

    /// Asks every core, this one included.
    fn gather(&mut self, now: Instant, token: u64, parts: Parts, ask: impl Fn(u64) -> Ask) {
        let gather = self.gathers.begin(token, self.cores, parts);
        for to in 0..self.cores {
            self.ask(now, to, ask(gather));
        }
    }

    /// Sends a request, or takes it at once when it is for this core.
    fn ask(&mut self, now: Instant, to: u16, ask: Ask) {
        if to == self.core {
            return self.on_ask(now, to, ask);
        }
        let bytes = ask.bytes();
        self.requests[usize::from(to)].push(Request(ask), bytes);
    }
}
