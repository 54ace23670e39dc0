//! Where walks hand publications to: encoded once a form, then a reference into each client's send queue.

use crore_base::payload::Payload;
use crore_base::time::Instant;
use crore_hub::{ClientKey, Deliver, Position, Publication};
use crore_rt::net::SendError;

use crate::protocol::{push_frame, write_publication};
use crate::seats::Form;
use crate::session::events::event_of;
use crate::shard::{Shard, stream_of};

/// The outlet of one walk.
pub(crate) struct Outlet<'a> {
    shard: &'a Shard,
    /// Clients whose queue is full; they are sent away after the walk.
    pub(crate) slow: Vec<ClientKey>,
    /// When what was delivered had been accepted, and to how many: runs, because a walk gives one publication to many.
    pub(crate) delivered: Vec<(Instant, u64)>,
}

impl Outlet<'_> {
    pub(crate) fn new(shard: &Shard) -> Outlet<'_> {
        Outlet { shard, slow: Vec::new(), delivered: Vec::new() }
    }
}

impl Deliver for Outlet<'_> {
    fn prefetch(&mut self, sink: u64) {
        // A poll's sink names no stream of its own; then there is nothing to fetch.
        if let Some(stream) = crore_rt::net::StreamId::from_bits(sink) {
            stream.prefetch();
        }
    }

    fn encode(&mut self, form: u8, channel: &str, publication: &Publication, position: Option<Position>) -> Payload {
        match Form::from_number(form) {
            Form::WebSocket => push_frame(channel, publication).into(),
            Form::Events => event_of(publication, position).into(),
            Form::Poll => {
                let mut json = Vec::new();
                write_publication(&mut json, publication);
                json.into()
            }
        }
    }

    fn deliver(&mut self, client: ClientKey, sink: u64, form: u8, payload: &Payload, publication: &Publication) {
        match self.delivered.last_mut() {
            Some((accepted, deliveries)) if *accepted == publication.accepted => *deliveries += 1,
            _ => self.delivered.push((publication.accepted, 1)),
        }
        if Form::from_number(form) == Form::Poll {
            if let Some(waiting) = self.shard.waiting.borrow_mut().get_mut(&client.to_bits()) {
                waiting.take(payload.clone(), publication.offset);
            }
            return;
        }
        match stream_of(sink).send(payload.clone()) {
            Ok(()) => {}
            Err(SendError::Full { .. }) => self.slow.push(client),
            // Its session is about to read the end of the stream.
            Err(SendError::Closed) => {}
        }
    }
}
