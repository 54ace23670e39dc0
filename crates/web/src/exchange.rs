//! Requests and responses on one connection, from where serving them [at once](crate::prompt) ended until the connection waits again.
//!
//! Everything that costs memory is in this future. It is boxed, and gone when the connection waits, closes, or is
//! taken over. Requests are answered in the order in which they came; one is under way at a time.

use std::rc::Rc;

use crore_base::time::Instant;
use crore_http::{BodyLength, ConnectionField, Framing, HeadReader, RequestHead, Status, Version};
use crore_rt::net::TcpStream;
use crore_rt::time;

use crate::answer::About;
use crate::application::{Found, Handling};
use crate::body::BodyReader;
use crate::feed::Feed;
use crate::input::Input;
use crate::request::Request;
use crate::response::{Body, Response, Stream, Takeover};
use crate::server::Shared;
use crate::wire::{Failure, Wire};
use crate::writer::{BodyWriter, Extent, WriteError};

/// Where an exchange begins.
pub(crate) struct Start {
    /// Received and not yet read.
    pub(crate) input: Input,
    /// Gathered and not yet enqueued.
    pub(crate) output: Vec<u8>,
    pub(crate) stage: Stage,
}

/// How far a request is.
pub(crate) enum Stage {
    /// Its head is being read.
    Head(HeadReader),
    /// Its head is there.
    Request(RequestHead),
    /// Its handler is at work.
    Handling(About, Handling),
    /// Its answer is there.
    Answer(About, Response),
    /// It is answered, and what was gathered has yet to leave.
    Answered,
    /// It is answered, and the last.
    Closing,
    /// It cannot be served.
    Failed(Failure),
}

/// What follows an answer.
enum Next {
    /// Another request may come.
    Request,
    /// The answer was the last.
    Close,
    /// The connection is no longer ours.
    Takeover(Takeover),
}

/// Serves what has begun and what follows; returns the stream when it waits for the next request.
pub(crate) async fn exchange<S: 'static>(
    stream: TcpStream,
    start: Start,
    mut deadline: Instant,
    shared: Rc<Shared<S>>,
) -> Option<TcpStream> {
    let Start { input, output, mut stage } = start;
    let mut wire = Wire::new(stream, input, output, &shared.options, shared.pen());
    loop {
        let mut served = serve(&mut wire, stage, deadline, &shared).await;
        if !matches!(served, Ok(Next::Request) if !wire.is_drained()) {
            served = match wire.flush().await {
                Err(failure) => Err(failure),
                Ok(()) => served,
            };
        }
        match served {
            Ok(Next::Request) if wire.is_drained() => return Some(wire.into_parts().0),
            Ok(Next::Request) => {
                deadline = time::now() + shared.options.head_timeout;
                stage = Stage::Head(HeadReader::new(&shared.options.http));
            }
            Ok(Next::Close) => {
                wire.linger().await;
                return None;
            }
            Ok(Next::Takeover(takeover)) => {
                shared.counter.add(|counts| &mut counts.taken_over);
                let (stream, unread) = wire.into_parts();
                takeover(stream, unread);
                return None;
            }
            Err(failure) => {
                shared.note(&failure);
                let response = last_words(&failure)?;
                answer(&mut wire, response, About::NOTHING, false).await.ok()?;
                wire.linger().await;
                return None;
            }
        }
    }
}

/// Takes a request from where it is to its answer.
async fn serve<S: 'static>(
    wire: &mut Wire<'_>,
    stage: Stage,
    deadline: Instant,
    shared: &Rc<Shared<S>>,
) -> Result<Next, Failure> {
    let stage = match stage {
        Stage::Head(reader) => Stage::Request(wire.head(reader, deadline).await?),
        later => later,
    };
    match stage {
        Stage::Head(_) => unreachable!("it was read"),
        // In a box of its own, so that a long poll, which comes here with its handler at work, does not pay for it.
        Stage::Request(head) => Box::pin(request(wire, head, shared)).await,
        Stage::Handling(about, handling) => {
            let response = wire.attend(handling, None).await?;
            shared.counter.add(|counts| &mut counts.requests);
            answer(wire, response, about, !shared.drain.is_started()).await
        }
        Stage::Answer(about, response) => answer(wire, response, about, !shared.drain.is_started()).await,
        Stage::Answered => Ok(Next::Request),
        Stage::Closing => Ok(Next::Close),
        Stage::Failed(failure) => Err(failure),
    }
}

