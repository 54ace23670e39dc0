//! What the connections of one engine share: frames, tables, timers, queues. Everything but the control blocks themselves,
//! so that one of those can be changed while this is too.

use std::collections::VecDeque;

use crore_base::frame::{Frame, FramePool};
use crore_base::hash::HashKey;
use crore_base::time::{Duration, Instant};
use crore_base::wheel::Wheel;

use crate::chunk::Chunk;
use crate::cold::{Alarm, Receiving, Sending};
use crate::config::Config;
use crate::cookie::Cookies;
use crate::counter::{Counter, Counters};
use crate::flow::FlowTable;
use crate::isn::Isn;
use crate::limits::{
    COPIED_BYTES_MAX, COPY_OVERHEAD_BYTES, PROBING_MAX, REPLIES_MAX, RESETS_PER_MILLISECOND_MAX, TIMER_TICK_NANOS,
};
use crate::link::Link;
use crate::listener::Listeners;
use crate::output::reply::Reply;
use crate::pool::{PartId, Pool};
use crate::profile::Profiles;
use crate::rtt::RtoBounds;
use crate::syn_cache::SynCache;
use crate::time_wait::TimeWait;

/// See the module.
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) rto_bounds: RtoBounds,
    pub(crate) frames: FramePool,
    pub(crate) link: Link,
    pub(crate) flows: FlowTable,
    pub(crate) key: HashKey,
    pub(crate) isn: Isn,
    pub(crate) cookies: Cookies,
    pub(crate) half_open: SynCache,
    pub(crate) time_wait: TimeWait,
    pub(crate) listeners: Listeners,
    pub(crate) profiles: Profiles,
    pub(crate) sending: Pool<Sending>,
    pub(crate) receiving: Pool<Receiving>,
    pub(crate) timers: Wheel,
    pub(crate) counters: Counters,
    pub(crate) queues: Queues,
    /// Connections that have retransmitted, or probed, and heard nothing since.
    pub(crate) silent: u32,
    /// Heap memory of received bytes that were copied out of their frames.
    pub(crate) copied_bytes: usize,
    /// Timers in the wheel that wait for the next keep-alive probe.
    pub(crate) probing: u32,
    resets: ResetBudget,
}

/// Who waits for what, by slot. An entry may be stale; the flag in the control block decides.
#[derive(Default)]
pub(crate) struct Queues {
    /// For the output pass.
    pub(crate) dirty: VecDeque<u32>,
    /// For `poll_event`.
    pub(crate) told: VecDeque<u32>,
    /// For the end of their delayed ACK, in milliseconds of the clock; in order, because the delay is the same for all.
    pub(crate) acks: VecDeque<(u32, u32)>,
    /// For a cold part to send with.
    pub(crate) starved: VecDeque<u32>,
    /// Replies without a connection.
    pub(crate) replies: VecDeque<Reply>,
}

/// The time of the current call.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Instant,
    /// Milliseconds, wrapping: what timestamps and idle times count in.
    pub(crate) ms: u32,
}

impl Clock {
    pub(crate) fn at(now: Instant) -> Self {
        Self { now, ms: now.as_millis() as u32 }
    }

    /// Milliseconds since `then`, at most 49 days.
    #[inline]
    pub(crate) fn ms_since(&self, then: u32) -> u32 {
        self.ms.wrapping_sub(then)
    }
}

/// How many RSTs to strangers this millisecond still allows.
#[derive(Default)]
struct ResetBudget {
    ms: u32,
    spent: u32,
}

impl Context {
    /// The least idle time before a keep-alive probe with as many connections as there are.
    pub(crate) fn idle_stretch(&self) -> Duration {
        let probes = u64::from(self.config.keep_alive_probes_per_second);
        Duration::from_millis(u64::from(self.flows.len()) * 1000 / probes)
    }

