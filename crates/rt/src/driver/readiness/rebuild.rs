//! The cure for wake-ups without progress: all that lives is registered anew, and what should not be is gone.

use std::os::fd::AsFd;

use super::poller::Registration;
use super::{ATTENDED, ATTENTION, Readiness, bell};
use crate::stats;

impl Readiness {
    /// Wake-ups without progress have been too many: registers all that lives with a selector of its own anew. Costs a system call
    /// for each, and wakes whoever has something to do.
    pub(super) fn rebuild_poller(&mut self) {
        let attended = self.attended.iter().map(|attended| Registration {
            descriptor: attended.as_fd(),
            token: ATTENDED,
            interest: ATTENTION,
        });
        let listeners =
            (0..).zip(&self.listeners).filter_map(|(index, listener)| Some(listener.as_ref()?.registration(index)));
        let watches = self.watches.iter().map(|(id, watch)| watch.registration(id));
        let connections = self.connections.iter().map(|(id, slot)| slot.registration(id));
        let all = [bell(self.bell)].into_iter().chain(attended).chain(listeners).chain(watches).chain(connections);
        if self.poller.rebuild(&mut all.filter(|one| !one.interest.is_empty())).is_ok() {
            self.count(stats::SELECTOR_REBUILDS, 1);
        }
    }
}
