//! A response's body on its way out of a handler that writes it piece by piece.
//!
//! Each piece is enqueued on the connection as it is, with its frame of a chunk where the length is not known; before it, the writer
//! waits until the peer has taken enough of the earlier ones. Nothing is gathered here.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_http::{Fields, LAST_CHUNK, TrailerError, chunk, chunk_head, encode_trailers};
use crore_rt::net::{SendError, StreamId};
use crore_rt::time;

use crate::limits::BODY_COPIED_BYTES_MAX;

/// What writes the body of a response.
pub(crate) type Produce = Box<dyn FnOnce(BodyWriter) -> Producing>;
/// A body being written.
pub(crate) type Producing = Pin<Box<dyn Future<Output = Result<(), WriteError>>>>;

/// How the body ends, on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// With the last of so many bytes.
    Bytes(u64),
    /// With the last chunk.
    Chunks,
    /// With the connection.
    Connection,
}

/// The end of the connection that takes a body.
#[derive(Debug)]
pub struct BodyWriter {
    stream: StreamId,
    state: Rc<State>,
}

#[derive(Debug)]
struct State {
    extent: Cell<Extent>,
    /// What ends the body, if it has trailers.
    end: RefCell<Option<Vec<u8>>>,
    patience: Duration,
}

/// Why a body ends before its end. The connection ends with it, so that the peer cannot take the part for the whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The peer is gone.
    Gone,
    /// The peer did not read for as long as [`ServerOptions::write_timeout`](crate::ServerOptions) allows.
    SlowReader,
    /// More bytes than were announced, or fewer.
    Length {
        /// Bytes that are still missing, or that would be too many.
        off_by: u64,
    },
    /// What the body is made from has failed.
    Source(Box<dyn std::error::Error>),
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WriteError::Gone => f.write_str("the peer is gone"),
            WriteError::SlowReader => f.write_str("the peer does not read"),
            WriteError::Length { off_by } => write!(f, "the body is {off_by} bytes off the length that was announced"),
            WriteError::Source(error) => write!(f, "the body's source failed: {error}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> WriteError {
        WriteError::Source(Box::new(error))
    }
}

impl From<TrailerError> for WriteError {
    fn from(error: TrailerError) -> WriteError {
        WriteError::Source(Box::new(error))
    }
}

impl BodyWriter {
    pub(crate) fn new(stream: StreamId, extent: Extent, patience: Duration) -> BodyWriter {
        let state = State { extent: Cell::new(extent), end: RefCell::default(), patience };
        BodyWriter { stream, state: Rc::new(state) }
    }

    /// The same writer in the server's hands, which ends the body when the handler's is done.
    pub(crate) fn twin(&self) -> BodyWriter {
        BodyWriter { stream: self.stream, state: Rc::clone(&self.state) }
    }

    /// Enqueues a piece once the peer has taken enough of the earlier ones; long ones are not copied. An empty piece is nothing.
    ///
    /// # Errors
    /// The peer is gone, does not read, or the piece is longer than what is left of the announced length. `?` in the handler
    /// is the right answer: the connection then ends.
    pub async fn send(&mut self, piece: impl Into<Payload>) -> Result<(), WriteError> {
        let piece = piece.into();
        let length = piece.len();
        if length == 0 {
            return Ok(());
        }
        match self.state.extent.get() {
            Extent::Connection => self.enqueue(piece).await,
            Extent::Chunks if length <= BODY_COPIED_BYTES_MAX => self.enqueue(chunk(&piece).into()).await,
            Extent::Chunks => {
                self.enqueue(chunk_head(length).into()).await?;
                self.enqueue(piece).await?;
                self.enqueue((&b"\r\n"[..]).into()).await
            }
            Extent::Bytes(left) => {
                let Some(left) = left.checked_sub(length as u64) else {
                    return Err(WriteError::Length { off_by: length as u64 - left });
                };
                self.state.extent.set(Extent::Bytes(left));
                self.enqueue(piece).await
            }
        }
    }

    /// Fields that follow the body (RFC 9110, section 6.5); dropped where the peer could not know them: they need chunks.
    ///
    /// # Errors
    /// A field that may stand in a head only.
    pub fn trailers(&mut self, trailers: &Fields) -> Result<(), TrailerError> {
        *self.state.end.borrow_mut() = Some(encode_trailers(trailers)?);
        Ok(())
    }

    /// The connection's weak name.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Ends the body.
    pub(crate) async fn finish(&self) -> Result<(), WriteError> {
        match self.state.extent.get() {
            Extent::Bytes(0) | Extent::Connection => Ok(()),
            Extent::Bytes(left) => Err(WriteError::Length { off_by: left }),
            Extent::Chunks => {
                let end = self.state.end.take().map_or_else(|| LAST_CHUNK.into(), Payload::from);
                self.enqueue(end).await
            }
        }
    }

    async fn enqueue(&self, piece: Payload) -> Result<(), WriteError> {
        loop {
            match self.stream.send(piece.clone()) {
                Ok(()) => return Ok(()),
                Err(SendError::Closed) => return Err(WriteError::Gone),
                Err(SendError::Full { .. }) => {}
            }
            // An empty queue takes any piece.
            match time::timeout(self.state.patience, self.stream.flushed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(WriteError::Gone),
                Err(_) => return Err(WriteError::SlowReader),
            }
        }
    }
}
