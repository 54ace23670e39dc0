//! The compressor and the decompressor of a core, shared by its WebSockets.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crore_base::payload::Payload;
use crore_http::ws::{DeflateOptions, DeflateSide, Deflater, History, Inflater, Opcode};

/// `permessage-deflate` for the WebSockets of a core; clones are the same. Make one for each core: until the first compressed
/// message it owns nothing, then some 310 KiB, whatever the number of connections.
#[derive(Clone)]
pub struct Compression(Rc<Codecs>);

struct Codecs {
    options: DeflateOptions,
    deflater: RefCell<Deflater>,
    /// Away while a message is lent from it; who needs one meanwhile gets another.
    inflater: Cell<Inflater>,
}

impl Compression {
    /// Compression with these options.
    pub fn new(options: DeflateOptions) -> Self {
        let deflater = RefCell::new(Deflater::new(&options));
        Compression(Rc::new(Codecs { options, deflater, inflater: Cell::default() }))
    }

    /// What it was made with.
    pub fn options(&self) -> DeflateOptions {
        self.0.options
    }

    /// A whole message as one compressed frame of a server, to be enqueued on every connection whose
    /// [terms](crate::WebSocket::deflate) name this side, and on no other: fan-out compresses once. None if the message is
    /// to be sent as it is, or if the side keeps its context, which cannot be shared.
    ///
    /// # Panics
    /// If `opcode` is neither text nor binary.
    pub fn encode(&self, opcode: Opcode, message: &[u8], side: DeflateSide) -> Option<Payload> {
        if side.keeps_context {
            return None;
        }
        self.deflated(opcode, message, side, None, None, |frame| Payload::from(frame))
    }

    /// Compresses a message and lends its frame.
    pub(super) fn deflated<R>(
        &self,
        opcode: Opcode,
        message: &[u8],
        side: DeflateSide,
        history: Option<&mut History>,
        key: Option<[u8; 4]>,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let mut deflater = self.0.deflater.borrow_mut();
        let taken = deflater.encode(opcode, message, side, history, key).map(take);
        deflater.trim();
        taken
    }

    /// Takes the decompressor out; to be put back.
    pub(super) fn take_inflater(&self) -> Inflater {
        self.0.inflater.take()
    }

    pub(super) fn put_inflater(&self, mut inflater: Inflater) {
        inflater.trim();
        self.0.inflater.set(inflater);
    }
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compression").field(&self.0.options).finish()
    }
}
