//! Why an interface cannot be used through AF_XDP, and what to do about it.

use std::fmt;
use std::io;

use crate::limits::{XDP_POOL_FRAMES_MIN, XDP_RING_FRAMES_MAX, XDP_RING_FRAMES_MIN, XDP_SHOWN_MAX};

use super::claim::ClaimError;

/// What is wrong. The name of the device is said around it, by [`OpenError::Xdp`](crate::OpenError::Xdp).
#[derive(Debug)]
#[non_exhaustive]
pub enum XdpError {
    /// No interface has this name.
    NoInterface {
        /// Those that there are.
        others: Vec<String>,
    },
    /// The interface is switched off.
    Down,
    /// The interface has been taken away.
    Gone,
    /// The queue has failed before, for a reason that was given then.
    Unusable,
    /// The interface has another number of queues than there are cores for them. Frames of a queue without a core
    /// would be lost.
    QueueCount {
        /// How many were asked for.
        asked: u16,
        /// How many the interface has.
        has: u32,
    },
    /// The queues that were named are not as many as were asked for, or one is named twice.
    QueueList {
        /// How many were asked for.
        asked: u16,
        /// The ones that were named.
        named: Vec<u16>,
    },
    /// The interface has no such queue.
    NoQueue {
        /// The one asked for.
        queue: u16,
        /// How many there are, counted from zero.
        has: u32,
    },
    /// Another socket has the queue.
    QueueTaken {
        /// Which.
        queue: u32,
    },
    /// The interface carries packets that are too large for our frames.
    Mtu {
        /// Bytes that it carries now.
        mtu: u32,
        /// Bytes that it may carry.
        mtu_max: u32,
    },
    /// What shall be ours cannot be.
    Claim(ClaimError),
    /// This process has not the rights.
    Rights {
        /// What it was not allowed to do.
        what: &'static str,
    },
    /// A program is attached to the interface already.
    Attached {
        /// Its number, if it could be found out.
        program: Option<u32>,
    },
    /// The kernel does not take the filter.
    Program {
        /// What the kernel said.
        error: io::Error,
        /// What its verifier said, at the end most of all.
        log: String,
    },
    /// The kernel does not let this process pin that much memory.
    Memory {
        /// Bytes of all frames of a pool.
        bytes: usize,
    },
    /// The pool has too few frames.
    Pool {
        /// How many it has.
        frames: u32,
    },
    /// Rings cannot have so many entries.
    Rings {
        /// How many were asked for.
        frames: u32,
    },
    /// More sources are blocked than there is room for.
    BlockedFull {
        /// How many of a family may be.
        max: u32,
    },
    /// A system call failed.
    System {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for XdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface { others } => {
                write!(
                    f,
                    "there is no such interface; there are: {}",
                    others[..others.len().min(XDP_SHOWN_MAX)].join(", ")
                )
            }
            Self::Down => f.write_str("the interface is down: `ip link set NAME up`"),
            Self::Gone => f.write_str("the interface has been taken away"),
            Self::Unusable => {
                f.write_str("the queue could not be tied to its pool before, and stays unusable: open it anew")
            }
            Self::QueueCount { asked, has } => write!(
                f,
                "{asked} queues were asked for and the interface has {has}, so frames would be lost: use {has} cores, \
                 or `ethtool -L NAME combined {asked}`, or name queues to which alone the card sends, as xdp:NAME:0:1"
            ),
            Self::QueueList { asked, named } => {
                write!(f, "queues {named:?} were named and {asked} asked for: name as many, each once")
            }
            Self::NoQueue { queue, has } => {
                write!(f, "the interface has no queue {queue}: it has {has}, counted from zero")
            }
            Self::QueueTaken { queue } => {
                write!(f, "another AF_XDP socket has queue {queue}: end the process that holds it")
            }
            Self::Mtu { mtu, mtu_max } => write!(
                f,
                "the MTU of {mtu} is larger than a frame holds: `ip link set NAME mtu {}` or less",
                mtu_max.min(&1500)
            ),
            Self::Claim(error) => write!(f, "{error}"),
            Self::Rights { what } => write!(
                f,
                "no right to {what}: run as root, or give the program the rights \
                 (`setcap cap_net_admin,cap_net_raw,cap_bpf+ep FILE`)"
            ),
            Self::Attached { program } => {
                f.write_str("an XDP program ")?;
                if let Some(program) = program {
                    write!(f, "(number {program}) ")?;
                }
                f.write_str("is attached already: end the process that holds it, or `ip link set NAME xdp off`")
            }
            Self::Program { error, log } => {
                // The reason is at the end of what the verifier says.
                let lines: Vec<&str> = log.lines().collect();
                let end = lines[lines.len().saturating_sub(XDP_SHOWN_MAX)..].join(" | ");
                write!(f, "the kernel does not take the filter ({error}): {end}")
            }
            Self::Memory { bytes } => write!(
                f,
                "no right to pin {bytes} bytes of frames: raise `ulimit -l`, give CAP_IPC_LOCK, or use fewer frames"
            ),
            Self::Pool { frames } => {
                write!(f, "a pool of {frames} frames is too small for a queue: use {XDP_POOL_FRAMES_MIN} or more")
            }
            Self::Rings { frames } => write!(
                f,
                "rings cannot have {frames} entries: use a power of two from {XDP_RING_FRAMES_MIN} to {XDP_RING_FRAMES_MAX}"
            ),
            Self::BlockedFull { max } => {
                write!(f, "{max} prefixes of this family are blocked, no more can be: block larger prefixes")
            }
            Self::System { what, error } => write!(f, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for XdpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { error, .. } | Self::Program { error, .. } => Some(error),
            Self::Claim(error) => Some(error),
            _ => None,
        }
    }
}
