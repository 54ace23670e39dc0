//! A handler's answer.
//!
//! A body is there as a whole, or is written while it is sent ([`Response::stream`]), or the connection is handed over.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use crore_base::payload::Payload;
use crore_http::query::QueryError;
use crore_http::ws::Accepted;
use crore_http::{FieldError, Fields, Status, is_field_value};
use crore_rt::net::TcpStream;
use serde::Serialize;

use crate::writer::{BodyWriter, Produce, WriteError};

/// What is done with a connection whose HTTP part is over: it gets the stream, and the bytes that were read but belong
/// to what comes now. Called on the connection's core after the response's head was enqueued; it should start a task of its
/// own, because the task that calls it ends.
pub type Takeover = Box<dyn FnOnce(TcpStream, Box<[u8]>)>;

/// A status, headers, and a body or what takes the connection over.
///
/// The server adds `Content-Length`, `Connection` and `Date`.
pub struct Response {
    pub(crate) status: Status,
    /// Empty: none.
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) fields: Fields,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    /// This response's own, or the program's.
    Bytes(Cow<'static, [u8]>),
    /// Shared with others: sent from where it is.
    Shared(Payload),
    Stream(Stream),
    Takeover(Takeover),
}

/// A body that is written while it is sent.
pub(crate) struct Stream {
    /// Its bytes, if they are known before.
    pub(crate) length: Option<u64>,
    pub(crate) produce: Produce,
}

impl Response {
    /// A response without a body.
    ///
    /// # Panics
    /// If the status is a 1xx other than 101, which is not a response but the announcement of one.
    pub fn new(status: Status) -> Self {
        assert!(is_final(status), "{status} is not the end of a request");
        let (content_type, fields) = (Cow::Borrowed(""), Fields::new());
        Response { status, content_type, fields, body: Body::Bytes(Cow::Borrowed(&[])) }
    }

    /// 200 with text.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Response::of("text/plain; charset=utf-8", bytes_of(text.into()))
    }

    /// 200 with a page.
    pub fn html(page: impl Into<Cow<'static, str>>) -> Self {
        Response::of("text/html; charset=utf-8", bytes_of(page.into()))
    }

    /// 200 with `value` as JSON; 500 if it cannot be expressed so, like a map whose keys are not text.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => Response::of("application/json", json),
            Err(error) => {
                tracing::error!(%error, "a response cannot be expressed as JSON");
                Response::error(Status::INTERNAL_SERVER_ERROR, "the answer cannot be expressed as JSON")
            }
        }
    }

    /// 200 with bytes of any type.
    ///
    /// # Panics
    /// If `content_type` holds a control character: it is the program's, never a peer's.
    pub fn of(content_type: impl Into<Cow<'static, str>>, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Response::new(Status::OK).with_body(content_type, Body::Bytes(body.into()))
    }

    fn with_body(self, content_type: impl Into<Cow<'static, str>>, body: Body) -> Self {
        let content_type = content_type.into();
        assert!(is_field_value(&content_type), "{content_type:?} is no media type: it holds a control character");
        Response { content_type, body, ..self }
    }

    /// 200 with bytes that others hold as well; they are not copied unless they are few.
    ///
    /// # Panics
    /// As [`Response::of`].
    pub fn shared(content_type: impl Into<Cow<'static, str>>, body: Payload) -> Self {
        Response::new(Status::OK).with_body(content_type, Body::Shared(body))
    }

    /// 200 with a body that `produce` writes while it is sent, at the peer's pace: in chunks, or, for a peer that speaks HTTP/1.0,
    /// until the connection ends. It is dropped when the peer goes away, and not called for `HEAD`. When it fails the connection is
    /// reset, so that nobody takes the part for the whole.
    ///
    /// # Panics
    /// As [`Response::of`].
    pub fn stream<F>(
        content_type: impl Into<Cow<'static, str>>,
        produce: impl FnOnce(BodyWriter) -> F + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), WriteError>> + 'static,
    {
        let produce: Produce = Box::new(|writer| Box::pin(produce(writer)));
        Response::new(Status::OK).with_body(content_type, Body::Stream(Stream { length: None, produce }))
    }

    /// Says before how long the body of a [`stream`](Response::stream) is. Writing another number of bytes is a failure.
    ///
    /// # Panics
    /// If the body is none that is streamed.
    pub fn with_length(mut self, bytes: u64) -> Self {
        let Body::Stream(stream) = &mut self.body else {
            panic!("only a streamed body has to be told its length");
        };
        stream.length = Some(bytes);
        self
    }

    /// An error, with a line of text that says what was wrong.
    pub fn error(status: Status, text: &str) -> Self {
        Response::text(format!("{text}\n")).with_status(status)
    }

    /// 101 for an accepted WebSocket; then `takeover` gets the connection.
    pub fn websocket(accepted: &Accepted<'_>, takeover: impl FnOnce(TcpStream, Box<[u8]>) + 'static) -> Self {
        let response = Response { fields: accepted.fields(), ..Response::new(Status::SWITCHING_PROTOCOLS) };
        response.takeover(takeover)
    }

    /// 200 for a stream of server-sent events; then `takeover` gets the connection. The stream ends with the connection.
    pub fn event_stream(takeover: impl FnOnce(TcpStream, Box<[u8]>) + 'static) -> Self {
        let response = Response::of(crore_http::sse::CONTENT_TYPE, &[]);
        let response = response.with("Cache-Control", "no-store").expect("a constant without control characters");
        response.takeover(takeover)
    }

    /// Replaces the body: the head is sent without a length and the connection handed over. With status 101 another
    /// protocol follows, and the headers name it in `Upgrade`; with any other a body does that ends with the connection.
    /// A request with `HEAD` gets the head alone, and `takeover` is not called.
    pub fn takeover(self, takeover: impl FnOnce(TcpStream, Box<[u8]>) + 'static) -> Self {
        Response { body: Body::Takeover(Box::new(takeover)), ..self }
    }

    /// Another status.
    ///
    /// # Panics
    /// As [`Response::new`].
    pub fn with_status(mut self, status: Status) -> Self {
        assert!(is_final(status), "{status} is not the end of a request");
        self.status = status;
        self
    }

    /// With another header.
    ///
    /// # Errors
    /// See [`Fields::push`]; inside of a handler, `?` makes it a response with status 500.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, FieldError> {
        self.fields.push(name, value)?;
        Ok(self)
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The headers.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

fn bytes_of(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn is_final(status: Status) -> bool {
    !status.is_interim() || status == Status::SWITCHING_PROTOCOLS
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match &self.body {
            Body::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Body::Shared(bytes) => format!("{} shared bytes", bytes.len()),
            Body::Stream(Stream { length: Some(length), .. }) => format!("{length} bytes to come"),
            Body::Stream(Stream { length: None, .. }) => "bytes to come".to_owned(),
            Body::Takeover(_) => "takeover".to_owned(),
        };
        write!(f, "Response({}, {body})", self.status)
    }
}

/// What a handler may return.
pub trait IntoResponse {
    /// The response that this stands for.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl From<FieldError> for Response {
    fn from(error: FieldError) -> Response {
        tracing::error!(%error, "a handler made a header that cannot be sent");
        Response::error(Status::INTERNAL_SERVER_ERROR, "a header of the answer cannot be sent")
    }
}

impl IntoResponse for FieldError {
    fn into_response(self) -> Response {
        self.into()
    }
}

impl From<QueryError> for Response {
    fn from(error: QueryError) -> Response {
        Response::error(Status::BAD_REQUEST, &format!("malformed query: {error}"))
    }
}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        self.into()
    }
}
