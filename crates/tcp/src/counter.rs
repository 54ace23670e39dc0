//! What the engine counts. One enum names the reasons of dropped frames, of replies and of closes, so that counters, logs
//! and events cannot disagree.
//!
//! Conservation: every frame that comes in is counted once under [`Counter::FramesIn`] and once under
//! [`Counter::FramesDelivered`] or one of the `Dropped…` names. [`Counters::unaccounted`] is zero at all times between
//! calls; the tests and the simulator ask.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident $text:literal),+ $(,)?) => {
        /// The name of a counter. `Dropped…` ones say why a frame went no further.
        #[derive(Copy, Clone, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Counter { $($(#[$doc])* $name),+ }

        impl Counter {
            /// Every counter, in the order of [`Counters::all`].
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The counter's name for metrics: lower case with underscores.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

counters! {
    /// Frames handed to `on_input`.
    FramesIn "frames_in",
    /// Frames that reached what they were for: a connection, a listener, ARP, ICMP.
    FramesDelivered "frames_delivered",
    /// Not Ethernet, IP or ARP as it should be; `Engine::refused` tells apart how.
    DroppedMalformed "dropped_malformed",
    /// For another host, or another link-layer address.
    DroppedElsewhere "dropped_elsewhere",
    /// TCP to or from an address that no host can have (RFC 9293 MUST-57, MUST-63).
    DroppedAddress "dropped_address",
    /// A transport that we do not speak.
    DroppedProtocol "dropped_protocol",
    /// A TCP header that is none.
    DroppedTcpHeader "dropped_tcp_header",
    /// The TCP checksum is wrong.
    DroppedChecksum "dropped_checksum",
    /// ICMP or NDP that had nothing to say to us.
    DroppedIcmp "dropped_icmp",
    /// No connection, no listener.
    DroppedStray "dropped_stray",
    /// A listener's or half-open connection's segment that fits no rule.
    DroppedHandshake "dropped_handshake",
    /// The listener's backlog is full.
    DroppedBacklog "dropped_backlog",
    /// The table of connections, hops, addresses or cold parts is full.
    DroppedFull "dropped_full",
    /// Outside the receive window.
    DroppedWindow "dropped_window",
    /// An old duplicate by its timestamp (RFC 7323 PAWS).
    DroppedPaws "dropped_paws",
    /// Without a timestamp on a connection that agreed on them.
    DroppedNoTimestamp "dropped_no_timestamp",
    /// An RST whose sequence number is not exactly the next (RFC 5961 section 3).
    DroppedReset "dropped_reset",
    /// A SYN on a synchronised connection (RFC 5961 section 4).
    DroppedSyn "dropped_syn",
    /// Without ACK where there must be one.
    DroppedNoAck "dropped_no_ack",
    /// It acknowledges what was never sent, or what is too old (RFC 5961 section 5).
    DroppedAck "dropped_ack",
    /// For a connection in TIME-WAIT.
    DroppedTimeWait "dropped_time_wait",
    /// Data after the application closed.
    DroppedClosed "dropped_closed",
    /// No frame, no memory for the bytes; they will come again.
    DroppedNoMemory "dropped_no_memory",
    /// Frames sent.
    FramesOut "frames_out",
    /// Connections opened by us that were established.
    OpenedActive "opened_active",
    /// Connections opened by peers that were established.
    OpenedPassive "opened_passive",
    /// Connections that ended in order.
    ClosedInOrder "closed_in_order",
    /// Connections refused by the peer.
    ClosedRefused "closed_refused",
    /// Connections reset by the peer.
    ClosedReset "closed_reset",
    /// Connections that timed out.
    ClosedTimeout "closed_timeout",
    /// Connections whose peer answers no keep-alive.
    ClosedKeepAlive "closed_keep_alive",
    /// Connections that nobody can reach.
    ClosedUnreachable "closed_unreachable",
    /// Connections aborted by the application.
    ClosedAborted "closed_aborted",
    /// SYNs answered by a cookie.
    CookiesSent "cookies_sent",
    /// Connections made from a cookie.
    CookiesAccepted "cookies_accepted",
    /// SYN-ACKs sent again.
    SynAcksResent "syn_acks_resent",
    /// Segments sent again after a timeout.
    RetransmittedTimeout "retransmitted_timeout",
    /// Segments sent again after duplicate ACKs.
    RetransmittedFast "retransmitted_fast",
    /// Connections that were heard of again after a segment was sent again: what was lost had not vanished with its peer.
    HeardAgain "heard_again",
    /// Probes of a closed window.
    WindowProbes "window_probes",
    /// Keep-alive probes.
    KeepAliveProbes "keep_alive_probes",
    /// ACKs that challenge a doubtful segment.
    ChallengeAcks "challenge_acks",
    /// Challenges left out because one was sent just before.
    ChallengesLeftOut "challenges_left_out",
    /// RSTs sent to strays.
    ResetsSent "resets_sent",
    /// Replies left out because too many were waiting, or too many in this millisecond.
    RepliesLeftOut "replies_left_out",
    /// Segments with urgent data.
    Urgent "urgent",
    /// TIME-WAIT records given up early for want of room.
    TimeWaitEvicted "time_wait_evicted",
    /// Connections reopened out of TIME-WAIT (RFC 6191).
    TimeWaitReopened "time_wait_reopened",
    /// ICMP errors that matched no flow, or none of its bytes in flight.
    IcmpUnmatched "icmp_unmatched",
    /// ICMP errors that were noted on their connection.
    IcmpNoted "icmp_noted",
    /// Received payloads copied because frames were scarce.
    Copied "copied",
    /// Output that had to wait for frames.
    FramesExhausted "frames_exhausted",
}

/// The counters of one engine.
#[derive(Clone, Debug)]
pub struct Counters {
    values: [u64; Counter::ALL.len()],
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { values: [0; Counter::ALL.len()] }
    }

    #[inline]
    pub(crate) fn count(&mut self, counter: Counter) {
        self.values[counter as usize] += 1;
    }

    /// The value of one counter.
    pub fn of(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Every counter with its value, in a fixed order.
    pub fn all(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|&counter| (counter, self.of(counter)))
    }

    /// Frames dropped, whatever the reason.
    pub fn dropped(&self) -> u64 {
        let reasons = Counter::DroppedMalformed as usize..=Counter::DroppedNoMemory as usize;
        self.values[reasons].iter().sum()
    }

    /// Frames that came in and were neither delivered nor dropped: zero, or there is a defect.
    pub fn unaccounted(&self) -> i64 {
        let known = self.of(Counter::FramesDelivered) + self.dropped();
        self.of(Counter::FramesIn).wrapping_sub(known) as i64
    }
}
