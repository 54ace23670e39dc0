//! A response whose body is still being received.
//!
//! The body is lent piece by piece from the buffer that it was received into, so a response of any length takes one receive buffer.
//! Who does not ask for the next piece stops the sender: bytes wait in the kernel, and its window closes.

use std::ops::Range;

use crore_base::time::Instant;
use crore_http::{BodyLength, HttpError, Limits, ResponseEvent, ResponseHead, ResponseReader, Status};
use crore_rt::time;

use super::link::{Home, Link};
use super::{Answer, ClientError};

/// A response under way. Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct Download<'a> {
    head: ResponseHead,
    reader: ResponseReader,
    /// The connection, until the response has ended.
    link: Option<(Link, Home<'a>)>,
    /// Bytes of the input that the last piece took.
    lent: usize,
    /// The connection may carry another request, as far as is known.
    goes_on: bool,
    deadline: Instant,
    limits: Limits,
    to_head: bool,
}

impl<'a> Download<'a> {
    #[expect(clippy::too_many_arguments, reason = "the parts of an upload, which becomes this")]
    pub(super) fn new(
        head: ResponseHead,
        reader: ResponseReader,
        link: Link,
        home: Home<'a>,
        goes_on: bool,
        deadline: Instant,
        limits: Limits,
        to_head: bool,
    ) -> Self {
        let link = Some((link, home));
        let mut download = Download { head, reader, link, lent: 0, goes_on, deadline, limits, to_head };
        // A response without a body gives its connection back at once, however long its head is kept.
        if matches!(download.head.body(to_head), Ok(BodyLength::None | BodyLength::Fixed(0))) {
            let done = download.reader.on_input(&[]);
            assert!(matches!(done, Ok((0, Some(ResponseEvent::Done)))), "a body of no bytes is complete");
            download.end();
        }
        download
    }

    /// The head.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.head.status()
    }

    /// The next piece of the body, decoded, at most 16 KiB, lent until the next call; none at the end. Copies nothing. Ask until there
    /// is none: only then the connection can serve the next request.
    ///
    /// # Errors
    /// The connection ended in the middle, the body is malformed, or the deadline for the whole response has come.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, ClientError> {
        let Some((link, _)) = &mut self.link else { return Ok(None) };
        link.input.advance(std::mem::take(&mut self.lent));
        match read(link, &mut self.reader, &mut self.goes_on, self.deadline).await {
            Err(error) => {
                self.link = None;
                Err(error)
            }
            Ok(None) => {
                self.end();
                Ok(None)
            }
            Ok(Some((data, consumed))) => {
                self.lent = consumed;
                let (link, _) = self.link.as_ref().expect("a piece stands in the input of the connection");
                Ok(Some(&link.input.bytes()[data]))
            }
        }
    }

    /// The whole response, with a body of at most [`Limits::body_bytes`].
    ///
    /// # Errors
    /// As [`chunk`](Download::chunk); [`HttpError::BodyTooLarge`], before anything is read if the length is declared.
    pub async fn whole(mut self) -> Result<Answer, ClientError> {
        let limit = self.limits.body_bytes;
        if let BodyLength::Fixed(length) = self.head.body(self.to_head)?
            && length > limit
        {
            return Err(HttpError::BodyTooLarge { length, limit }.into());
        }
        let mut body = Vec::new();
        while let Some(piece) = self.chunk().await? {
            let length = (body.len() + piece.len()) as u64;
            if length > limit {
                return Err(HttpError::BodyTooLarge { length, limit }.into());
            }
            body.extend_from_slice(piece);
        }
        Ok(Answer { head: self.head, body })
    }

    /// Reads and drops a body of at most `bytes_max` bytes, so that the connection can be used again; a longer one costs the
    /// connection.
    pub(super) async fn skip(mut self, bytes_max: usize) {
        let mut left = bytes_max;
        while let Ok(Some(piece)) = self.chunk().await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    /// The response has ended: the connection goes home, or is closed.
    fn end(&mut self) {
        if let Some((link, home)) = self.link.take()
            && self.goes_on
            && link.input.is_empty()
        {
            home.take_back(link);
        }
    }
}

/// Which bytes of the input are the next piece, and how many of it are dealt with then; none at the end.
async fn read(
    link: &mut Link,
    reader: &mut ResponseReader,
    goes_on: &mut bool,
    deadline: Instant,
) -> Result<Option<(Range<usize>, usize)>, ClientError> {
    loop {
        let (consumed, event) = reader.on_input(link.input.bytes())?;
        if let Some(ResponseEvent::Data(data)) = event {
            assert!(consumed > 0 && data.end <= consumed, "a piece is part of what was consumed");
            return Ok(Some((data, consumed)));
        }
        link.input.advance(consumed);
        if reader.is_done() {
            return Ok(None);
        }
        if event.is_none() {
            let lease = time::deadline(deadline, link.stream.recv()).await??;
            if lease.is_empty() {
                reader.on_end()?;
                *goes_on = false;
                return Ok(None);
            }
            link.input = lease.into();
        }
    }
}
