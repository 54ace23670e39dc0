//! A subscriber over WebSocket that comes back however its link ends, and recovers from where it was.
//!
//! Besides the position of each reader it checks the order on the wire: no publication before the reply to its subscribe, none
//! behind the reply to its unsubscribe.

use std::cell::RefCell;
use std::rc::Rc;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_rt::{JoinHandle, sim, spawn, time};
use crore_web::client::ClientError;
use serde_json::{Value, json};

use crate::ledger::Reader;
use crate::speaker::{Said, Speaker};
use crate::world::World;

/// What a subscriber does to its own link, each in one of so many steps (a step is something heard, or half a second of silence); 0:
/// never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    pub(crate) cuts: u64,
    pub(crate) vanishes: u64,
    pub(crate) leaves: u64,
    /// Ends a subscription, or begins one again.
    pub(crate) toggles: u64,
}

/// Where a subscription is on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Off,
    /// Subscribe was sent; with the offset it recovers from, if it does.
    Asked(Option<u64>),
    On,
    /// Unsubscribe was sent.
    Leaving,
}

struct Subscription {
    reader: Rc<RefCell<Reader>>,
    state: State,
}

struct Subscriber {
    world: Rc<World>,
    habits: Habits,
    rng: Rng,
    subscriptions: Vec<Subscription>,
}

/// Starts a subscriber of these channels, until the world is over.
pub(crate) fn start(
    world: &Rc<World>,
    who: &str,
    channels: &[&str],
    habits: Habits,
) -> (JoinHandle<()>, Vec<Rc<RefCell<Reader>>>) {
    let new = |channel: &&str| Rc::new(RefCell::new(Reader::new(who, channel)));
    let readers: Vec<_> = channels.iter().map(new).collect();
    (go_on(world, &readers, habits), readers)
}

/// Starts a subscriber who goes on where these readers are.
pub(crate) fn go_on(world: &Rc<World>, readers: &[Rc<RefCell<Reader>>], habits: Habits) -> JoinHandle<()> {
    let subscribe = |reader: &Rc<RefCell<Reader>>| Subscription { reader: Rc::clone(reader), state: State::Off };
    let subscriptions = readers.iter().map(subscribe).collect();
    let subscriber = Subscriber { world: Rc::clone(world), habits, rng: world.dice(), subscriptions };
    spawn(subscriber.run())
}

impl Subscriber {
    async fn run(mut self) {
        while !self.world.is_over.get() {
            // However it ended, it comes back; what must not be has panicked.
            let _ = self.session().await;
            let pause = Duration::from_millis(self.rng.range(10..500));
            time::sleep(pause).await;
        }
    }

    async fn session(&mut self) -> Result<(), ClientError> {
        let mut speaker = Speaker::open(&self.world).await?;
        let mut commands = vec![("connect", json!({}))];
        for place in 0..self.subscriptions.len() {
            self.subscriptions[place].state = State::Off;
            commands.push(self.subscribe(place));
        }
        // As SDKs do: all in one message. Or connect first, alone.
        if self.rng.chance(1, 3) {
            let rest = commands.split_off(1);
            speaker.send(commands);
            commands = rest;
        }
        speaker.send(commands);
        let mut heard_last = time::now();
        while !self.world.is_over.get() {
            match time::timeout(Duration::from_millis(500), speaker.hear()).await {
                Ok(said) => {
                    heard_last = time::now();
                    if !self.on_said(&mut speaker, said?) {
                        return Ok(());
                    }
                }
                Err(_) if self.is_silent(heard_last) => return Ok(()),
                Err(_) => {}
            }
            if !self.act(&mut speaker) {
                return Ok(());
            }
        }
        // On a good network the server closes, too; on any other the link may be gone.
        let _ = time::timeout(Duration::from_secs(10), speaker.leave()).await;
        Ok(())
    }

    /// No ping for so long: the link is dead (section 7 of the protocol, with less patience than the SDKs').
    fn is_silent(&self, heard_last: Instant) -> bool {
        time::now().saturating_since(heard_last) > self.world.config.ping_interval + Duration::from_secs(5)
    }

    fn subscribe(&mut self, place: usize) -> (&'static str, Value) {
        let subscription = &mut self.subscriptions[place];
        assert_eq!(subscription.state, State::Off);
        let reader = subscription.reader.borrow();
        subscription.state = State::Asked(reader.last);
        let request = match reader.last {
            None => json!({ "channel": reader.channel }),
            Some(0) => json!({ "channel": reader.channel, "recover": true, "epoch": reader.epoch }),
            Some(last) => json!({ "channel": reader.channel, "recover": true, "epoch": reader.epoch, "offset": last }),
        };
        ("subscribe", request)
    }

    /// False: the connection is over.
    fn on_said(&mut self, speaker: &mut Speaker, said: Said) -> bool {
        match said {
            Said::Ping => {}
            Said::End => return false,
            // Terminal codes say that the client did wrong; a link may be too slow for the others.
            Said::Closed(code) => {
                let fine = matches!(code, Some(1000 | 3001 | 3008 | 3012 | 3502));
                assert!(fine, "a subscriber was sent away with {code:?}");
            }
            Said::Reply { reply, .. } => self.on_reply(&reply),
            Said::Push(push) => self.on_push(speaker, &push),
        }
        true
    }

