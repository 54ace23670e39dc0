//! A connection with the traits of others: hyper's, and those of `futures-io`.
//!
//! Reading copies from a leased buffer into the caller's, or lends the buffer itself ([`AsyncBufRead`]). Writing copies into one payload of
//! the send queue, and waits while that is more than half full. Flushing is done at once: what is queued leaves at the end of the
//! turn by itself. An [`Io`] belongs to its core, as its stream does.
//!
//! Invariant: a lease is kept only while some of it is unread, which is when the reader was given all that it had asked for.

use std::future::Future;
use std::io::{IoSlice, Result};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use crore_rt::net::{Lease, SendError, TcpStream};
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use hyper::rt::ReadBufCursor;

use crate::limits::WRITE_BYTES_MAX;

/// A TCP connection for other people's protocols.
#[derive(Debug)]
pub struct Io {
    stream: TcpStream,
    /// Received bytes of which some are unread.
    lease: Option<Lease>,
    /// How many of them are read.
    read: usize,
    has_ended: bool,
}

impl From<TcpStream> for Io {
    fn from(stream: TcpStream) -> Self {
        Io { stream, lease: None, read: 0, has_ended: false }
    }
}

impl Io {
    /// The stream, and what was received on it and not yet read.
    pub fn into_parts(self) -> (TcpStream, Box<[u8]>) {
        let rest = self.lease.as_ref().map(|lease| Box::from(&lease[self.read..])).unwrap_or_default();
        (self.stream, rest)
    }

    /// The stream, for its addresses and settings. Bytes that are taken from it are lost to the [`Io`].
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Unread bytes; none of them at the end of the stream.
    fn poll_bytes(&mut self, context: &Context<'_>) -> Poll<Result<&[u8]>> {
        if self.lease.is_none() && !self.has_ended {
            let lease = ready!(self.stream.poll_recv(context))?;
            self.has_ended = lease.is_empty();
            (self.lease, self.read) = ((!self.has_ended).then_some(lease), 0);
        }
        Poll::Ready(Ok(self.lease.as_ref().map_or(&[], |lease| &lease[self.read..])))
    }

    /// Marks bytes as read.
    fn advance(&mut self, bytes: usize) {
        let Some(lease) = &self.lease else {
            assert_eq!(bytes, 0, "at the end of the stream there is nothing to read");
            return;
        };
        assert!(bytes <= lease.len() - self.read, "only what is there can be read");
        self.read += bytes;
        if self.read == lease.len() {
            self.lease = None;
        }
    }

    /// Enqueues as much of `bytes` as there is room for, once the queue is at most half full.
    fn poll_enqueue(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // The wait has no state of its own, so each poll may begin another.
        ready!(pin!(self.stream.sendable()).poll(context)).map_err(std::io::Error::from)?;
        let mut length = bytes.len();
        Poll::Ready(loop {
            match self.stream.send(&bytes[..length]) {
                Ok(()) => break Ok(length),
                // Half of a small queue is less than was asked for.
                Err(SendError::Full { .. }) if length > 1 => length /= 2,
                Err(error) => break Err(error.into()),
            }
        })
    }

    /// As [`poll_enqueue`](Io::poll_enqueue), for bytes in pieces: they leave as one.
    fn poll_enqueue_all(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        let mut filled = pieces.iter().filter(|piece| !piece.is_empty());
        let Some(first) = filled.next() else { return Poll::Ready(Ok(0)) };
        if first.len() >= WRITE_BYTES_MAX || filled.next().is_none() {
            return self.poll_enqueue(context, bounded(first));
        }
        ready!(pin!(self.stream.sendable()).poll(context)).map_err(std::io::Error::from)?;
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>().min(WRITE_BYTES_MAX);
        let mut bytes = Vec::with_capacity(length);
        for piece in pieces {
            let room = length - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        self.poll_enqueue(context, &bytes)
    }
}

fn bounded(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(WRITE_BYTES_MAX)]
}

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        let bytes = ready!(self.poll_bytes(context))?;
        let length = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..length]);
        self.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.poll_enqueue(context, bounded(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream.shutdown();
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.poll_enqueue_all(context, pieces)
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let bytes = ready!(self.poll_bytes(context))?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.advance(length);
        Poll::Ready(Ok(length))
    }
}

impl AsyncBufRead for Io {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<&[u8]>> {
        self.get_mut().poll_bytes(context)
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        self.advance(bytes);
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.poll_enqueue(context, bounded(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.poll_enqueue_all(context, pieces)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream.shutdown();
        Poll::Ready(Ok(()))
    }
}
