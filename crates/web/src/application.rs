//! What a server does with requests: routes to handlers, and the state they share.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crore_http::{RequestHead, Status};

use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::router::{Miss, Parameters, Router};

/// A handler at work.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Response>>>;

/// Routes, and the state of one core that their handlers share. Build one on each core.
pub struct Application<S> {
    router: Router<Endpoint<S>>,
    state: Rc<S>,
}

pub(crate) struct Endpoint<S> {
    handler: Box<dyn Fn(Request<S>) -> Handling>,
    /// Of the server's limits if none.
    pub(crate) body_bytes_max: Option<u64>,
}

/// A method, a path pattern, a handler.
///
/// A pattern is a path whose segments may be `{name}`, which takes one segment that is not empty, or at the end
/// `{*name}`, which takes all that follow.
pub struct Route<S> {
    method: String,
    pattern: String,
    endpoint: Endpoint<S>,
}

impl<S: 'static> Route<S> {
    /// A route; the handler is called with each request, and its future boxed.
    pub fn new<F, R>(method: &str, pattern: &str, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        let handler = move |request| -> Handling {
            let handling = handler(request);
            Box::pin(async move { handling.await.into_response() })
        };
        let endpoint = Endpoint { handler: Box::new(handler), body_bytes_max: None };
        Route { method: method.to_owned(), pattern: pattern.to_owned(), endpoint }
    }

    /// Bytes that a request's body may have; beyond, the answer is 413. Without it, the server's
    /// [`Limits::body_bytes`](crore_http::Limits) holds. This much memory can a single request take.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.endpoint.body_bytes_max = Some(bytes);
        self
    }
}

impl<S: 'static> Application<S> {
    /// An application without routes.
    pub fn new(state: S) -> Self {
        Application { router: Router::new(), state: Rc::new(state) }
    }

    /// Adds a route.
    ///
    /// # Panics
    /// If the pattern is malformed, or taken for this method.
    pub fn route(mut self, route: Route<S>) -> Self {
        self.router.add(&route.method, &route.pattern, route.endpoint);
        self
    }

    /// Adds a route for `GET`, which serves `HEAD` as well.
    ///
    /// # Panics
    /// As [`Application::route`].
    pub fn get<F, R>(self, pattern: &str, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        self.route(Route::new("GET", pattern, handler))
    }

    /// Adds a route for `POST`.
    ///
    /// # Panics
    /// As [`Application::route`].
    pub fn post<F, R>(self, pattern: &str, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        self.route(Route::new("POST", pattern, handler))
    }

    /// The state.
    pub fn state(&self) -> &Rc<S> {
        &self.state
    }

    /// Who answers this request; else the answer that says why nobody does.
    pub(crate) fn find(&self, head: &RequestHead) -> Result<(&Endpoint<S>, Parameters), Response> {
        self.router.find(head.method(), head.path()).map_err(|miss| match miss {
            Miss::BadPath => Response::error(Status::BAD_REQUEST, "malformed path: check its escapes and dots"),
            Miss::NotFound => Response::error(Status::NOT_FOUND, "nothing is here: check the path"),
            Miss::Method { allow } => {
                let text = format!("this method is not allowed here: use {allow}");
                let response = Response::error(Status::METHOD_NOT_ALLOWED, &text).with("Allow", &allow);
                response.unwrap_or_else(Response::from)
            }
        })
    }
}

impl<S> Endpoint<S> {
    pub(crate) fn handle(&self, request: Request<S>) -> Handling {
        (self.handler)(request)
    }
}
