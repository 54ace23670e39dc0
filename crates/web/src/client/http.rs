//! Requests and responses, one at a time, on one connection.

use std::net::SocketAddr;

use crore_http::{ConnectionField, Fields, Framing, ResponseEvent, ResponseHead, ResponseReader, encode_request};
use crore_rt::net::TcpStream;
use crore_rt::time;

use super::{ClientError, ClientOptions, connect, final_head};
use crate::input::Input;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    host: String,
    options: ClientOptions,
    input: Input,
    is_reusable: bool,
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects. `host` is what `Host` will say.
    ///
    /// # Errors
    /// The system's, or that it took too long.
    pub async fn connect(address: SocketAddr, host: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let stream = connect(address, host, &options).await?;
        Ok(Client { stream, host: host.to_owned(), options, input: Input::default(), is_reusable: true })
    }

    /// Whether another request may be sent: the last response was complete and did not close the connection.
    pub fn is_reusable(&self) -> bool {
        self.is_reusable
    }

    /// Sends a request and waits for the whole response. An empty body is announced for `POST`, `PUT` and `PATCH` only.
    ///
    /// # Errors
    /// What [`ClientError`] names; the connection is of no use then.
    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &Fields,
        body: &[u8],
    ) -> Result<Answer, ClientError> {
        if !std::mem::replace(&mut self.is_reusable, false) {
            return Err(ClientError::Ended);
        }
        let framing = match (body.len(), method) {
            (0, "POST" | "PUT" | "PATCH") => Framing::Length(0),
            (0, _) => Framing::None,
            (length, _) => Framing::Length(length as u64),
        };
        let mut bytes = encode_request(method, target, &self.host, fields, framing, ConnectionField::Implied)?;
        bytes.extend_from_slice(body);
        self.stream.send(bytes)?;
        let reader = ResponseReader::new(method == "HEAD", &self.options.http);
        self.receive(reader).await
    }

    /// Short for a `GET` without headers.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&mut self, target: &str) -> Result<Answer, ClientError> {
        self.request("GET", target, &Fields::new(), &[]).await
    }

    async fn receive(&mut self, mut reader: ResponseReader) -> Result<Answer, ClientError> {
        let deadline = time::now() + self.options.response_timeout;
        let head = final_head(&mut self.stream, &mut reader, &mut self.input, deadline).await?;
        let mut body = Vec::new();
        let mut has_ended = false;
        while !reader.is_done() {
            let (consumed, event) = reader.on_input(self.input.bytes())?;
            if let Some(ResponseEvent::Data(data)) = &event {
                body.extend_from_slice(&self.input.bytes()[data.clone()]);
            }
            self.input.advance(consumed);
            if event.is_none() {
                let lease = time::deadline(deadline, self.stream.recv()).await??;
                if lease.is_empty() {
                    reader.on_end()?;
                    has_ended = true;
                } else {
                    self.input = lease.into();
                }
            }
        }
        self.input.settle();
        self.is_reusable = head.keep_alive() && !has_ended;
        Ok(Answer { head, body })
    }
}