/// Answers the request with this head.
async fn request<S: 'static>(wire: &mut Wire<'_>, head: RequestHead, shared: &Rc<Shared<S>>) -> Result<Next, Failure> {
    let about = About::of(&head);
    let application = &shared.application;
    let state = || Rc::clone(application.state());
    let (endpoint, parameters) = match application.find(&head) {
        Found::Handler(endpoint, parameters) => (endpoint, parameters),
        Found::Nobody(response) => {
            shared.counter.add(|counts| &mut counts.unrouted);
            // A body that nobody asked for is not read, so nothing can follow it.
            let keeps = head.body() == BodyLength::None && !shared.drain.is_started();
            if !application.has_middleware() {
                return answer(wire, response, about, keeps).await;
            }
            let body = BodyReader::of_whole(Vec::new());
            let request = Request::new(head, body, Default::default(), state(), wire.stream().id());
            let response = wire.attend(application.handle_miss(response, request), None).await?;
            return answer(wire, response, about, keeps).await;
        }
    };
    let bytes_max = endpoint.body_bytes_max.unwrap_or(shared.options.http.body_bytes);
    let mut feed = Feed::new(&head, bytes_max, &shared.options)?;
    let streams = endpoint.streams && !feed.is_done();
    let body = match streams {
        true => BodyReader::of_hatch(Rc::clone(feed.hatch())),
        false if feed.is_done() => BodyReader::of_whole(Vec::new()),
        false => {
            let body = wire.body(&mut feed).await?;
            BodyReader::with_trailers(body, feed.take_trailers())
        }
    };
    let request = Request::new(head, body, parameters, state(), wire.stream().id());
    let handling = application.handle(endpoint, request);
    let attended = wire.attend(handling, streams.then_some(&mut feed)).await;
    // What the handler has not read of the body is not read any more, so nothing can follow it.
    let is_read = !streams || feed.hatch().close();
    let response = attended?;
    shared.counter.add(|counts| &mut counts.requests);
    answer(wire, response, about, is_read && !shared.drain.is_started()).await
}

/// Sends a response; `keeps` says whether the server keeps the connection.
async fn answer(wire: &mut Wire<'_>, mut response: Response, about: About, keeps: bool) -> Result<Next, Failure> {
    let status = response.status;
    let keeps = keeps && about.keeps && status != Status::SWITCHING_PROTOCOLS;
    if wire.write_whole(&response, about, keeps) {
        wire.flush_much().await?;
        return Ok(if keeps { Next::Request } else { Next::Close });
    }
    let has_body = !status.is_bodiless() && !about.is_head;
    let body = std::mem::replace(&mut response.body, Body::Bytes(Default::default()));
    let payload = match body {
        Body::Bytes(bytes) => bytes.into_owned().into(),
        Body::Shared(payload) => payload,
        Body::Stream(stream) => return Box::pin(answer_by_stream(wire, &response, stream, about, keeps)).await,
        Body::Takeover(takeover) => {
            let (framing, connection) = match status {
                Status::SWITCHING_PROTOCOLS => (Framing::None, ConnectionField::Upgrade),
                status if status.is_bodiless() => (Framing::None, ConnectionField::Close),
                _ => (Framing::UntilClose, ConnectionField::Close),
            };
            wire.write_head(&response, framing, connection);
            return Ok(if about.is_head { Next::Close } else { Next::Takeover(takeover) });
        }
    };
    let framing = if status.is_bodiless() { Framing::None } else { Framing::Length(payload.len() as u64) };
    wire.write_head(&response, framing, ConnectionField::answering(about.version, keeps));
    if has_body {
        wire.enqueue_after_output(payload).await?;
    }
    Ok(if keeps { Next::Request } else { Next::Close })
}

/// Sends a response whose body is written meanwhile.
async fn answer_by_stream(
    wire: &mut Wire<'_>,
    response: &Response,
    stream: Stream,
    about: About,
    keeps: bool,
) -> Result<Next, Failure> {
    let (framing, extent) = match stream.length {
        _ if response.status.is_bodiless() => (Framing::None, Extent::Bytes(0)),
        Some(length) => (Framing::Length(length), Extent::Bytes(length)),
        None if about.version == Version::Http10 => (Framing::UntilClose, Extent::Connection),
        None => (Framing::Chunked, Extent::Chunks),
    };
    let keeps = keeps && extent != Extent::Connection;
    wire.write_head(response, framing, ConnectionField::answering(about.version, keeps));
    let next = if keeps { Next::Request } else { Next::Close };
    if about.is_head || framing == Framing::None {
        return Ok(next);
    }
    wire.flush().await?;
    let writer = BodyWriter::new(wire.stream().id(), extent, wire.patience());
    let end = writer.twin();
    let producing = (stream.produce)(writer);
    let produced = match wire.attend(producing, None).await {
        Ok(Ok(())) => end.finish().await,
        Ok(Err(error)) => Err(error),
        Err(Failure::Panicked) => Err(WriteError::Source("its writer panicked".into())),
        Err(failure) => return Err(failure),
    };
    match produced {
        Ok(()) => Ok(next),
        Err(error) => {
            tracing::debug!(%error, "a streamed body ends before its end");
            // A reset, not an orderly end, which could be taken for the body's.
            wire.stream().id().abort();
            Err(match error {
                WriteError::Gone => Failure::Gone,
                WriteError::SlowReader => Failure::SlowReader,
                WriteError::Length { .. } | WriteError::Source(_) => Failure::Truncated,
            })
        }
    }
}

/// What a peer is told before the connection is closed for this reason, if it may still listen.
fn last_words(failure: &Failure) -> Option<Response> {
    match failure {
        Failure::Refused(error) => Some(Response::error(error.status(), &error.to_string())),
        Failure::Panicked => Some(Response::error(Status::INTERNAL_SERVER_ERROR, "the server failed on this request")),
        Failure::Gone | Failure::Abandoned | Failure::SlowReader | Failure::Truncated => None,
    }
}
