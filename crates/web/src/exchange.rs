//! Requests and responses on one connection, from the first byte of a request until the connection waits again.
//!
//! Everything that costs memory is in this future. It is boxed, and gone when the connection waits, closes, or is
//! taken over. Requests are answered in the order in which they came; one is under way at a time.

use std::rc::Rc;

use crore_base::time::Instant;
use crore_http::{BodyLength, ConnectionField, Framing, RequestHead, Status, Version};
use crore_rt::net::{Lease, TcpStream};
use crore_rt::time;

use crate::request::Request;
use crate::response::{Body, Response, Takeover};
use crate::server::Shared;
use crate::wire::{Failure, Outgoing, Wire};

/// What follows an answer.
enum Next {
    /// Another request may come.
    Request,
    /// The answer was the last.
    Close,
    /// The connection is no longer ours.
    Takeover(Takeover),
}

/// Serves what was received and what follows; returns the stream when it waits for the next request.
pub(crate) async fn exchange<S: 'static>(
    stream: TcpStream,
    first: Lease,
    deadline: Instant,
    shared: Rc<Shared<S>>,
) -> Option<TcpStream> {
    let mut wire = Wire::new(stream, first, &shared.options, &shared.date);
    let mut deadline = deadline;
    loop {
        let mut served = serve(&mut wire, deadline, &shared).await;
        if !matches!(served, Ok(Next::Request) if !wire.is_drained()) {
            served = match wire.flush().await {
                Err(failure) => Err(failure),
                Ok(()) => served,
            };
        }
        match served {
            Ok(Next::Request) if wire.is_drained() => return Some(wire.into_parts().0),
            Ok(Next::Request) => deadline = time::now() + shared.options.head_timeout,
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

/// Reads one request and answers it.
async fn serve<S: 'static>(wire: &mut Wire<'_>, deadline: Instant, shared: &Rc<Shared<S>>) -> Result<Next, Failure> {
    let head = wire.head(deadline).await?;
    let about = About::of(&head);
    let (endpoint, parameters) = match shared.application.find(&head) {
        Ok(found) => found,
        Err(response) => {
            shared.counter.add(|counts| &mut counts.unrouted);
            // A body that nobody asked for is not read, so nothing can follow it.
            let keeps = head.body() == BodyLength::None && !shared.drain.is_started();
            return answer(wire, response, about, keeps).await;
        }
    };
    let bytes_max = endpoint.body_bytes_max.unwrap_or(shared.options.http.body_bytes);
    let body = wire.body(&head, bytes_max).await?;
    let state = Rc::clone(shared.application.state());
    let request = Request { head, body, parameters, state, stream: wire.stream().id() };
    let response = wire.attend(endpoint.handle(request)).await?;
    shared.counter.add(|counts| &mut counts.requests);
    answer(wire, response, about, !shared.drain.is_started()).await
}

/// What an answer needs to know of its request.
#[derive(Clone, Copy)]
struct About {
    version: Version,
    is_head: bool,
    /// The peer keeps the connection.
    keeps: bool,
}

impl About {
    /// Of a request that could not be read.
    const NOTHING: About = About { version: Version::Http11, is_head: false, keeps: false };

    fn of(head: &RequestHead) -> About {
        About { version: head.version(), is_head: head.method() == "HEAD", keeps: head.keep_alive() }
    }
}

/// Gathers a response; `keeps` says whether the server keeps the connection.
async fn answer(wire: &mut Wire<'_>, response: Response, about: About, keeps: bool) -> Result<Next, Failure> {
    let Response { status, fields, body } = response;
    let is_upgrade = status == Status::SWITCHING_PROTOCOLS;
    let keeps = keeps && about.keeps && !is_upgrade;
    let (length, body) = match body {
        Body::Bytes(bytes) => (bytes.len(), Outgoing::Bytes(bytes)),
        Body::Shared(bytes) => (bytes.len(), Outgoing::Shared(bytes)),
        Body::Takeover(takeover) => {
            let (framing, connection) = match status {
                Status::SWITCHING_PROTOCOLS => (Framing::None, ConnectionField::Upgrade),
                status if status.is_bodiless() => (Framing::None, ConnectionField::Close),
                _ => (Framing::UntilClose, ConnectionField::Close),
            };
            wire.respond(status, fields, framing, connection, Outgoing::Nothing).await?;
            return Ok(if about.is_head { Next::Close } else { Next::Takeover(takeover) });
        }
    };
    let has_body = !status.is_bodiless();
    let framing = if has_body { Framing::Length(length as u64) } else { Framing::None };
    let connection = ConnectionField::answering(about.version, keeps);
    let body = if has_body && !about.is_head { body } else { Outgoing::Nothing };
    wire.respond(status, fields, framing, connection, body).await?;
    Ok(if keeps { Next::Request } else { Next::Close })
}

/// What a peer is told before the connection is closed for this reason, if it may still listen.
fn last_words(failure: &Failure) -> Option<Response> {
    match failure {
        Failure::Refused(error) => Some(Response::error(error.status(), &error.to_string())),
        Failure::Panicked => Some(Response::error(Status::INTERNAL_SERVER_ERROR, "the server failed on this request")),
        Failure::Gone | Failure::Abandoned | Failure::SlowReader => None,
    }
}
