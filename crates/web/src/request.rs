//! A request in a handler's hands.

use std::borrow::Cow;
use std::rc::Rc;

use crore_http::query::{self, QueryError};
use crore_http::{RequestHead, Status};
use crore_rt::net::StreamId;
use serde::de::DeserializeOwned;

use crate::body::BodyReader;
use crate::response::Response;
use crate::router::Parameters;

/// A request: head, body, the parameters of its route, and the application's state.
#[derive(Debug)]
pub struct Request<S> {
    pub(crate) head: RequestHead,
    pub(crate) body: BodyReader,
    pub(crate) parameters: Parameters,
    pub(crate) state: Rc<S>,
    pub(crate) stream: StreamId,
}

impl<S> Request<S> {
    pub(crate) fn new(
        head: RequestHead,
        body: BodyReader,
        parameters: Parameters,
        state: Rc<S>,
        stream: StreamId,
    ) -> Self {
        Request { head, body, parameters, state, stream }
    }

    /// The head: method, target, headers.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The body, decoded; empty if there is none, or if the route is [streamed](crate::Route::streamed): then
    /// [`reader`](Request::reader) has it.
    pub fn body(&self) -> &[u8] {
        self.body.whole()
    }

    /// The body, to keep; see [`body`](Request::body).
    pub fn into_body(self) -> Vec<u8> {
        self.body.into_whole()
    }

    /// The body, piece by piece.
    pub fn reader(&mut self) -> &mut BodyReader {
        &mut self.body
    }

    /// The application's state on this core.
    pub fn state(&self) -> &Rc<S> {
        &self.state
    }

    /// The weak name of the connection it came on.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The decoded value of `{name}` or `{*name}` in the route's pattern.
    ///
    /// # Panics
    /// If the pattern has no such parameter, which is a mistake in the program and not in the request.
    pub fn parameter(&self, name: &str) -> &str {
        let value = self.parameters.value(name);
        value.unwrap_or_else(|| panic!("the route has no parameter {name:?}"))
    }

    /// The decoded value of the first query parameter with this name.
    ///
    /// # Errors
    /// If the query holds a malformed escape.
    pub fn query(&self, name: &str) -> Result<Option<Cow<'_, str>>, QueryError> {
        self.head.query().map_or(Ok(None), |text| query::find(text, name))
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// A response with status 400 that says where the body is not as it should be.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Response> {
        serde_json::from_slice(self.body())
            .map_err(|error| Response::error(Status::BAD_REQUEST, &format!("malformed JSON body: {error}")))
    }
}
