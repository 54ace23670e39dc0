//! The cure for wake-ups without progress: all that lives is registered anew, and what should not be is gone.

use rustix::event::epoll::EventFlags;

use super::connection::interest;
use super::token::{Kind, Token};
use super::{ATTENDED, BELL, Epoll};
use crate::stats;

impl Epoll {
    /// Wake-ups without progress have been too many: registers all that lives with a selector of its own anew. Costs a system call
    /// for each, and wakes whoever has something to do.
    pub(super) fn rebuild_selector(&mut self) {
        let rebuilt = self.selector.rebuild(|new| {
            let (edge, bell) = (EventFlags::IN | EventFlags::ET, self.bell.bell());
            new.add(bell, BELL.to_data(), edge)?;
            if let Some(attended) = &self.attended {
                new.add(attended, ATTENDED.to_data(), EventFlags::IN)?;
            }
            for (index, listener) in (0..).zip(&self.listeners) {
                if let Some(listener) = listener {
                    listener.register(new, index)?;
                }
            }
            for (index, watch) in (0..).zip(&self.watches) {
                if let Some(watch) = watch {
                    watch.register(new, index)?;
                }
            }
            self.connections.iter().try_for_each(|(id, slot)| {
                let token = Token::new(Kind::Connection, id.index(), id.generation().get());
                new.add(slot.descriptor.borrow(), token.to_data(), interest(slot.flags))
            })
        });
        if rebuilt.is_ok() {
            self.count(stats::SELECTOR_REBUILDS, 1);
        }
    }
}
