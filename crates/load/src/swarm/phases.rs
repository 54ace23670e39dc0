//! The swarm's part of each phase: who is told what, how fast, and when it is done.
//!
//! Nothing waits for ever: an opening client has its deadline, and every other wait ends when nothing has moved for a
//! while. What did not come then is counted as what it is.

use std::rc::Rc;

use crore_base::time::Duration;
use crore_rt::time::{self, sleep, timeout};
use crore_rt::{spawn, spawn_detached, yield_now};

use super::book::group_of;
use super::client::Client;
use super::message::{Order, Reach};
use super::{Swarm, Wave, requests};
use crate::limits::{
    LEAVES_PER_TURN, LEAVING_ONE_OF, STARTS_PER_TURN, SWARM_OPEN_DEADLINE, SWARM_QUIET, SWARM_STEP, SWARM_SWEEP,
    VERIFIED_ONE_OF, VERIFY_WINDOW,
};

/// Looks after connections that take too long to open, until the swarm ends.
pub(super) async fn sweep(swarm: Rc<Swarm>) {
    loop {
        sleep(SWARM_SWEEP).await;
        let late = swarm.openings.borrow_mut().expire(time::now(), SWARM_OPEN_DEADLINE);
        late.into_iter().for_each(std::task::Waker::wake);
    }
}

impl Swarm {
    /// Carries out an order.
    pub(crate) async fn carry_out(self: &Rc<Swarm>, order: Order) {
        match order {
            Order::Connect => self.connect().await,
            Order::Listen => self.listen(),
            Order::Verify => self.verify().await,
            Order::Enlist => requests::enlist(self).await,
            Order::Request { start, end, rate } => requests::run(self, start, end, rate).await,
            Order::Await { reach } => self.wait_for(reach).await,
            Order::Vanish => self.vanish().await,
            Order::Return => self.come_back().await,
            Order::Part => self.closing.set(true),
            Order::Drain { within_ms } => self.drain(Duration::from_millis(within_ms)).await,
        }
    }

    /// An order begins in which clients get ready.
    fn begin_opening(&self) {
        self.counts.ready.set(0);
        self.counts.unready.set(0);
        *self.thousands_ns.borrow_mut() = (self.clock.now(), Vec::new());
    }

    /// Clients of this order that are ready or have failed.
    fn opened(&self) -> u64 {
        self.counts.ready.get() + self.counts.unready.get()
    }

    /// The last of `total` clients has opened: when, in the place of a thousandth.
    async fn all_opened(&self, total: u64) {
        while self.opened() < total {
            self.moved.notified().await;
        }
        let (begun, thousands) = &mut *self.thousands_ns.borrow_mut();
        if !self.counts.ready.get().is_multiple_of(1_000) {
            thousands.push(self.clock.now().since(*begun).as_nanos());
        }
    }

    /// Waits until there is room for another opening client after `begun` ones.
    async fn window(&self, begun: u64) {
        while begun - self.opened() >= u64::from(self.plan.window) {
            self.moved.notified().await;
        }
    }

    async fn connect(self: &Rc<Swarm>) {
        self.begin_opening();
        for index in 0..self.plan.connections {
            self.window(u64::from(index)).await;
            if spawn_detached(Client::new(self, index)).is_err() {
                self.on_end(index, false, Some("no task slot was free"));
            }
            if u64::from(index) % STARTS_PER_TURN == STARTS_PER_TURN - 1 {
                yield_now().await;
            }
        }
        self.all_opened(u64::from(self.plan.connections)).await;
    }

    fn listen(&self) {
        self.tally.take();
        self.requests.clear();
    }

    /// Asks each of the sample something that only its own session can answer.
    async fn verify(self: &Rc<Swarm>) {
        let (mut asked, before) = (0, self.counts.verified.get());
        let answered = || self.counts.verified.get() - before;
        let count = self.sampled.borrow().len();
        for block in 0..count {
            let Some(stream) = self.sampled.borrow()[block] else { continue };
            while asked - answered() >= VERIFY_WINDOW {
                if timeout(SWARM_QUIET, self.moved.notified()).await.is_err() {
                    break;
                }
            }
            // Which client of its block it is only its group depends on, and a group is whole blocks.
            let group = group_of(u32::try_from(block).expect("blocks are fewer than clients") * VERIFIED_ONE_OF);
            // Of one that takes no more bytes its own task tells why.
            if stream.send(self.words.question(group)).is_ok() {
                asked += 1;
            }
        }
        self.quiet(|| answered() == asked, answered, SWARM_QUIET).await;
        let why = "no answer to a round trip";
        self.failures.borrow_mut().add(why, asked - answered());
    }

    /// Waits until all members that are there have what was published.
    async fn wait_for(&self, reach: Vec<Reach>) {
        for Reach { channel, offset } in reach {
            let mut known = self.reach.borrow_mut();
            let highest = known.entry(channel).or_default();
            *highest = offset.max(*highest);
        }
        let behind = || {
            let book = self.book.borrow();
            let behind = |channel: u32, offset| book.numbered(channel).map_or(0, |channel| channel.behind(offset));
            self.reach.borrow().iter().any(|(&channel, &offset)| behind(channel, offset) > 0)
        };
        self.quiet(|| !behind(), || self.tally.borrow().count, SWARM_QUIET).await;
    }

    async fn vanish(&self) {
        self.wave.set(Wave::Leave);
        let wakers: Vec<_> = self.leavers.borrow().iter().flatten().cloned().collect();
        let count = wakers.len() as u64;
        for (nth, waker) in wakers.into_iter().enumerate() {
            waker.wake();
            if nth % LEAVES_PER_TURN == LEAVES_PER_TURN - 1 {
                yield_now().await;
            }
        }
        self.quiet(|| self.counts.away.get() >= count, || self.counts.away.get(), SWARM_QUIET).await;
    }

    async fn come_back(&self) {
        self.begin_opening();
        self.wave.set(Wave::Stay);
        let away = self.counts.away.replace(0);
        let wakers: Vec<_> = self.leavers.borrow().iter().flatten().cloned().collect();
        assert!(away <= wakers.len() as u64, "only leavers are away");
        for (begun, waker) in (0..away).zip(wakers) {
            self.window(begun).await;
            waker.wake();
        }
        self.all_opened(away).await;
    }

    /// The gateway sends everybody away; whoever is still there at the end has failed.
    async fn drain(&self, within: Duration) {
        assert!(self.closing.get(), "nobody is sent away before clients know that it is as it should be");
        let gone = || self.counts.open.get() == 0;
        self.quiet(gone, || self.counts.open.get(), within).await;
        self.failures.borrow_mut().add("still connected at the end of the drain", self.counts.open.get());
    }

    /// Waits until `done`, or until `moves` has not changed for `most`.
    async fn quiet(&self, done: impl Fn() -> bool, moves: impl Fn() -> u64, most: Duration) {
        let (mut seen, mut since) = (moves(), time::now());
        while !done() {
            sleep(SWARM_STEP).await;
            let now = moves();
            if now != seen {
                (seen, since) = (now, time::now());
            } else if time::now().saturating_since(since) > most {
                return;
            }
        }
    }

    /// Starts what goes on beside the phases.
    pub(crate) fn attend(self: &Rc<Swarm>) -> crore_rt::JoinHandle<()> {
        spawn(sweep(Rc::clone(self)))
    }
}

// A sampled client's group follows from its block, and a leaver is found by its block.
const _: () = assert!(crate::limits::GROUP_MEMBERS.is_multiple_of(VERIFIED_ONE_OF) && LEAVING_ONE_OF > 1);
