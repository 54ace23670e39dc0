//! What stands around handlers: logging, authentication, headers for all.

use std::rc::Rc;

use crate::application::{Handler, Handling};
use crate::request::Request;
use crate::response::Response;

/// What is called with a request and with what comes after it.
pub(crate) type Middleware<S> = Rc<dyn Fn(Request<S>, Next<S>) -> Handling>;

/// The rest of the way to the handler. See [`Application::wrap`](crate::Application::wrap).
pub struct Next<S> {
    all: Rc<[Middleware<S>]>,
    /// How many of them the request has reached.
    passed: usize,
    handler: Handler<S>,
}

impl<S: 'static> Next<S> {
    pub(crate) fn new(all: Rc<[Middleware<S>]>, handler: Handler<S>) -> Self {
        Next { all, passed: 0, handler }
    }

    /// Answers the request: by the middleware within, and at last by the handler.
    pub async fn run(self, request: Request<S>) -> Response {
        self.begin(request).await
    }

    pub(crate) fn begin(mut self, request: Request<S>) -> Handling {
        let Some(middleware) = self.all.get(self.passed).cloned() else {
            return (self.handler)(request);
        };
        self.passed += 1;
        middleware(request, self)
    }
}
