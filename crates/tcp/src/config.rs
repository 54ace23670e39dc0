//! What the owner of an engine decides: its addresses, its bounds, and the options of connections.

use std::fmt;

use crore_base::time::Duration;

use crate::limits::{CONNECTIONS_MAX, RECEIVE_BYTES_MAX, SEND_BYTES_MAX};
use crate::link::LinkConfig;

/// The bounds of one engine. Tables take memory as they fill, so generous bounds cost address space only.
#[derive(Clone, Debug)]
pub struct Config {
    /// The link: our addresses on it, the way out of it.
    pub link: LinkConfig,
    /// Connections at most: 1 to 2^30 - 1. Beyond it opens are refused and SYNs dropped.
    pub connections_max: u32,
    /// Connections at most that have bytes in flight or queued, half of what a broadcast needs to be paced by. About 200
    /// bytes each while in use.
    pub sending_max: u32,
    /// Connections at most that have received bytes nobody has taken, or out-of-order ones. About 150 bytes each.
    pub receiving_max: u32,
    /// Half-open passive connections remembered; more are answered by cookies. About 128 bytes each.
    pub half_open_max: u32,
    /// TIME-WAIT records; the oldest is given up for a newer one. About 64 bytes each.
    pub time_wait_max: u32,
    /// How long a closed connection's ports stay reserved: two maximum segment lifetimes (RFC 9293 MUST-13). RFC 9293
    /// suggests 4 minutes; like most systems we take 60 s. A connection that the application has closed waits as long for its
    /// peer to finish too.
    pub time_wait: Duration,
    /// Bounds of the retransmission timeout (RFC 6298).
    pub rto_min: Duration,
    /// See [`rto_min`](Self::rto_min). At least 60 s (RFC 6298 section 2.4).
    pub rto_max: Duration,
    /// How long an ACK may wait for data to go with it: under 500 ms (RFC 9293 MUST-40).
    pub delayed_ack: Duration,
    /// Keep-alive probes a second at most, if all connections were idle: 1 to 1,000,000. With more connections than this allows in
    /// one idle time, the idle time before a probe stretches: ten million connections that are probed each minute would cost
    /// a third of a million frames a second for nothing.
    pub keep_alive_probes_per_second: u32,
    /// Segments that belong to no connection get no RST. This is not what RFC 9293 section 3.10.7.1 wants of a host; it makes
    /// one that has vanished look vanished, and hides closed ports (as `net.inet.tcp.blackhole` of FreeBSD does). Off by
    /// default.
    pub stealth: bool,
}

impl Config {
    /// Sane bounds for a server on `link`: ten million connections, one in eight of them busy at a time.
    pub fn new(link: LinkConfig) -> Self {
        Self {
            link,
            connections_max: 10_000_000,
            sending_max: 1_250_000,
            receiving_max: 1_250_000,
            half_open_max: 65_536,
            time_wait_max: 1 << 20,
            time_wait: Duration::from_secs(60),
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(60),
            delayed_ack: Duration::from_millis(40),
            keep_alive_probes_per_second: 10_000,
            stealth: false,
        }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// The first that does not hold, with its value and its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.link.validate()?;
        let counts = [
            ("connections_max", self.connections_max, CONNECTIONS_MAX),
            ("sending_max", self.sending_max, CONNECTIONS_MAX),
            ("receiving_max", self.receiving_max, CONNECTIONS_MAX),
            ("half_open_max", self.half_open_max, 1 << 24),
            ("time_wait_max", self.time_wait_max, 1 << 28),
            ("keep_alive_probes_per_second", self.keep_alive_probes_per_second, 1_000_000),
        ];
        for (name, value, most) in counts {
            within(name, u64::from(value), 1, u64::from(most))?;
        }
        let milliseconds = [
            ("time_wait", self.time_wait, 1, 600_000),
            ("rto_min", self.rto_min, 1, 1_000),
            ("rto_max", self.rto_max, 60_000, 600_000),
            ("delayed_ack", self.delayed_ack, 0, 499),
        ];
        for (name, value, least, most) in milliseconds {
            within(name, value.as_millis(), least, most)?;
        }
        Ok(())
    }
}

