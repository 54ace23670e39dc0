//! The walk over all channels that have something to deliver.

use super::Hub;
use crate::answer::Event;
use crate::limits::WALK_SLICE;
use crate::table::Index;
use crate::walk::{self, Deliver};

impl Hub {
    /// Delivers waiting publications, about `budget` of them (a member that needs none counts as one), and says whether more
    /// are waiting. Channels take turns; within a channel publications follow each other in order.
    pub fn walk(&mut self, budget: usize, out: &mut impl Deliver) -> bool {
        let mut left = budget;
        while left > 0 {
            let Some(key) = self.local.turns.pop_front() else {
                return false;
            };
            let mut used = 0;
            let mut finished = 0;
            let mut under_way = false;
            if let Some(index) = self.local.channels.resolve(key) {
                let channel = self.local.channels.get_mut(index).expect("a resolved key is live");
                let slice = left.min(WALK_SLICE);
                (used, finished) = walk::step(channel, &self.clients, slice, out, &mut self.tally, &mut self.missing);
                under_way = channel.walk.is_some();
                self.end_missing(index);
            }
            if under_way {
                self.local.turns.push_back(key);
            } else {
                self.local.end_turn(key, finished);
            }
            left = left.saturating_sub(used.max(1));
        }
        !self.local.turns.is_empty()
    }

    /// Ends the subscriptions for which the walk found a publication missing.
    fn end_missing(&mut self, index: Index) {
        while let Some(slot) = self.missing.pop() {
            let channel = self.local.channels.get(index).map(|channel| channel.name.clone());
            let (Some(channel), Some(client)) = (channel, self.clients.key_at(slot)) else {
                continue;
            };
            if let Some(removed) = self.clients.remove(slot, index) {
                debug_assert_eq!(removed.channel, index);
                self.leave(self.now, index, removed.place);
                self.lost += 1;
                self.events.push_back(Event::Lost { client, channel });
            }
        }
    }
}