    /// Replies come in the order of the commands, so the first that waits is the one.
    fn on_reply(&mut self, reply: &Value) {
        assert_eq!(reply.get("error"), None, "nothing that is asked here is refused");
        if let Some(subscribed) = reply.get("subscribe") {
            self.on_subscribed(subscribed);
        } else if reply.get("unsubscribe").is_some() {
            let leaving = self.subscriptions.iter_mut().find(|it| it.state == State::Leaving);
            leaving.expect("an unsubscribe was sent").state = State::Off;
        }
    }

    fn on_subscribed(&mut self, reply: &Value) {
        // Subscribes are sent one at a time but for the first message, where they are in order.
        let asked = self.subscriptions.iter_mut().find(|it| matches!(it.state, State::Asked(_)));
        let subscription = asked.expect("a subscribe was sent");
        let State::Asked(since) = subscription.state else { unreachable!("it was just found so") };
        subscription.state = State::On;
        let mut reader = subscription.reader.borrow_mut();
        let mut ledger = self.world.ledger.borrow_mut();
        let epoch = reply["epoch"].as_str().expect("positions are offered");
        let offset = reply["offset"].as_u64().unwrap_or(0);
        let publications = reply["publications"].as_array().map_or(&[][..], Vec::as_slice);
        let flag = |name| reply[name] == Value::Bool(true);
        assert!(flag("recoverable") && flag("positioned") && flag("was_recovering") == since.is_some(), "{reply}");
        match since {
            None => reader.begin(&mut ledger, epoch, offset),
            Some(since) if flag("recovered") => {
                assert_eq!(offset, since, "the offset that was asked for is echoed: {reply}");
                reader.on_recovered(&mut ledger, epoch);
            }
            Some(_) => reader.on_gap(&mut ledger, epoch, offset),
        }
        assert!(flag("recovered") || publications.is_empty(), "all or nothing is recovered: {reply}");
        for publication in publications {
            take(&mut reader, &mut ledger, publication);
        }
    }

    fn on_push(&mut self, speaker: &mut Speaker, push: &Value) {
        let channel = push["channel"].as_str().expect("a push names its channel");
        let of = |it: &Subscription| it.reader.borrow().channel == channel;
        let place = self.subscriptions.iter().position(of).unwrap_or_else(|| panic!("nobody asked for {push}"));
        let state = self.subscriptions[place].state;
        assert!(matches!(state, State::On | State::Leaving), "{push} came while the subscription was {state:?}");
        if let Some(publication) = push.get("pub") {
            let mut reader = self.subscriptions[place].reader.borrow_mut();
            return take(&mut reader, &mut self.world.ledger.borrow_mut(), publication);
        }
        assert_eq!(push["unsubscribe"]["code"], 2500, "only what was lost ends a subscription: {push}");
        self.subscriptions[place].state = State::Off;
        let again = self.subscribe(place);
        speaker.send(vec![again]);
    }

    /// Does what the dice say. False: the connection is over.
    fn act(&mut self, speaker: &mut Speaker) -> bool {
        let Habits { cuts, vanishes, leaves, toggles } = self.habits;
        if self.rolls(cuts) {
            sim::cut(speaker.stream());
        }
        if self.rolls(vanishes) {
            sim::vanish(speaker.stream());
        }
        let place = match self.world.is_calm.get() {
            false => self.rolls(toggles).then(|| self.rng.below(self.subscriptions.len() as u64) as usize),
            // Who went comes back for the end.
            true => self.subscriptions.iter().position(|it| it.state == State::Off),
        };
        if let Some(place) = place {
            self.toggle(speaker, place);
        }
        !self.rolls(leaves)
    }

    /// One subscribe or unsubscribe is under way at a time, so that its reply is known by its kind.
    fn toggle(&mut self, speaker: &mut Speaker, place: usize) {
        if self.subscriptions.iter().any(|it| matches!(it.state, State::Asked(_) | State::Leaving)) {
            return;
        }
        let command = match self.subscriptions[place].state {
            State::Off => self.subscribe(place),
            _ => {
                self.subscriptions[place].state = State::Leaving;
                let channel = self.subscriptions[place].reader.borrow().channel.clone();
                ("unsubscribe", json!({ "channel": channel }))
            }
        };
        speaker.send(vec![command]);
    }

    fn rolls(&mut self, one_in: u64) -> bool {
        // While the world calms down everybody is well-behaved.
        one_in > 0 && !self.world.is_calm.get() && self.rng.chance(1, one_in)
    }
}

/// A publication of the protocol, read.
fn take(reader: &mut Reader, ledger: &mut crate::ledger::Ledger, publication: &Value) {
    let offset = publication["offset"].as_u64().expect("a channel with history numbers its publications");
    reader.on_publication(ledger, offset, &publication["data"]);
}
