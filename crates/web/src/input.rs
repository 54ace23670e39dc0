//! Bytes that were received and not yet read.
//!
//! A lease holds one of the core's few receive buffers, so it is kept only while nobody waits: whatever may wait first
//! [settles](Input::settle) the input, which copies what is left of the lease into a box and gives the lease back. Each
//! byte is copied so at most once.

use crore_rt::net::Lease;

/// What was received. Empty while nothing is left of it; then it owns nothing.
#[derive(Debug, Default)]
pub(crate) struct Input {
    source: Source,
    /// Bytes of the source that were read.
    read: usize,
}

#[derive(Debug, Default)]
enum Source {
    #[default]
    Nothing,
    Lease(Lease),
    Boxed(Box<[u8]>),
}

impl From<Lease> for Input {
    fn from(lease: Lease) -> Self {
        Input { source: Source::Lease(lease), read: 0 }
    }
}

impl Input {
    /// What is left.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.source {
            Source::Nothing => &[],
            Source::Lease(lease) => &lease[self.read..],
            Source::Boxed(bytes) => &bytes[self.read..],
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Marks bytes as read; gives back what held them when none is left.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let left = self.bytes().len();
        assert!(bytes <= left, "only what is there can be read");
        self.read += bytes;
        if bytes == left {
            *self = Input::default();
        }
    }

    /// Gives the lease back; what is left of it moves to a box.
    pub(crate) fn settle(&mut self) {
        if let Source::Lease(_) = self.source {
            let rest = Box::from(self.bytes());
            *self = Input { source: Source::Boxed(rest), read: 0 };
        }
    }

    /// What is left, to keep.
    pub(crate) fn into_rest(self) -> Box<[u8]> {
        match self {
            Input { source: Source::Boxed(bytes), read: 0 } => bytes,
            other => Box::from(other.bytes()),
        }
    }
}
