//! The TLS sessions of one core, by the connections they belong to.
//!
//! A session is added when its stream is secured and leaves when the stream is dropped; it outlives the connection below if that
//! ends first. Handles carry generations, so a new connection in an old slot finds nothing of the old one's.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;

use super::{Secured, session::Output};
use crate::driver::ConnectionId;

/// All sessions of a core. Empty, it is not looked into.
#[derive(Default)]
pub(crate) struct Table {
    /// How many there are, beside the map: who asks for one where there is none reads a word.
    count: Cell<usize>,
    sessions: RefCell<HashMap<ConnectionId, Box<Secured>>>,
    /// Where plaintext and records are made before they go where they belong.
    scratch: RefCell<Output>,
}

impl Table {
    /// The session of a connection, if it has one.
    #[inline]
    pub(crate) fn of(&self, connection: ConnectionId) -> Option<RefMut<'_, Secured>> {
        if self.count.get() == 0 {
            return None;
        }
        self.find(connection)
    }

    fn find(&self, connection: ConnectionId) -> Option<RefMut<'_, Secured>> {
        let found = RefMut::filter_map(self.sessions.borrow_mut(), |sessions| sessions.get_mut(&connection));
        found.ok().map(|session| RefMut::map(session, |session| &mut **session))
    }

    /// Adds the session of a connection, which has none yet.
    pub(crate) fn insert(&self, connection: ConnectionId, secured: Secured) {
        let before = self.sessions.borrow_mut().insert(connection, Box::new(secured));
        assert!(before.is_none(), "a stream is secured once");
        self.count.set(self.count.get() + 1);
    }

    /// Takes the session of a connection out, if it has one.
    pub(crate) fn remove(&self, connection: ConnectionId) -> Option<Box<Secured>> {
        if self.count.get() == 0 {
            return None;
        }
        let mut sessions = self.sessions.borrow_mut();
        let removed = sessions.remove(&connection)?;
        if sessions.is_empty() {
            // After a storm its memory goes back.
            *sessions = HashMap::new();
        }
        self.count.set(sessions.len());
        Some(removed)
    }

    /// The core's scratch space, empty.
    pub(super) fn scratch(&self) -> RefMut<'_, Output> {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        scratch
    }
}
