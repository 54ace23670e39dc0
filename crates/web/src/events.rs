//! A stream of server-sent events, written by a handler.
//!
//! For streams that a handler makes itself, one task a stream. Where one event goes to very many, a [takeover](crate::Response::takeover)
//! costs less: it leaves nothing but the connection and what the program keeps for it.

use crore_http::sse::{self, SseError};

use crate::response::Response;
use crate::writer::{BodyWriter, WriteError};

/// The peer of a stream of events. See [`Response::events`].
#[derive(Debug)]
pub struct Events {
    writer: BodyWriter,
}

impl Events {
    /// Sends data; `id` is what the client will name as the last that it has seen when it comes back. Waits while the peer does not
    /// read.
    ///
    /// # Errors
    /// The peer is gone or does not read. An id with a line end or NUL is the program's mistake, and ends the stream.
    pub async fn send(&mut self, data: &str, id: Option<&str>) -> Result<(), WriteError> {
        self.send_named(None, data, id).await
    }

    /// As [`send`](Events::send), with the name of the event.
    ///
    /// # Errors
    /// As [`send`](Events::send).
    pub async fn send_named(&mut self, name: Option<&str>, data: &str, id: Option<&str>) -> Result<(), WriteError> {
        let malformed = |error: SseError| WriteError::Source(Box::new(error));
        self.writer.send(sse::encode(name, id, data, None).map_err(malformed)?).await
    }

    /// Sends a comment, which clients do not see: it keeps proxies from ending a stream that is silent.
    ///
    /// # Errors
    /// As [`send`](Events::send).
    pub async fn keep_alive(&mut self) -> Result<(), WriteError> {
        self.writer.send(&b":\n\n"[..]).await
    }
}

impl Response {
    /// 200 with a stream of events that `produce` sends. It is dropped when the peer goes away; when it returns, the stream ends, and a
    /// browser comes back. End it when the [drain](crate::Drain::started) starts.
    pub fn events<F>(produce: impl FnOnce(Events) -> F + 'static) -> Self
    where
        F: Future<Output = Result<(), WriteError>> + 'static,
    {
        let response = Response::stream(sse::CONTENT_TYPE, |writer| produce(Events { writer }));
        response.with("Cache-Control", "no-store").expect("a constant without control characters")
    }
}