/// How one connection behaves. A listener's options are those of the connections it accepts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Small segments leave at once (RFC 9293 MUST-17). Without it Nagle's algorithm holds them back.
    pub nodelay: bool,
    /// Bytes that may wait unread: the receive window offered. 536 to about 1 GiB.
    pub receive_bytes_max: u32,
    /// Bytes that may wait in the send queue, those in flight included. 1 to 1 GiB.
    pub send_bytes_max: u32,
    /// Timestamps are offered and accepted (RFC 7323).
    pub timestamps: bool,
    /// Probes of an idle connection; off by default (RFC 9293 MUST-25).
    pub keep_alive: Option<KeepAlive>,
    /// How long sent bytes may stay unacknowledged before the connection is given up (RFC 9293 MUST-20, R2; RFC 5482).
    pub user_timeout: Duration,
    /// As [`user_timeout`](Self::user_timeout), for the SYN of an active open: at least 3 minutes by RFC 9293 MUST-23,
    /// whoever wants it shorter aborts the open.
    pub connect_timeout: Duration,
    /// Time to live or hop limit of sent packets (RFC 9293 MUST-49).
    pub hop_limit: u8,
    /// Differentiated services code point of sent packets, 0 to 63 (RFC 9293 MUST-48).
    pub dscp: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodelay: true,
            receive_bytes_max: 64 << 10,
            send_bytes_max: 1 << 20,
            timestamps: true,
            keep_alive: None,
            user_timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(180),
            hop_limit: 64,
            dscp: 0,
        }
    }
}

/// When an idle connection is probed (RFC 9293 section 3.8.4).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct KeepAlive {
    /// Idle time before the first probe: 1 s to 20 days. Two hours by default (RFC 9293 MUST-28).
    pub idle: Duration,
    /// Time between probes: at least 1 s.
    pub interval: Duration,
    /// Probes without an answer before the connection is given up: 2 to 255, so that one lost answer does not end it (RFC
    /// 9293 MUST-29).
    pub probes: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), probes: 9 }
    }
}

impl Options {
    /// Checks every option.
    ///
    /// # Errors
    /// The first that does not hold, with its value and its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        within("receive_bytes_max", self.receive_bytes_max.into(), 536, RECEIVE_BYTES_MAX.into())?;
        within("send_bytes_max", self.send_bytes_max.into(), 1, SEND_BYTES_MAX.into())?;
        within("user_timeout in ms", self.user_timeout.as_millis(), 1, DAY_MS)?;
        within("connect_timeout in ms", self.connect_timeout.as_millis(), 1, DAY_MS)?;
        within("hop_limit", self.hop_limit.into(), 1, 255)?;
        within("dscp", self.dscp.into(), 0, 63)?;
        let Some(keep_alive) = self.keep_alive else { return Ok(()) };
        within("keep_alive.idle in ms", keep_alive.idle.as_millis(), 1000, 20 * DAY_MS)?;
        within("keep_alive.interval in ms", keep_alive.interval.as_millis(), 1000, DAY_MS)?;
        within("keep_alive.probes", keep_alive.probes.into(), 2, 255)?;
        // The clock of idle times has 32 bits of milliseconds.
        let all = keep_alive.idle.as_millis() + u64::from(keep_alive.probes) * keep_alive.interval.as_millis();
        within("keep_alive.idle + probes * interval in ms", all, 1, 40 * DAY_MS)
    }
}

fn within(name: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(ConfigError::new(name, value, least, most)) }
}

/// A setting that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError(String);

impl ConfigError {
    fn new(name: &str, value: u64, least: u64, most: u64) -> Self {
        Self(format!("{name} is {value}; it must be {least} to {most}"))
    }

    /// An error in words of its own: what was wrong, the value, the limit.
    pub(crate) fn saying(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}
