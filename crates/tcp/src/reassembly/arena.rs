//! Where the chunks of a store lie: chains of them, and a chain of the places that are free.

/// Chunks that one store may keep at most: links have 16 bits, and no window of sensible segments needs more.
pub(super) const CHUNKS_MAX: usize = 16_384;

/// The place of no chunk: the end of a chain.
pub(super) const NONE: u16 = u16::MAX;

const _: () = assert!(CHUNKS_MAX <= NONE as usize, "every place has a number that is not none");

/// A chunk in its chain, or a free place in the chain of those.
#[derive(Debug)]
struct Node<C> {
    chunk: Option<C>,
    next: u16,
}

/// Chunks in chains. Which chains there are, their owner knows.
#[derive(Debug)]
pub(super) struct Arena<C> {
    nodes: Vec<Node<C>>,
    free: u16,
    len: u16,
}

impl<C> Arena<C> {
    /// No chunk, and no memory.
    pub(super) const EMPTY: Self = Self { nodes: Vec::new(), free: NONE, len: 0 };

    /// Keeps a chunk; returns its place, which is a chain of its own.
    ///
    /// # Panics
    /// If there are [`CHUNKS_MAX`] already.
    pub(super) fn keep(&mut self, chunk: C) -> u16 {
        assert!(self.len() < CHUNKS_MAX, "the number of chunks is checked before they are kept");
        self.len += 1;
        let node = Node { chunk: Some(chunk), next: NONE };
        if self.free == NONE {
            self.nodes.push(node);
            return (self.nodes.len() - 1) as u16;
        }
        let place = self.free;
        self.free = std::mem::replace(&mut self.nodes[usize::from(place)], node).next;
        place
    }

    /// Takes the first chunk of a chain out, and makes the next one its first.
    ///
    /// # Panics
    /// If the chain is empty.
    pub(super) fn take(&mut self, first: &mut u16) -> C {
        assert!(*first != NONE && self.len > 0, "an empty chain has nothing to take");
        let node = &mut self.nodes[usize::from(*first)];
        // Only free places are without a chunk, and those are in no chain but their own.
        let chunk = node.chunk.take().expect("a chain consists of chunks");
        let place = std::mem::replace(first, node.next);
        node.next = std::mem::replace(&mut self.free, place);
        self.len -= 1;
        chunk
    }

    /// Hangs the chain that begins at `first` behind `last`, the end of another.
    pub(super) fn link(&mut self, last: u16, first: u16) {
        let node = &mut self.nodes[usize::from(last)];
        assert!(node.next == NONE && node.chunk.is_some(), "a chain goes on where it ends");
        node.next = first;
    }

    /// How many chunks there are.
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// All chunks, in no order.
    pub(super) fn into_chunks(self) -> impl Iterator<Item = C> {
        self.nodes.into_iter().filter_map(|node| node.chunk)
    }

    /// The chunks of the chain that begins at `first`, with their places.
    #[cfg(test)]
    pub(super) fn chain(&self, first: u16) -> impl Iterator<Item = (u16, &C)> {
        let some = |place: u16| (place != NONE).then_some(place);
        let places = std::iter::successors(some(first), move |&place| some(self.nodes[usize::from(place)].next));
        places.map(|place| (place, self.nodes[usize::from(place)].chunk.as_ref().expect("a chain consists of chunks")))
    }

    /// Chunks for which there is memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.nodes.capacity()
    }
}
