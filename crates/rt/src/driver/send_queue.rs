//! What connections have yet to send: chains of references to shared payloads, in one pool a core.
//!
//! A queue in a connection's slot is two indexes and a byte count, so an idle connection pays twelve bytes. Payloads are
//! never copied: a publication to ten thousand subscribers is ten thousand references to one encoding.

use std::io::IoSlice;

use crore_base::payload::Payload;
use zerocopy::FromZeros;

use crate::limits::{GATHER_MAX, SEND_NODES_KEPT};

/// The chain of one connection. All zero is empty.
#[derive(Clone, Copy, Default, FromZeros)]
pub(crate) struct SendQueue {
    /// Index of the first node plus one; zero is none.
    first: u32,
    last: u32,
    bytes: u32,
}

impl SendQueue {
    /// Bytes that wait.
    pub(crate) fn bytes(self) -> u32 {
        self.bytes
    }

    pub(crate) fn is_empty(self) -> bool {
        self.first == 0
    }
}

struct Node {
    payload: Option<Payload>,
    /// Bytes of the payload that are gone already.
    sent: u32,
    next: u32,
}

/// The nodes of all chains of one core.
#[derive(Default)]
pub(crate) struct SendPool {
    nodes: Vec<Node>,
    free: u32,
    used: usize,
}

impl SendPool {
    /// Appends a payload; an empty one is nothing to send.
    pub(crate) fn push(&mut self, queue: &mut SendQueue, payload: Payload) {
        let bytes = u32::try_from(payload.len()).expect("a send limit is 32 bits, and the caller checked it");
        if bytes == 0 {
            return;
        }
        let node = self.take_node(payload);
        match queue.last {
            0 => queue.first = node,
            last => self.nodes[last as usize - 1].next = node,
        }
        queue.last = node;
        queue.bytes = queue.bytes.checked_add(bytes).expect("the caller keeps the queue below its limit");
    }

    fn take_node(&mut self, payload: Payload) -> u32 {
        self.used += 1;
        let node = Node { payload: Some(payload), sent: 0, next: 0 };
        if self.free == 0 {
            self.nodes.push(node);
            return u32::try_from(self.nodes.len()).expect("queued payloads are bounded by bytes");
        }
        let taken = self.free;
        let place = &mut self.nodes[taken as usize - 1];
        assert!(place.payload.is_none());
        self.free = place.next;
        *place = node;
        taken
    }

    /// The bytes of a queue that holds one payload, as most do: no gathering is needed for them.
    pub(crate) fn only(&self, queue: SendQueue) -> Option<&[u8]> {
        if queue.is_empty() || queue.first != queue.last {
            return None;
        }
        let node = &self.nodes[queue.first as usize - 1];
        let payload = node.payload.as_ref().expect("a node of a chain holds a payload");
        Some(&payload[node.sent as usize..])
    }

