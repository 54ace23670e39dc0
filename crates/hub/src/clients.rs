//! The clients of one core and their subscriptions: plain records in slabs, linked by 32-bit indexes.
//!
//! A client owns a singly linked list of its subscriptions. A subscription that is under way (the home has not answered yet)
//! has no place in its channel's array of members; that is the only difference. Invariants: `Client::count` is the length of
//! the list; a subscription record lives exactly as long as it is in its client's list; `place` and the array agree.

use crore_base::slab::{Handle, Slab};
use zerocopy::FromZeros;

use crate::limits::Limits;
use crate::table::Index;

/// The end of a list of subscriptions.
const NONE: u32 = u32::MAX;
/// The place of a subscription that is not in the array yet.
const UNDER_WAY: u32 = u32::MAX;

/// Names a client of one core. Eight bytes; a key whose client is gone is recognised and harmless.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientKey(pub(crate) Handle);

impl ClientKey {
    /// The key as a number, never 0.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The key that [`ClientKey::to_bits`] gave; `None` for a number it cannot have given.
    pub fn from_bits(bits: u64) -> Option<ClientKey> {
        Handle::from_bits(bits).map(ClientKey)
    }

    /// Its slot: unique among the clients that live now, small, and used again later.
    pub fn index(self) -> u32 {
        self.0.index()
    }
}

/// What the hub knows of a client.
#[derive(Copy, Clone, FromZeros)]
#[repr(C)]
pub(crate) struct Client {
    /// How the gateway finds the connection.
    pub(crate) sink: u64,
    /// The first of its subscriptions.
    first: u32,
    /// How many there are.
    count: u16,
    /// How its publications are encoded.
    pub(crate) form: u8,
    _free: u8,
}

/// One subscription of a client.
#[derive(Copy, Clone, FromZeros)]
#[repr(C)]
pub(crate) struct Subscription {
    /// The local channel.
    channel: u32,
    /// Its place in the channel's array of members.
    place: u32,
    /// The client's next subscription.
    next: u32,
    /// The client, for the answer of the home.
    client: u32,
}

pub(crate) const CLIENT_BYTES: usize = size_of::<Client>();
pub(crate) const SUBSCRIPTION_BYTES: usize = size_of::<Subscription>();
const _: () = assert!(size_of::<Client>() == 16 && size_of::<Subscription>() == 16);

/// What is left to do in the channel after a subscription was removed.
pub(crate) struct Removed {
    pub(crate) channel: Index,
    /// `None` when it was under way.
    pub(crate) place: Option<u32>,
}

/// Both slabs of a core.
pub(crate) struct Clients {
    clients: Slab<Client>,
    subscriptions: Slab<Subscription>,
    per_client: u16,
}

impl Clients {
    pub(crate) fn new(limits: &Limits) -> Clients {
        assert!(limits.clients < NONE && limits.subscriptions < NONE, "indexes must leave room for the end mark");
        Clients {
            clients: Slab::new(limits.clients),
            subscriptions: Slab::new(limits.subscriptions),
            per_client: limits.subscriptions_per_client,
        }
    }

    pub(crate) fn connect(&mut self, sink: u64, form: u8) -> Option<ClientKey> {
        let client = Client { sink, first: NONE, count: 0, form, _free: 0 };
        self.clients.insert(client).map(ClientKey)
    }

    /// Removes a client that has no subscriptions left.
    pub(crate) fn disconnect(&mut self, key: ClientKey) {
        let client = self.clients.remove(key.0);
        debug_assert!(client.is_some_and(|client| client.count == 0 && client.first == NONE));
    }

    pub(crate) fn get(&self, key: ClientKey) -> Option<&Client> {
        self.clients.get(key.0)
    }

    /// The record of a client that is known to live, by its slot.
    pub(crate) fn at(&self, index: u32) -> Option<&Client> {
        self.clients.at(index)
    }

    pub(crate) fn key_at(&self, index: u32) -> Option<ClientKey> {
        self.clients.handle_at(index).map(ClientKey)
    }

