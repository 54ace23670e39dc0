//! A stream of server-sent events from the client's side.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crore_http::sse::{self, CONTENT_TYPE};
use crore_http::{
    ConnectionField, Fields, Framing, Limits, ResponseEvent, ResponseReader, SseLimits, Status, encode_request,
};
use crore_rt::net::TcpStream;
use crore_rt::time;

use super::{ClientError, ClientOptions, connect, final_head};
use crate::input::Input;

/// An event that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its name; `message` if it has none.
    pub event: String,
    /// Its data.
    pub data: String,
    /// What to send as `Last-Event-ID` when coming back.
    pub id: String,
}

/// An open stream of events. Does not reconnect by itself.
#[derive(Debug)]
pub struct EventStream {
    stream: TcpStream,
    response: ResponseReader,
    reader: sse::Reader,
    input: Input,
    waiting: VecDeque<ServerEvent>,
}

impl EventStream {
    /// Connects and asks for the events at `target`; `fields` are further headers, like `Last-Event-ID`.
    ///
    /// # Errors
    /// What [`ClientError`] names; [`ClientError::NotEvents`] if the server answers with something else.
    pub async fn connect(
        address: SocketAddr,
        host: &str,
        target: &str,
        fields: &Fields,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let mut all = Fields::new();
        all.push("Accept", CONTENT_TYPE)?;
        all.append(fields);
        let request = encode_request("GET", target, host, &all, Framing::None, ConnectionField::Implied)?;
        let mut stream = connect(address, host, options).await?;
        stream.send(request)?;
        // A stream has no end, so its length has no limit; each event has.
        let limits = Limits { body_bytes: u64::MAX, ..options.http };
        let mut response = ResponseReader::new(false, &limits);
        let mut input = Input::default();
        let deadline = time::now() + options.response_timeout;
        let head = final_head(&mut stream, &mut response, &mut input, deadline).await?;
        let kind = head.header("content-type").unwrap_or("");
        let is_events = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(CONTENT_TYPE));
        if head.status() != Status::OK || !is_events {
            return Err(ClientError::NotEvents(Box::new(head)));
        }
        let reader = sse::Reader::new(&SseLimits::default());
        Ok(EventStream { stream, response, reader, input, waiting: VecDeque::new() })
    }

    /// The next event; none when the stream has ended.
    ///
    /// # Errors
    /// The connection failed, or the stream is malformed.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if self.input.is_empty() && !self.response.is_done() {
                let lease = self.stream.recv().await?;
                if lease.is_empty() {
                    self.response.on_end()?;
                    return Ok(None);
                }
                self.input = lease.into();
            }
            self.decode()?;
            if self.response.is_done() && self.waiting.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The id of the last event.
    pub fn last_event_id(&self) -> &str {
        self.reader.last_event_id()
    }

    /// How long the server asked to wait before coming back, in milliseconds, if it did.
    pub fn retry_ms(&self) -> Option<u64> {
        self.reader.retry_ms()
    }

    /// Reads all of the input.
    fn decode(&mut self) -> Result<(), ClientError> {
        loop {
            let (consumed, event) = self.response.on_input(self.input.bytes())?;
            if let Some(ResponseEvent::Data(data)) = &event {
                let mut data = &self.input.bytes()[data.clone()];
                while let (read, Some(event)) = self.reader.on_input(data)? {
                    data = &data[read..];
                    let sse::Event { event, data, id } = event;
                    let [event, data, id] = [event, data, id].map(str::to_owned);
                    self.waiting.push_back(ServerEvent { event, data, id });
                }
            }
            self.input.advance(consumed);
            if event.is_none() {
                return Ok(());
            }
        }
    }
}