    /// The bytes at the head of the queue, as one gathered write.
    pub(crate) fn gather<'a>(&'a self, queue: SendQueue, slices: &mut [IoSlice<'a>; GATHER_MAX]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces(queue)) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// The unsent bytes of each payload, in order.
    pub(crate) fn pieces(&self, queue: SendQueue) -> impl Iterator<Item = &[u8]> {
        let mut at = queue.first;
        std::iter::from_fn(move || {
            let node = self.nodes.get((at as usize).checked_sub(1)?)?;
            at = node.next;
            let payload = node.payload.as_ref().expect("a node of a chain holds a payload");
            Some(&payload[node.sent as usize..])
        })
    }

    /// Takes `bytes` from the head: they were sent.
    pub(crate) fn advance(&mut self, queue: &mut SendQueue, bytes: usize) {
        let mut left = u32::try_from(bytes).expect("no more was sent than was queued");
        assert!(left <= queue.bytes, "{left} bytes sent of {} queued", queue.bytes);
        queue.bytes -= left;
        while left > 0 {
            let node = &mut self.nodes[queue.first as usize - 1];
            let unsent = node.payload.as_ref().expect("a node of a chain holds a payload").len() as u32 - node.sent;
            if left < unsent {
                node.sent += left;
                return;
            }
            left -= unsent;
            self.drop_first(queue);
        }
    }

    /// Drops all that waits but a payload that has begun to leave.
    pub(crate) fn drop_unbegun(&mut self, queue: &mut SendQueue) {
        let begun = !queue.is_empty() && self.nodes[queue.first as usize - 1].sent > 0;
        self.drop_behind(queue, usize::from(begun));
    }

    /// Drops all that waits behind the first `kept` payloads.
    pub(crate) fn drop_behind(&mut self, queue: &mut SendQueue, kept: usize) {
        let (mut last, mut next, mut bytes) = (0, queue.first, 0);
        for _ in 0..kept {
            assert!(next != 0, "{kept} payloads are kept of a queue that has fewer");
            let node = &self.nodes[next as usize - 1];
            bytes += node.payload.as_ref().expect("a node of a chain holds a payload").len() as u32 - node.sent;
            (last, next) = (next, node.next);
        }
        let mut rest = SendQueue { first: next, last: queue.last, bytes: 0 };
        if last == 0 {
            *queue = SendQueue::default();
        } else {
            self.nodes[last as usize - 1].next = 0;
            *queue = SendQueue { first: queue.first, last, bytes };
        }
        self.clear(&mut rest);
    }

    /// Drops all that waits.
    pub(crate) fn clear(&mut self, queue: &mut SendQueue) {
        while !queue.is_empty() {
            self.drop_first(queue);
        }
        queue.bytes = 0;
    }

    fn drop_first(&mut self, queue: &mut SendQueue) {
        let index = queue.first;
        let node = &mut self.nodes[index as usize - 1];
        node.payload = None;
        queue.first = std::mem::replace(&mut node.next, self.free);
        self.free = index;
        self.used -= 1;
        if queue.first == 0 {
            queue.last = 0;
        }
        if self.used == 0 && self.nodes.len() > SEND_NODES_KEPT {
            // After a burst the pool begins anew instead of keeping its largest size.
            self.nodes = Vec::new();
            self.free = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(pool: &SendPool, queue: SendQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); GATHER_MAX];
        let count = pool.gather(queue, &mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn two_chains_in_one_pool_keep_their_order_through_partial_sends() {
        let mut pool = SendPool::default();
        let (mut a, mut b) = (SendQueue::default(), SendQueue::default());
        for (payload, queue) in [("one", 0), ("UNO", 1), ("two", 0), ("", 0), ("DUE", 1), ("three", 0)] {
            let queue = if queue == 0 { &mut a } else { &mut b };
            pool.push(queue, Payload::from(payload.as_bytes()));
        }
        assert_eq!(gathered(&pool, a), b"onetwothree");
        pool.advance(&mut a, 4);
        assert_eq!(gathered(&pool, a), b"wothree");
        assert_eq!(a.bytes(), 7);
        pool.advance(&mut b, 6);
        assert!(b.is_empty() && b.bytes() == 0);
        pool.push(&mut b, Payload::from(&b"again"[..]));
        pool.advance(&mut a, 7);
        assert_eq!(gathered(&pool, b), b"again");
    }

    #[test]
    fn superseding_keeps_only_what_has_begun_to_leave() {
        let mut pool = SendPool::default();
        let mut queue = SendQueue::default();
        let payload = Payload::from(&b"begun"[..]);
        for _ in 0..3 {
            pool.push(&mut queue, payload.clone());
        }
        pool.advance(&mut queue, 2);
        pool.drop_unbegun(&mut queue);
        assert_eq!((payload.holders(), queue.bytes()), (2, 3));
        pool.push(&mut queue, Payload::from(&b"!"[..]));
        assert_eq!(gathered(&pool, queue), b"gun!");
        pool.push(&mut queue, payload.clone());
        pool.drop_behind(&mut queue, 2);
        assert_eq!((gathered(&pool, queue), queue.bytes()), (b"gun!".to_vec(), 4));
        pool.drop_behind(&mut queue, 2);
        assert_eq!(gathered(&pool, queue), b"gun!");
        pool.advance(&mut queue, 3);
        pool.drop_unbegun(&mut queue);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_payload_is_shared_not_copied_and_let_go_when_sent() {
        let mut pool = SendPool::default();
        let payload = Payload::from(&b"publication"[..]);
        let mut queues = [SendQueue::default(); 100];
        for queue in &mut queues {
            pool.push(queue, payload.clone());
        }
        assert_eq!(payload.holders(), 101);
        assert_eq!(pool.only(queues[0]), Some(&b"publication"[..]));
        for queue in &mut queues {
            pool.clear(queue);
        }
        assert_eq!(payload.holders(), 1);
        assert!(pool.nodes.is_empty(), "the memory of a burst goes back");
    }
}
