//! What other cores (and this one) ask of the channels that are at home here, and of the listings of this core.

use crore_base::time::Instant;

use super::Hub;
use crate::message::{Ask, Joined, PublishAsk, Reply, Request, Tell};
use crate::table::Key;

impl Hub {
    /// Takes a request that [`poll_request`](Hub::poll_request) gave on core `from`. Give one only while
    /// [`takes_requests`](Hub::takes_requests); it adds at most two replies for each core.
    pub fn on_request(&mut self, now: Instant, from: u16, request: Request) {
        debug_assert!(from < self.cores && from != self.core);
        let now = self.at(now);
        self.on_ask(now, from, request.0);
    }

    pub(super) fn on_ask(&mut self, now: Instant, from: u16, ask: Ask) {
        match ask {
            Ask::Join(join) => {
                let result = self.home.join(now, from, &join);
                let joined = Joined {
                    token: join.token,
                    local: join.local,
                    subscription: join.subscription,
                    client: join.client,
                    was_recovering: join.since.is_some(),
                    result,
                };
                self.tell(now, from, Tell::Joined(Box::new(joined)));
            }
            Ask::Leave { home, local } => self.home.leave(now, from, Key::from_bits(home), local),
            Ask::Publish(ask) => self.on_publish(now, from, *ask),
            Ask::History(ask) => {
                let result = self.home.history(now, &ask);
                let token = ask.token;
                self.tell(now, from, Tell::History { token, result });
            }
            Ask::HistoryRemove { token, channel } => {
                self.home.history_remove(now, &channel);
                self.tell(now, from, Tell::HistoryRemoved { token });
            }
            Ask::Channels { gather, pattern } => {
                let (channels, truncated) = self.local.list(pattern.as_deref(), self.limits.listing_page);
                let tell = Tell::Channels { gather, channels, truncated };
                self.tell(now, from, tell);
            }
            Ask::Members { gather, channel } => {
                let (members, total) = self.local.members(&channel, self.limits.listing_page, &self.clients);
                let tell = Tell::Members { gather, members, total };
                self.tell(now, from, tell);
            }
        }
    }

    /// Publishes: deliveries to the interested cores first, then the answer to the publisher.
    fn on_publish(&mut self, now: Instant, from: u16, ask: PublishAsk) {
        let token = ask.token;
        let Hub { home, local, replies, core: own, .. } = self;
        let result = home.publish(now, ask, &mut |core, delivery| {
            if core == *own {
                return local.deliver(delivery);
            }
            let bytes = delivery.numbered.publication.weight();
            replies[usize::from(core)].push(Reply(Tell::Deliver(Box::new(delivery))), bytes);
        });
        self.tell(now, from, Tell::Published { token, result });
    }

    /// Sends a reply, or takes it at once when it is for this core.
    fn tell(&mut self, now: Instant, to: u16, tell: Tell) {
        if to == self.core {
            return self.on_tell(now, tell);
        }
        let bytes = tell.bytes();
        self.replies[usize::from(to)].push(Reply(tell), bytes);
    }
}
