//! One client of the swarm: a task of its own, written by hand, because ten million of them wait at the same time.
//!
//! Waiting, it owns its stream, its positions and its flags. While it connects there is a box for that; while a frame is
//! incomplete, one for its beginning. A delivery neither allocates nor parses.
//!
//! ```text
//! Connecting ─▶ Upgrading ─▶ Greeting ─▶ JoiningAll ─▶ JoiningGroup ─▶ Ready ─▶ Leaving
//!      ▲                                                                │ away
//!      └────────────────────────────────────────────────────────────────┘
//! ```

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use crore_rt::net::{ConnectOptions, TcpStream};

use super::book::Which;
use super::{Swarm, Wave, engine, openings};
use crate::lane::client::reason;
use crate::limits::SWARM_OPEN_DEADLINE;
use crate::stamp::Stamp;

mod intake;

/// Where a client is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Connecting,
    /// The answer to the upgrade is awaited, ...
    Upgrading,
    /// ... to connect, ...
    Greeting,
    /// ... to the subscription to the channel of all, ...
    JoiningAll,
    /// ... and to the group.
    JoiningGroup,
    Ready,
    /// The gateway has said goodbye, as it should.
    Leaving,
}

/// What carries a client.
enum Link {
    /// Nothing: it has vanished, and comes back when its turn comes.
    Away,
    Connecting(Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>),
    Open(TcpStream),
}

/// The beginning of a frame, or of the answer to an upgrade.
struct Partial(Vec<u8>);

/// What a client is, in bits.
mod flag {
    pub(super) const MEMBER_OF_ALL: u8 = 1;
    pub(super) const MEMBER_OF_GROUP: u8 = 2;
    pub(super) const AWAY_FROM_ALL: u8 = 4;
    pub(super) const AWAY_FROM_GROUP: u8 = 8;
    /// It is one of those that vanish and come back.
    pub(super) const LEAVER: u8 = 16;
    /// It reads all answers whole, and is asked for a round trip.
    pub(super) const SAMPLED: u8 = 32;
    /// The gateway wants pongs.
    pub(super) const PONGS: u8 = 64;
    /// It has skipped something.
    pub(super) const GAPPED: u8 = 128;
}

/// One client.
pub(super) struct Client {
    swarm: Rc<Swarm>,
    link: Link,
    partial: Option<Box<Partial>>,
    index: u32,
    /// The highest offset of the channel of all, and of the group's.
    last: [u32; 2],
    /// While it opens.
    slot: u16,
    stage: Stage,
    flags: u8,
}
const _: () = assert!(size_of::<Client>() <= 56, "client and task header fit in a slot of 64 bytes");

/// How a client's bytes end its life.
enum End {
    /// As it should be.
    Good,
    Failed(String),
}

impl<T: Into<String>> From<T> for End {
    fn from(why: T) -> End {
        End::Failed(why.into())
    }
}

impl Client {
    /// A client that connects when it is polled first.
    pub(super) fn new(swarm: &Rc<Swarm>, index: u32) -> Client {
        let leaver = if swarm.leaves(index) { flag::LEAVER } else { 0 };
        let sampled = if swarm.is_sampled(index) { flag::SAMPLED } else { 0 };
        Client {
            swarm: Rc::clone(swarm),
            link: Link::Away,
            partial: None,
            index,
            last: [0; 2],
            slot: openings::NONE,
            stage: Stage::Connecting,
            flags: leaver | sampled,
        }
    }

    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Begins to connect.
    fn begin(&mut self, context: &Context<'_>) {
        assert!(self.slot == openings::NONE && self.partial.is_none(), "who is away holds nothing");
        self.slot = self.swarm.openings.borrow_mut().begin(crore_rt::time::now(), context.waker().clone());
        let target = self.swarm.plan.target;
        let source = self.swarm.source(self.index, self.is(flag::MEMBER_OF_ALL));
        let options = ConnectOptions { source, ..ConnectOptions::default() };
        self.stage = Stage::Connecting;
        self.link = Link::Connecting(Box::pin(async move { TcpStream::connect(target, &options).await }));
    }

    /// Vanishes without a word: the gateway is to find out by itself.
    fn vanish(&mut self) {
        assert!(self.stage == Stage::Ready && self.is(flag::LEAVER), "only who is there and chosen vanishes");
        let Link::Open(stream) = std::mem::replace(&mut self.link, Link::Away) else {
            unreachable!("who is ready has a stream");
        };
        engine::vanish(stream);
        self.partial = None;
        self.flags |= flag::AWAY_FROM_ALL | flag::AWAY_FROM_GROUP;
        let mut book = self.swarm.book.borrow_mut();
        book.channel(Which::All, self.index).depart();
        book.channel(Which::Group, self.index).depart();
        drop(book);
        self.swarm.on_vanished(self.index);
    }

    /// It is over.
    fn end(&mut self, end: End) -> Poll<()> {
        let mut book = self.swarm.book.borrow_mut();
        for which in [Which::All, Which::Group] {
            let (member, away) = intake::flags_of(which);
            if self.is(member) {
                book.channel(which, self.index).leave(self.last[which as usize], self.is(away));
            }
        }
        drop(book);
        if self.slot != openings::NONE {
            self.swarm.openings.borrow_mut().end(self.slot);
        }
        let was_open = self.slot == openings::NONE;
        match end {
            End::Good => self.swarm.on_end(self.index, was_open, None),
            End::Failed(why) => self.swarm.on_end(self.index, was_open, Some(&why)),
        }
        Poll::Ready(())
    }

    fn send(&self, payload: Payload) -> Result<(), End> {
        match &self.link {
            Link::Open(stream) => stream.send(payload).map_err(|error| End::Failed(format!("send: {error}"))),
            Link::Away | Link::Connecting(_) => unreachable!("only who has a stream says something"),
        }
    }
}

impl Future for Client {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if this.slot != openings::NONE && this.swarm.openings.borrow().has_expired(this.slot) {
                return this.end(format!("not ready within {SWARM_OPEN_DEADLINE}").into());
            }
            if this.stage == Stage::Ready
                && this.is(flag::LEAVER)
                && !this.is(flag::AWAY_FROM_ALL)
                && this.swarm.is_leaving()
            {
                this.vanish();
            }
            let received = match &mut this.link {
                Link::Away if this.swarm.wave.get() == Wave::Leave => return Poll::Pending,
                Link::Away => {
                    this.begin(context);
                    continue;
                }
                Link::Connecting(connecting) => match ready!(connecting.as_mut().poll(context)) {
                    Ok(stream) => {
                        (this.link, this.stage) = (Link::Open(stream), Stage::Upgrading);
                        match this.send(this.swarm.words.upgrade.clone()) {
                            Ok(()) => continue,
                            Err(end) => return this.end(end),
                        }
                    }
                    Err(error) => return this.end(format!("connect: {}", reason(&error)).into()),
                },
                Link::Open(stream) => ready!(stream.poll_recv(context)),
            };
            let end = match received {
                Ok(bytes) if !bytes.is_empty() => match this.take(&bytes, context) {
                    Ok(()) => continue,
                    Err(end) => end,
                },
                _ if this.stage == Stage::Leaving => End::Good,
                Ok(_) => "closed by the gateway without a close frame".into(),
                Err(error) => reason(&error).into(),
            };
            return this.end(end);
        }
    }
}

/// The latency of one delivery counts to the turn in which its bytes were taken: one reading of the clock for all of them.
pub(super) fn turn(swarm: &Swarm) -> Stamp {
    Stamp(swarm.origin + crore_rt::time::now().as_nanos())
}