    pub(crate) fn new(
        config: Config,
        frames: FramePool,
        seed: u64,
        now: Instant,
    ) -> Result<Self, crore_base::map::MapError> {
        let mut seeds = crore_base::random::Rng::from_seed(seed);
        let mut seed = || seeds.next_u64();
        let entries = config.connections_max + config.half_open_max + config.time_wait_max;
        Ok(Self {
            clock: Clock::at(now),
            rto_bounds: RtoBounds { initial: Duration::from_secs(1), min: config.rto_min, max: config.rto_max },
            frames,
            link: Link::new(&config.link, seed()),
            flows: FlowTable::new(entries)?,
            key: HashKey::from_seed(seed()),
            isn: Isn::new(seed()),
            cookies: Cookies::new(seed(), now),
            half_open: SynCache::new(config.half_open_max, now),
            time_wait: TimeWait::new(config.time_wait_max, config.time_wait),
            listeners: Listeners::default(),
            profiles: Profiles::default(),
            sending: Pool::new(config.sending_max),
            receiving: Pool::new(config.receiving_max),
            timers: Wheel::new(now, Duration::from_nanos(TIMER_TICK_NANOS), config.sending_max + PROBING_MAX),
            counters: Counters::new(),
            queues: Queues::default(),
            silent: 0,
            copied_bytes: 0,
            probing: 0,
            resets: ResetBudget::default(),
            config,
        })
    }

    /// Queues an answer that belongs to no connection, unless too many are waiting.
    pub(crate) fn reply(&mut self, reply: Reply) {
        if self.queues.replies.len() < REPLIES_MAX {
            self.queues.replies.push_back(reply);
        } else {
            self.counters.count(Counter::RepliesLeftOut);
        }
    }

    /// As [`reply`](Self::reply), for an RST to a stranger, of which there are only so many a millisecond.
    pub(crate) fn reply_reset(&mut self, reset: Reply) {
        if self.resets.ms != self.clock.ms {
            self.resets = ResetBudget { ms: self.clock.ms, spent: 0 };
        }
        if self.resets.spent == RESETS_PER_MILLISECOND_MAX {
            self.counters.count(Counter::RepliesLeftOut);
            return;
        }
        self.resets.spent += 1;
        self.counters.count(Counter::ResetsSent);
        self.reply(reset);
    }

    /// The received bytes of `frame` in the form in which they are kept: in their frame, or copied if frames are scarce.
    /// Gives the frame back if there is no memory for a copy either.
    #[inline]
    pub(crate) fn keep(&mut self, frame: Frame) -> Result<Chunk, Frame> {
        let scarce = self.frames.available() < self.frames.capacity() / 4;
        if !scarce {
            return Ok(Chunk::InFrame(frame));
        }
        if self.copied_bytes + frame.len() + COPY_OVERHEAD_BYTES > COPIED_BYTES_MAX {
            return Err(frame);
        }
        self.counters.count(Counter::Copied);
        let chunk = Chunk::copy(frame, &mut self.frames);
        self.copied_bytes += chunk.copied_bytes();
        Ok(chunk)
    }

    /// Has the wheel look at a sending part at `deadline`, or at once if that has passed.
    pub(crate) fn set_alarm(&mut self, part: PartId, deadline: Instant) {
        let sending = self.sending.of_mut(part);
        let moved = sending.alarm.map(|alarm| alarm.id).filter(|&id| self.timers.rearm(id, deadline));
        let id = moved.or_else(|| self.timers.arm(deadline, u64::from(part.to_bits())));
        let id = id.expect("the wheel has room for one timer of every part");
        sending.alarm = Some(Alarm { id, at: deadline });
    }

    /// Frees what a chunk holds.
    #[inline]
    pub(crate) fn discard(&mut self, chunk: Chunk) {
        debug_assert!(chunk.copied_bytes() <= self.copied_bytes, "every copy was counted");
        self.copied_bytes -= chunk.copied_bytes();
        if let Chunk::InFrame(frame) = chunk {
            self.frames.free(frame);
        }
    }
}
