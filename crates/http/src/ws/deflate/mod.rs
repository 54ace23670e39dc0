//! `permessage-deflate` (RFC 7692): what it costs, and what two sides agree on.
//!
//! A message is compressed as a whole and inflated as a whole, so compressor and decompressor belong to the core and not to
//! the connection: one [`Deflater`] and one [`Inflater`] serve any number of them, and are arguments wherever they are needed.
//! What a connection itself remembers from one message to the next, its *context*, is a [`History`] of the last bytes. By
//! default there is none: both sides are told to begin anew with each message (section 7.1.1), so that a connection that
//! waits owns nothing, and a message that was compressed once can be sent to all.
//!
//! Not here: windows of 256 bytes for what we send (zlib's compressors have none), other extensions.

use crate::limits::DEFLATE_BYTES_MIN;

use super::Role;

mod deflater;
mod extension;
mod history;
mod inflater;
mod negotiation;

pub use deflater::Deflater;
pub use history::History;
pub(super) use inflater::compressed_bytes_max;
pub use inflater::{Inflater, Inflating};
pub(super) use negotiation::{agree, check, offer, response};

#[cfg(test)]
mod tests;

/// The header of the negotiation.
pub(super) const FIELD: &str = "Sec-WebSocket-Extensions";

/// Windows have 2 to the power of this, in bytes, at most.
const WINDOW_BITS_MAX: u8 = 15;
/// The smallest window that our compressor has. One of 8 bits exists, and may be asked for.
const WINDOW_BITS_MIN: u8 = 9;

/// How one side compresses, if the other wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// Effort: 1 is the fastest, 9 the smallest; default 3.
    pub level: u8,
    /// Bytes below which a message is sent as it is; default 128. With 0 every message is compressed, also one that becomes
    /// longer: for peers that expect it.
    pub bytes_min: u32,
    /// Whether messages may refer to those before them; default no. It makes short, similar messages several times smaller,
    /// and costs each connection up to 32 KiB in each direction, each message the time to read them in again (some 30 µs), and
    /// that no two connections can share a compressed message.
    pub context_takeover: bool,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        DeflateOptions { level: 3, bytes_min: DEFLATE_BYTES_MIN, context_takeover: false }
    }
}

/// How one side's messages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateSide {
    /// They refer to at most 2 to the power of this bytes before; 8 to 15. With 8 nothing of ours is compressed.
    pub window_bits: u8,
    /// They may refer to messages before them, so a [`History`] is needed.
    pub keeps_context: bool,
}

/// What both sides of a connection have agreed on. Connections with the same terms and no context can share frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateTerms {
    server: DeflateSide,
    client: DeflateSide,
    /// The client has limited the server's window, and must be answered so.
    names_server_window: bool,
}

impl DeflateTerms {
    /// How the messages are compressed that `role` sends.
    pub fn sent_by(&self, role: Role) -> DeflateSide {
        match role {
            Role::Server => self.server,
            Role::Client => self.client,
        }
    }

    /// How the messages are compressed that `role` receives.
    pub fn received_by(&self, role: Role) -> DeflateSide {
        match role {
            Role::Server => self.client,
            Role::Client => self.server,
        }
    }
}

const _: () = assert!(size_of::<Option<DeflateTerms>>() <= 8, "a waiting connection remembers its terms");
