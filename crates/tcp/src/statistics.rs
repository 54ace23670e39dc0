//! What can be told about one connection, like Linux's `tcp_info`.

use std::net::SocketAddr;

use crore_base::time::Duration;

use crate::engine::Engine;
use crate::event::{CloseReason, ConnId};
use crate::tcb::{Flags, State};

/// A look at one connection.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// The state by its name in RFC 9293, such as `ESTABLISHED`.
    pub state: &'static str,
    /// Why it is closed, if it is.
    pub reason: Option<CloseReason>,
    /// The smoothed round-trip time, if one was measured.
    pub round_trip: Option<Duration>,
    /// Its variation.
    pub round_trip_variation: Option<Duration>,
    /// The retransmission timeout, without back-off.
    pub retransmission_timeout: Duration,
    /// Timeouts in a row.
    pub backoff: u8,
    /// Bytes that may be in flight. 0: at rest, never measured.
    pub congestion_window: u32,
    /// Bytes below which the congestion window grows exponentially.
    pub slow_start_threshold: u32,
    /// The peer's window in bytes.
    pub send_window: u32,
    /// The window we advertise, in bytes.
    pub receive_window: u32,
    /// Most bytes of data in a segment.
    pub segment_size: u16,
    /// Bytes sent and not acknowledged.
    pub in_flight: u32,
    /// Bytes queued, those in flight included.
    pub queued: u32,
    /// Bytes received and not taken.
    pub unread: u32,
    /// Bytes received out of order.
    pub out_of_order: u32,
    /// Segments retransmitted, at most 65,535.
    pub retransmissions: u16,
    /// Timestamps are in use (RFC 7323).
    pub timestamps: bool,
    /// The peer would understand selective acknowledgments (RFC 2018).
    pub sack_permitted: bool,
    /// Shifts of the peer's window and of ours (RFC 7323).
    pub window_scales: (u8, u8),
}

/// What an engine holds at the moment. All of it is zero again when every connection is closed and every TIME-WAIT over,
/// except the frames of bytes that were lent and not given back.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Control blocks, those of closed connections included whose names were not given up.
    pub connections: u32,
    /// Half-open passive connections.
    pub half_open: u32,
    /// Records in TIME-WAIT.
    pub time_wait: u32,
    /// Entries of the flow table.
    pub flows: u32,
    /// Cold parts of connections that are sending.
    pub sending: u32,
    /// Of them, those whose peers have let a retransmission or a probe go unanswered.
    pub silent: u32,
    /// Cold parts of connections with received bytes.
    pub receiving: u32,
    /// Names of neighbours that connections use.
    pub neighbours: u32,
    /// Names of local addresses that connections use.
    pub addresses: u32,
    /// Frames out of the pool.
    pub frames: u32,
    /// Bytes copied out of frames and not given back.
    pub copied_bytes: usize,
}

impl Engine {
    /// What the engine holds at the moment.
    pub fn usage(&self) -> Usage {
        let (neighbours, addresses) = self.cx.link.names_held();
        Usage {
            connections: self.tcbs.len(),
            half_open: self.cx.half_open.len(),
            time_wait: self.cx.time_wait.len(),
            flows: self.cx.flows.len(),
            sending: self.cx.sending.in_use(),
            silent: self.cx.silent,
            receiving: self.cx.receiving.in_use(),
            neighbours: neighbours as u32,
            addresses: addresses as u32,
            frames: self.cx.frames.in_use(),
            copied_bytes: self.cx.copied_bytes,
        }
    }

    /// What the link has counted (ARP, NDP, ICMP), by names for metrics.
    pub fn link_counters(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.cx.link.counters().all()
    }

    /// A look at a connection. `None` if the name is stale. Allocates nothing.
    pub fn statistics(&self, conn: ConnId) -> Option<Statistics> {
        let tcb = self.tcbs.get(conn.0)?;
        let sending = (!tcb.sending.is_none()).then(|| self.cx.sending.of(tcb.sending));
        let receiving = (!tcb.receiving.is_none()).then(|| self.cx.receiving.of(tcb.receiving));
        let alive = tcb.state != State::Closed;
        let local = if alive { self.cx.link.address(tcb.local) } else { unspecified(tcb.remote.is_v4()) };
        Some(Statistics {
            local: SocketAddr::new(local.to_std(), tcb.local_port),
            remote: SocketAddr::new(tcb.remote.to_std(), tcb.remote_port),
            state: name(tcb.state),
            reason: CloseReason::from_byte(tcb.reason),
            round_trip: tcb.rtt.smoothed(),
            round_trip_variation: tcb.rtt.variation(),
            retransmission_timeout: tcb.rtt.rto(&self.cx.rto_bounds),
            backoff: sending.map_or(0, |part| part.backoff),
            congestion_window: sending.map_or(tcb.cwnd, |part| part.window.cwnd),
            slow_start_threshold: sending.map_or(tcb.ssthresh, |part| part.window.ssthresh),
            send_window: tcb.snd_wnd,
            receive_window: tcb.rcv_wnd(),
            segment_size: tcb.mss,
            in_flight: tcb.in_flight(),
            queued: sending.map_or(0, |part| part.queued),
            unread: receiving.map_or(0, |part| part.unread_bytes),
            out_of_order: receiving.map_or(0, |part| part.early.bytes() as u32),
            retransmissions: tcb.retransmissions,
            timestamps: tcb.is(Flags::TIMESTAMPS),
            sack_permitted: tcb.is(Flags::SACK_PERMITTED),
            window_scales: (tcb.snd_scale(), tcb.rcv_scale()),
        })
    }
}

fn unspecified(v4: bool) -> crore_wire::ip::Ip {
    if v4 { crore_wire::ip::Ip::UNSPECIFIED_V4 } else { crore_wire::ip::Ip::UNSPECIFIED_V6 }
}

const fn name(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECEIVED",
        State::Established => "ESTABLISHED",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::CloseWait => "CLOSE-WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-ACK",
        State::TimeWait => "TIME-WAIT",
    }
}
