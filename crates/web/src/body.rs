//! A request's body on its way into a handler that reads it piece by piece.
//!
//! Handler and connection meet at a *hatch* with room for one piece: the handler asks, the connection reads from the peer, decodes and
//! lays the piece there. Nothing is read before it is asked for, so a slow handler slows its peer down (back-pressure), and a body
//! of any size takes the memory of a piece. A peer that breaks a rule or a deadline ends the handler; it never sees half a body as a
//! whole one.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crore_http::Headers;
use crore_rt::fs::File;

use crate::limits::FILE_SLICE_BYTES;

/// Where a handler takes the pieces of a body that the connection lays down.
#[derive(Debug, Default)]
pub(crate) struct Hatch(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    piece: Option<Vec<u8>>,
    /// The handler waits for a piece.
    is_asked: bool,
    end: End,
    trailers: Option<Headers>,
    reader: Option<Waker>,
    /// The connection's task, to be woken by a handler that asks from another.
    feeder: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// All pieces were laid down.
    Whole,
    /// Nobody lays down any more.
    Abandoned,
}

impl Hatch {
    /// Whether a piece is wanted; if not, the task of `context` is woken when one is.
    pub(crate) fn poll_asked(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.borrow_mut();
        if state.is_asked {
            return Poll::Ready(());
        }
        state.feeder = Some(context.waker().clone());
        Poll::Pending
    }

    /// Lays down a piece that was asked for; an empty one is the end.
    pub(crate) fn put(&self, piece: Vec<u8>) {
        let mut state = self.0.borrow_mut();
        assert!(state.is_asked && state.piece.is_none(), "a piece is laid down when it was asked for");
        state.is_asked = false;
        match piece.is_empty() {
            true => state.end = End::Whole,
            false => state.piece = Some(piece),
        }
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Lays down what follows the body, before its end.
    pub(crate) fn put_trailers(&self, trailers: Option<Headers>) {
        self.0.borrow_mut().trailers = trailers;
    }

    /// The connection lays down nothing more. Says whether all of the body was.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.0.borrow_mut();
        let is_whole = state.end == End::Whole;
        if !is_whole {
            state.end = End::Abandoned;
        }
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        is_whole
    }

    fn poll_piece(&self, context: &Context<'_>) -> Poll<Result<Option<Vec<u8>>, BodyAbandoned>> {
        let mut state = self.0.borrow_mut();
        if let Some(piece) = state.piece.take() {
            return Poll::Ready(Ok(Some(piece)));
        }
        match state.end {
            End::Whole => return Poll::Ready(Ok(None)),
            End::Abandoned => return Poll::Ready(Err(BodyAbandoned)),
            End::Open => {}
        }
        state.is_asked = true;
        state.reader = Some(context.waker().clone());
        let feeder = state.feeder.take().filter(|feeder| !feeder.will_wake(context.waker()));
        drop(state);
        feeder.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

/// A body that is read piece by piece. See [`Request::reader`](crate::Request::reader).
#[derive(Debug)]
pub struct BodyReader {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Whole(Vec<u8>, Option<Box<Headers>>),
    Hatch(Rc<Hatch>),
}

impl BodyReader {
    pub(crate) fn of_whole(body: Vec<u8>) -> Self {
        BodyReader { source: Source::Whole(body, None) }
    }

    pub(crate) fn with_trailers(body: Vec<u8>, trailers: Option<Headers>) -> Self {
        BodyReader { source: Source::Whole(body, trailers.map(Box::new)) }
    }

    pub(crate) fn of_hatch(hatch: Rc<Hatch>) -> Self {
        BodyReader { source: Source::Hatch(hatch) }
    }

    pub(crate) fn whole(&self) -> &[u8] {
        match &self.source {
            Source::Whole(body, _) => body,
            Source::Hatch(_) => &[],
        }
    }

    pub(crate) fn into_whole(self) -> Vec<u8> {
        match self.source {
            Source::Whole(body, _) => body,
            Source::Hatch(_) => Vec::new(),
        }
    }

    /// The fields that followed the body, if there were any; there are none before its end was read. They are never merged into the
    /// headers, because what a proxy has decided by those may not change afterwards.
    pub fn trailers(&mut self) -> Option<Headers> {
        match &mut self.source {
            Source::Whole(_, trailers) => trailers.take().map(|trailers| *trailers),
            Source::Hatch(hatch) => hatch.0.borrow_mut().trailers.take(),
        }
    }

    /// The next piece, decoded, at most 16 KiB of a streamed body; none at the end. One copy.
    ///
    /// # Errors
    /// The connection is over, or its request was answered, before all of the body had come.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, BodyAbandoned> {
        match &mut self.source {
            Source::Whole(body, _) => Ok(Some(std::mem::take(body)).filter(|body| !body.is_empty())),
            Source::Hatch(hatch) => poll_fn(|context| hatch.poll_piece(context)).await,
        }
    }
}

impl BodyReader {
    /// Writes the rest of the body to a file, at its end, piece by piece: how many bytes they were. The peer sends no faster than the
    /// disk takes them.
    ///
    /// # Errors
    /// Those of writing; [`io::ErrorKind::UnexpectedEof`] if the body does not come to its end.
    pub async fn save(&mut self, file: &File) -> io::Result<u64> {
        let (mut saved, mut gathered) = (0, Vec::new());
        loop {
            let piece = self.next().await.map_err(|error| io::Error::new(io::ErrorKind::UnexpectedEof, error))?;
            let is_last = piece.is_none();
            gathered.extend_from_slice(&piece.unwrap_or_default());
            if is_last || gathered.len() >= FILE_SLICE_BYTES {
                saved += gathered.len() as u64;
                let (appended, buffer) = file.append(gathered).await;
                appended?;
                gathered = buffer;
                gathered.clear();
            }
            if is_last {
                return Ok(saved);
            }
        }
    }
}

/// The rest of a body will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyAbandoned;

impl fmt::Display for BodyAbandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was over before all of its body had come")
    }
}

impl std::error::Error for BodyAbandoned {}
