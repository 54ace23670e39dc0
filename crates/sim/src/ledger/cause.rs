//! The causes of ends: what an engine says of a connection's end must follow from what happened on the other side.

use crore_tcp::CloseReason;

use super::{Gone, Ledger, SideId};
use crate::Check;

impl Ledger {
    pub(super) fn explain(&self, id: SideId, reason: CloseReason) -> Check {
        let side = &self.sides[id as usize];
        let allowed = &self.allowed;
        let err = |text: &str| Err(text.to_owned());
        match reason {
            _ if side.fresh && reason != CloseReason::InOrder => err("nothing was wrong any more"),
            CloseReason::InOrder if !side.shut || !side.finish_told => err("not both sides had finished"),
            CloseReason::InOrder => Ok(()),
            CloseReason::TimedOut if !allowed.time_out && !self.peer_is_gone(id) => err("it should have waited longer"),
            CloseReason::Unreachable if side.opened => err("it was open already"),
            CloseReason::Unreachable if !allowed.unreachable => err("every question was answered"),
            CloseReason::TimedOut | CloseReason::KeepAlive | CloseReason::Unreachable => Ok(()),
            CloseReason::Aborted if side.shut && !side.opened => Ok(()),
            CloseReason::Aborted => err("nobody aborted it"),
            CloseReason::Refused if side.opened => err("it was open already"),
            CloseReason::Refused | CloseReason::Reset => self.explain_reset(id, reason),
        }
    }

    /// A reset comes from a peer that is gone, or never was.
    fn explain_reset(&self, id: SideId, reason: CloseReason) -> Check {
        let side = &self.sides[id as usize];
        if self.peer_restarted(id) {
            return Ok(());
        }
        let Some(peer) = self.peer_of(id) else {
            let half_dead = (self.allowed.half_dead || self.allowed.cookies) && side.reader.received == 0;
            let nobody_there = reason == CloseReason::Refused && side.remote.port() != crate::plan::PORT;
            return if half_dead || nobody_there {
                Ok(())
            } else {
                Err("there is no peer that could have done it".to_owned())
            };
        };
        let other = &self.sides[peer as usize];
        let known = side.reader.writer.is_some() || other.reader.writer == Some(id);
        let explained = if known { self.would_reset(id, peer) } else { self.somebody_would_reset(id) };
        // A server with cookies refuses what overtakes the end of a handshake (RFC 4987 section 3.6).
        let overtaken = self.allowed.cookies && side.active && side.reader.received == 0;
        if explained || overtaken { Ok(()) } else { Err(format!("its peer is well: {}", self.tell(peer))) }
    }

    /// Whether the host at the other end has started anew since.
    pub(super) fn peer_restarted(&self, id: SideId) -> bool {
        let side = &self.sides[id as usize];
        let restarted = self.restarted.get(&crate::host::host_of(side.remote.ip()));
        restarted.is_some_and(|&at| at >= side.created)
    }

    /// Whether a peer that is known would reset the connection.
    fn would_reset(&self, id: SideId, peer: SideId) -> bool {
        let (side, other) = (&self.sides[id as usize], &self.sides[peer as usize]);
        match other.gone {
            None => false,
            Some(Gone::Closed { unread: false }) => {
                let wasted = side.written > other.reader.received;
                // An orphan gives up as others do, and is not asked.
                wasted
                    || side.finish_told
                    || self.allowed.orphans_end
                    || self.allowed.short_memory
                    || self.allowed.cookies
            }
            Some(_) => true,
        }
    }

    /// Whether one of those that may be the peer is gone, or was not there yet.
    fn somebody_would_reset(&self, id: SideId) -> bool {
        let side = &self.sides[id as usize];
        let others = self.others(id).iter().map(|&other| &self.sides[other as usize]);
        let mut free = others.filter(|other| other.reader.writer.is_none_or(|writer| writer == id));
        free.any(|other| {
            // Both opened it: what came before the other had opened was refused.
            let too_early = other.active && side.active && other.created > side.created;
            other.gone.is_some() || too_early
        })
    }

    fn peer_is_gone(&self, id: SideId) -> bool {
        self.peer_of(id).is_none_or(|peer| self.sides[peer as usize].gone.is_some())
    }
}
