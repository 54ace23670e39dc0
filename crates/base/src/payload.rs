//! Bytes that many may hold: encoded once, then shared by every queue that still has to send them.
//!
//! A [`Payload`] belongs to one core: it is counted without atomics and cannot leave its thread. A [`Parcel`] may cross
//! cores. Going from one to the other copies the bytes, so it is an explicit step ([`Payload::to_parcel`],
//! [`Parcel::to_payload`]): one copy for each core that a publication visits, none for each of its subscribers.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::limits::PAYLOAD_DEBUG_BYTES_MAX;

/// Shared bytes of one core. Cloning counts up an ordinary integer and copies no bytes; 16 bytes a holder.
///
/// Making one allocates once (bytes and count together) and copies the bytes once.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Payload(Rc<[u8]>);

impl Payload {
    /// How many hold these bytes, this one included: at least 1.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// Whether both are the same bytes at the same place, not merely equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The bytes in a form that may go to another core. Allocates and copies them once.
    pub fn to_parcel(&self) -> Parcel {
        Parcel(Arc::from(&self.0[..]))
    }
}

/// Shared bytes that may cross cores. Cloning is one atomic addition; 16 bytes a holder.
///
/// Turn it into a [`Payload`] where it is to be shared by many, so that their counting stays on their core.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Parcel(Arc<[u8]>);

impl Parcel {
    /// The bytes as this core's own. Allocates and copies them once.
    pub fn to_payload(&self) -> Payload {
        Payload(Rc::from(&self.0[..]))
    }
}

/// What both types share: reading, making, comparing with and showing bytes.
macro_rules! bytes_like {
    ($name:ident, $count:ident) => {
        impl Deref for $name {
            type Target = [u8];
            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self($count::from(bytes))
            }
        }

        impl From<Box<[u8]>> for $name {
            fn from(bytes: Box<[u8]>) -> Self {
                Self($count::from(bytes))
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self($count::from(bytes))
            }
        }

        impl<const N: usize> From<&[u8; N]> for $name {
            fn from(bytes: &[u8; N]) -> Self {
                Self($count::from(&bytes[..]))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self($count::from(text.as_bytes()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self($count::from(text.into_bytes()))
            }
        }

        impl PartialEq<[u8]> for $name {
            fn eq(&self, other: &[u8]) -> bool {
                self.0[..] == *other
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown = &self.0[..self.0.len().min(PAYLOAD_DEBUG_BYTES_MAX)];
                let more = if shown.len() < self.0.len() { "..." } else { "" };
                write!(f, "{}({} bytes: \"{}\"{more})", stringify!($name), self.0.len(), shown.escape_ascii())
            }
        }
    };
}

bytes_like!(Payload, Rc);
bytes_like!(Parcel, Arc);

#[cfg(test)]
mod tests;
