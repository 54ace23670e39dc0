//! What homes tell this core: answers and publications, in one order. Nothing here asks or tells in turn (but a leave, which
//! waits by itself), so replies can always be taken while there is room for deliveries.

use crore_base::slab::Handle;
use crore_base::time::Instant;

use super::Hub;
use crate::answer::{Answer, History, Subscribed};
use crate::clients::ClientKey;
use crate::local::Member;
use crate::message::{Admission, Joined, Reply, Tell};
use crate::refusal::Refusal;
use crate::table::{Index, Key};

impl Hub {
    /// Takes a reply that [`poll_reply`](Hub::poll_reply) gave on core `from`. Give one only while
    /// [`takes_replies`](Hub::takes_replies); it adds at most one publication to what waits for walks.
    pub fn on_reply(&mut self, now: Instant, from: u16, reply: Reply) {
        debug_assert!(from < self.cores && from != self.core);
        let now = self.at(now);
        self.on_tell(now, reply.0);
    }

    pub(super) fn on_tell(&mut self, now: Instant, tell: Tell) {
        match tell {
            Tell::Joined(joined) => self.on_joined(now, *joined),
            Tell::Deliver(delivery) => self.local.deliver(*delivery),
            Tell::Published { token, result } => self.answer(
                token,
                match result {
                    Ok(position) => Answer::Published { position },
                    Err(reason) => Answer::Refused(reason),
                },
            ),
            Tell::History { token, result } => self.answer(
                token,
                match result {
                    Ok(page) => Answer::History(History { publications: page.publications, position: page.position }),
                    Err(reason) => Answer::Refused(reason),
                },
            ),
            Tell::HistoryRemoved { token } => self.answer(token, Answer::HistoryRemoved),
            Tell::Channels { gather, channels, truncated } => {
                if let Some((token, answer)) = self.gathers.add_channels(gather, channels, truncated) {
                    self.answer(token, answer);
                }
            }
            Tell::Members { gather, members, total } => {
                if let Some((token, answer)) = self.gathers.add_members(gather, members, total) {
                    self.answer(token, answer);
                }
            }
        }
    }

    /// The home has answered a join: the subscription under way becomes a member, or ends, or has ended meanwhile.
    fn on_joined(&mut self, now: Instant, joined: Joined) {
        let Some(index) = self.local.channels.resolve(Key::from_bits(joined.local)) else {
            debug_assert!(false, "a channel with a join under way was forgotten");
            return self.refuse(joined.token, Refusal::Cancelled);
        };
        let channel = self.local.channels.get_mut(index).expect("a resolved key is live");
        debug_assert!(channel.joins > 0);
        channel.joins -= 1;
        if let Ok(admission) = &joined.result {
            channel.home = Some(admission.home);
        }
        let key = ClientKey::from_bits(joined.client);
        let subscription = Handle::from_bits(joined.subscription);
        let under_way = subscription.filter(|handle| self.clients.under_way(*handle).is_some());
        let answer = match (under_way, key, joined.result) {
            (Some(handle), Some(client), Ok(admission)) => {
                self.admit(index, client, handle, joined.was_recovering, admission)
            }
            (Some(_), Some(client), Err(reason)) => {
                self.clients.remove(client.index(), index);
                Answer::Refused(reason)
            }
            (_, key, _) => {
                self.late += 1;
                let lives = key.is_some_and(|key| self.clients.get(key).is_some());
                Answer::Refused(if lives { Refusal::Cancelled } else { Refusal::ClientGone })
            }
        };
        self.answer(joined.token, answer);
        self.release(now, index);
    }

    fn admit(
        &mut self,
        index: Index,
        client: ClientKey,
        subscription: Handle,
        was_recovering: bool,
        admission: Admission,
    ) -> Answer {
        debug_assert_eq!(self.clients.under_way(subscription), Some(client.index()));
        let member = Member { client: client.index(), subscription: subscription.index(), last: admission.sequence };
        let place = self.local.add_member(index, member);
        self.clients.set_place(subscription.index(), place);
        let channel = self.local.channels.get(index).expect("it has a member now").name.clone();
        Answer::Subscribed(Subscribed {
            client,
            channel,
            position: admission.position,
            was_recovering,
            recovered: admission.recovered,
            publications: admission.publications,
        })
    }
}
