//! What has come for connections and was not read yet: chains of buffers, in one pool a core.
//!
//! A chain in a connection's slot is two indexes, so that one at rest pays eight bytes.

use rustix::io::Errno;
use zerocopy::FromZeros;

use crate::driver::Lease;

/// What a receive has brought.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Bytes; none: the peer has ended its direction.
    Bytes(Lease),
    Failed(Errno),
}

/// The arrivals of one connection. All zero is none.
#[derive(Clone, Copy, Default, FromZeros)]
pub(super) struct Chain {
    /// Index of the first node plus one; zero is none.
    first: u32,
    last: u32,
}

impl Chain {
    pub(super) fn is_empty(self) -> bool {
        self.first == 0
    }
}

struct Node {
    arrival: Option<Arrival>,
    next: u32,
}

/// The arrivals of all connections of one core.
#[derive(Default)]
pub(super) struct Inbox {
    nodes: Vec<Node>,
    free: u32,
    used: usize,
}

impl Inbox {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn push(&mut self, chain: &mut Chain, arrival: Arrival) {
        let node = Node { arrival: Some(arrival), next: 0 };
        let taken = if self.free == 0 {
            self.nodes.push(node);
            u32::try_from(self.nodes.len()).expect("unread buffers are bounded")
        } else {
            let taken = self.free;
            self.free = std::mem::replace(&mut self.nodes[taken as usize - 1], node).next;
            taken
        };
        match chain.last {
            0 => chain.first = taken,
            last => self.nodes[last as usize - 1].next = taken,
        }
        chain.last = taken;
        self.used += 1;
    }

    pub(super) fn pop(&mut self, chain: &mut Chain) -> Option<Arrival> {
        let index = chain.first;
        let node = self.nodes.get_mut((index as usize).checked_sub(1)?).expect("a chain names nodes that are there");
        let arrival = node.arrival.take();
        assert!(arrival.is_some(), "a node of a chain holds an arrival");
        chain.first = std::mem::replace(&mut node.next, self.free);
        if chain.first == 0 {
            chain.last = 0;
        }
        self.free = index;
        self.used -= 1;
        if self.used == 0 {
            // After a burst the pool begins anew instead of keeping its largest size.
            self.nodes.clear();
            self.free = 0;
        }
        arrival
    }

    pub(super) fn clear(&mut self, chain: &mut Chain) {
        while self.pop(chain).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_chains_in_one_pool_keep_their_order() {
        let (mut inbox, mut a, mut b) = (Inbox::default(), Chain::default(), Chain::default());
        let bytes = |text: &str| Arrival::Bytes(Lease::owned(text.as_bytes().to_vec()));
        let text = |arrival| match arrival {
            Some(Arrival::Bytes(lease)) => String::from_utf8(lease.to_vec()).expect("text"),
            Some(Arrival::Failed(error)) => error.to_string(),
            None => "nothing".to_owned(),
        };
        inbox.push(&mut a, bytes("one"));
        inbox.push(&mut b, bytes("uno"));
        inbox.push(&mut a, bytes("two"));
        assert_eq!(text(inbox.pop(&mut a)), "one");
        inbox.push(&mut b, Arrival::Failed(Errno::CONNRESET));
        assert_eq!((text(inbox.pop(&mut a)), text(inbox.pop(&mut a))), ("two".to_owned(), "nothing".to_owned()));
        assert_eq!((inbox.len(), text(inbox.pop(&mut b))), (2, "uno".to_owned()));
        inbox.clear(&mut b);
        assert!(a.is_empty() && b.is_empty() && inbox.len() == 0);
    }
}
