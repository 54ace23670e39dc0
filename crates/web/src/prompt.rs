//! Requests that are answered at once.
//!
//! Most requests need nothing that is not at hand: their head is in what was received, their body too or they have none, their handler is
//! ready when it is first polled, and its answer is short. Those are served here, one after the other, where they lie: without the box of an
//! [`exchange`](crate::exchange), without a timer, and their answers leave in one piece. Whatever is not so begins an exchange, from
//! the very place that it has reached.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll};

use crore_base::payload::Payload;
use crore_http::{BodyLength, HeadReader, Progress, RequestHead};
use crore_rt::net::{Lease, StreamId, TcpStream};

use crate::answer::About;
use crate::application::Found;
use crate::body::BodyReader;
use crate::exchange::{Stage, Start};
use crate::input::Input;
use crate::limits::{GATHERED_BYTES_MAX, OUTPUT_KEPT_BYTES_MAX};
use crate::request::Request;
use crate::server::Shared;
use crate::wire::Failure;

/// Serves what was received. Returns where an exchange must go on, or nothing: all is answered, and the connection waits.
pub(crate) fn serve<S: 'static>(
    shared: &Rc<Shared<S>>,
    stream: &TcpStream,
    received: Lease,
    context: &mut Context<'_>,
) -> Option<Start> {
    let mut input = Input::from(received);
    let mut output = shared.output.take();
    assert!(output.is_empty(), "what was gathered has left");
    let stage = loop {
        if input.is_empty() {
            break None;
        }
        if let Some(stage) = next(shared, stream.id(), &mut input, &mut output, context) {
            break Some(stage);
        }
        if output.len() >= GATHERED_BYTES_MAX {
            break Some(Stage::Answered);
        }
    };
    if stage.is_none() && leaves(stream.id(), &output, shared.options.send_queue_bytes) {
        output.clear();
        output.shrink_to(OUTPUT_KEPT_BYTES_MAX);
        shared.output.set(output);
        return None;
    }
    Some(Start { input, output, stage: stage.unwrap_or(Stage::Answered) })
}

/// Enqueues what was gathered, unless the peer has much to read already: then an exchange has to wait for it.
fn leaves(stream: StreamId, output: &[u8], queue_bytes: u32) -> bool {
    stream.queued().is_some_and(|queued| queued <= queue_bytes / 2) && stream.send(Payload::from(output)).is_ok()
}

/// Serves the next request of `input`. Returns where it stands if it cannot be answered at once.
fn next<S: 'static>(
    shared: &Rc<Shared<S>>,
    stream: StreamId,
    input: &mut Input,
    output: &mut Vec<u8>,
    context: &mut Context<'_>,
) -> Option<Stage> {
    let mut reader = HeadReader::new(&shared.options.http);
    let head = match reader.on_input(input.bytes()) {
        Err(error) => return Some(Stage::Failed(Failure::Refused(error))),
        Ok(Progress::Partial) => {
            input.advance(input.bytes().len());
            return Some(Stage::Head(reader));
        }
        Ok(Progress::Complete { consumed, head }) => {
            input.advance(consumed);
            head
        }
    };
    let application = &shared.application;
    let (endpoint, parameters) = match application.find(&head) {
        Found::Handler(endpoint, parameters) => (endpoint, parameters),
        Found::Nobody(_) => return Some(Stage::Request(head)),
    };
    let bytes_max = endpoint.body_bytes_max.unwrap_or(shared.options.http.body_bytes);
    let Some(body) = body_at_hand(&head, input, if endpoint.streams { 0 } else { bytes_max }) else {
        return Some(Stage::Request(head));
    };
    let about = About::of(&head);
    let request = Request::new(head, BodyReader::of_whole(body), parameters, Rc::clone(application.state()), stream);
    let mut handling = application.handle(endpoint, request);
    let response = match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context))) {
        Err(_) => return Some(Stage::Failed(Failure::Panicked)),
        Ok(Poll::Pending) => return Some(Stage::Handling(about, handling)),
        Ok(Poll::Ready(response)) => response,
    };
    shared.counter.add(|counts| &mut counts.requests);
    let keeps = about.keeps && !shared.drain.is_started();
    if !shared.pen().write_whole(output, &response, about, keeps) {
        return Some(Stage::Answer(about, response));
    }
    if keeps { None } else { Some(Stage::Closing) }
}

/// The body of the request, if all of it has come and it is not longer than it may be.
fn body_at_hand(head: &RequestHead, input: &mut Input, bytes_max: u64) -> Option<Vec<u8>> {
    match head.body() {
        BodyLength::None => Some(Vec::new()),
        BodyLength::Fixed(length) if length <= bytes_max => {
            let body = input.bytes().get(..usize::try_from(length).ok()?)?.to_vec();
            input.advance(body.len());
            Some(body)
        }
        _ => None,
    }
}