    pub(crate) fn trim(&mut self) -> usize {
        self.clients.trim() + self.subscriptions.trim()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = ClientKey> {
        self.clients.iter().map(|(handle, _)| ClientKey(handle))
    }

    pub(crate) fn prefetch(&self, index: u32) {
        self.clients.prefetch(index);
    }

    pub(crate) fn len(&self) -> u32 {
        self.clients.len()
    }

    pub(crate) fn subscriptions_len(&self) -> u32 {
        self.subscriptions.len()
    }

    /// How many subscriptions a client has, also those under way. 0 for a client that is gone.
    pub(crate) fn count(&self, key: ClientKey) -> u32 {
        self.get(key).map_or(0, |client| u32::from(client.count))
    }

    /// Whether one more subscription fits.
    pub(crate) fn has_room(&self, key: ClientKey) -> bool {
        self.get(key).is_some_and(|client| client.count < self.per_client)
            && self.subscriptions.len() < self.subscriptions.limit()
    }

    /// Begins a subscription, under way. `None`: the client is gone or a limit is reached.
    pub(crate) fn begin(&mut self, key: ClientKey, channel: Index) -> Option<Handle> {
        if !self.has_room(key) {
            return None;
        }
        let client = self.clients.get_mut(key.0)?;
        let subscription =
            Subscription { channel: channel.0, place: UNDER_WAY, next: client.first, client: key.index() };
        let handle = self.subscriptions.insert(subscription)?;
        client.first = handle.index();
        client.count += 1;
        Some(handle)
    }

    /// The client and slot of a subscription under way, if neither it nor its client ended meanwhile.
    pub(crate) fn under_way(&self, subscription: Handle) -> Option<u32> {
        let record = self.subscriptions.get(subscription)?;
        debug_assert!(self.clients.at(record.client).is_some());
        (record.place == UNDER_WAY).then_some(record.client)
    }

    /// Says where the subscription stands in its channel's array.
    pub(crate) fn set_place(&mut self, subscription: u32, place: u32) {
        debug_assert_ne!(place, UNDER_WAY);
        if let Some(record) = self.subscriptions.at_mut(subscription) {
            record.place = place;
        } else {
            debug_assert!(false, "a member without a subscription record");
        }
    }

    /// Whether the client is subscribed to the channel: `Some(true)` when it is a member, `Some(false)` when under way.
    /// Costs a walk over its own subscriptions.
    pub(crate) fn find(&self, key: ClientKey, channel: Index) -> Option<bool> {
        let mut next = self.get(key)?.first;
        while let Some(record) = self.subscriptions.at(next) {
            if record.channel == channel.0 {
                return Some(record.place != UNDER_WAY);
            }
            next = record.next;
        }
        None
    }

    /// The local channels of a client, the latest first.
    pub(crate) fn channels(&self, key: ClientKey) -> impl Iterator<Item = Index> + '_ {
        let mut next = self.get(key).map_or(NONE, |client| client.first);
        std::iter::from_fn(move || {
            let record = self.subscriptions.at(next)?;
            next = record.next;
            Some(Index(record.channel))
        })
    }

    /// Takes the subscription of the client at this slot to the channel out of its list.
    pub(crate) fn remove(&mut self, client: u32, channel: Index) -> Option<Removed> {
        let mut previous = NONE;
        let mut at = self.clients.at(client)?.first;
        loop {
            let record = *self.subscriptions.at(at)?;
            if record.channel == channel.0 {
                self.unlink(client, previous, at, record.next);
                return Some(removed(&record));
            }
            previous = at;
            at = record.next;
        }
    }

    /// Takes any one subscription of the client out of its list.
    pub(crate) fn remove_first(&mut self, key: ClientKey) -> Option<Removed> {
        let first = self.get(key)?.first;
        let record = *self.subscriptions.at(first)?;
        self.unlink(key.index(), NONE, first, record.next);
        Some(removed(&record))
    }

    fn unlink(&mut self, client: u32, previous: u32, at: u32, next: u32) {
        if previous != NONE
            && let Some(before) = self.subscriptions.at_mut(previous)
        {
            debug_assert_eq!(before.next, at);
            before.next = next;
        }
        if let Some(owner) = self.clients.at_mut(client) {
            debug_assert!(owner.count > 0);
            owner.count -= 1;
            if previous == NONE {
                debug_assert_eq!(owner.first, at);
                owner.first = next;
            }
        }
        if let Some(handle) = self.subscriptions.handle_at(at) {
            self.subscriptions.remove(handle);
        }
    }
}

fn removed(record: &Subscription) -> Removed {
    Removed { channel: Index(record.channel), place: (record.place != UNDER_WAY).then_some(record.place) }
}

#[cfg(test)]
mod tests;
