//! What a server does with requests: routes to handlers, what stands around them, and the state they share.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crore_http::{RequestHead, Status};

use crate::middleware::{Middleware, Next};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::router::{Miss, Parameters, Router};

/// A handler at work.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Response>>>;
/// What makes one.
pub(crate) type Handler<S> = Rc<dyn Fn(Request<S>) -> Handling>;

/// Routes, and the state of one core that their handlers share. Build one on each core.
pub struct Application<S> {
    router: Router<Endpoint<S>>,
    middleware: Rc<[Middleware<S>]>,
    fallback: Option<Endpoint<S>>,
    state: Rc<S>,
}

pub(crate) struct Endpoint<S> {
    handler: Handler<S>,
    /// Of the server's limits if none.
    pub(crate) body_bytes_max: Option<u64>,
    /// The handler reads the body piece by piece.
    pub(crate) streams: bool,
}

/// What answers a request.
pub(crate) enum Found<'a, S> {
    /// A handler, with the parameters of its route.
    Handler(&'a Endpoint<S>, Parameters),
    /// Nobody does, for this reason.
    Nobody(Response),
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
        Route { method: method.to_owned(), pattern: pattern.to_owned(), endpoint: Endpoint::new(handler) }
    }

    /// Bytes that a request's body may have; beyond, the answer is 413. Without it, the server's
    /// [`Limits::body_bytes`](crore_http::Limits) holds. This much memory can a single request take.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.endpoint.body_bytes_max = Some(bytes);
        self
    }

    /// Calls the handler as soon as the head is there; it reads the body piece by piece, with
    /// [`Request::reader`](crate::Request::reader), and the peer sends no faster than it reads. For uploads: set
    /// [`body_limit`](Route::body_limit) too.
    pub fn streamed(mut self) -> Self {
        self.endpoint.streams = true;
        self
    }
}

impl<S: 'static> Endpoint<S> {
    fn new<F, R>(handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        let handler = move |request| -> Handling {
            let handling = handler(request);
            Box::pin(async move { handling.await.into_response() })
        };
        Endpoint { handler: Rc::new(handler), body_bytes_max: None, streams: false }
    }
}

impl<S: 'static> Application<S> {
    /// An application without routes.
    pub fn new(state: S) -> Self {
        Application { router: Router::new(), middleware: Rc::new([]), fallback: None, state: Rc::new(state) }
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

    /// Adds a route for `PUT`.
    ///
    /// # Panics
    /// As [`Application::route`].
    pub fn put<F, R>(self, pattern: &str, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        self.route(Route::new("PUT", pattern, handler))
    }

    /// Adds a route for `DELETE`.
    ///
    /// # Panics
    /// As [`Application::route`].
    pub fn delete<F, R>(self, pattern: &str, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        self.route(Route::new("DELETE", pattern, handler))
    }

    /// What answers requests that no route takes, instead of 404. Another method on a path that has routes is still 405.
    pub fn fallback<F, R>(mut self, handler: impl Fn(Request<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        self.fallback = Some(Endpoint::new(handler));
        self
    }

    /// Puts `middleware` around every handler, those included that say why nobody answers: it sees the request first and the
    /// response last, and calls [`Next::run`] in between, or does not. What was added last is outermost.
    ///
    /// ```
    /// # use crore_web::{Application, Next, Request, Response, Status};
    /// async fn only_with_a_key(request: Request<()>, next: Next<()>) -> Response {
    ///     match request.head().header("x-key") {
    ///         Some("open sesame") => next.run(request).await,
    ///         _ => Response::error(Status::UNAUTHORIZED, "send X-Key"),
    ///     }
    /// }
    /// let application = Application::new(()).get("/", async |_| Response::text("in")).wrap(only_with_a_key);
    /// ```
    pub fn wrap<F, R>(mut self, middleware: impl Fn(Request<S>, Next<S>) -> F + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: IntoResponse,
    {
        let added: Middleware<S> = Rc::new(move |request, next| {
            let handling = middleware(request, next);
            Box::pin(async move { handling.await.into_response() })
        });
        self.middleware = std::iter::once(added).chain(self.middleware.iter().cloned()).collect();
        self
    }

    /// The state.
    pub fn state(&self) -> &Rc<S> {
        &self.state
    }

    /// Who answers this request.
    pub(crate) fn find(&self, head: &RequestHead) -> Found<'_, S> {
        let response = match self.router.find(head.method(), head.path()) {
            Ok((endpoint, parameters)) => return Found::Handler(endpoint, parameters),
            Err(Miss::BadPath) => Response::error(Status::BAD_REQUEST, "malformed path: check its escapes and dots"),
            Err(Miss::NotFound) => match &self.fallback {
                Some(endpoint) => return Found::Handler(endpoint, Parameters::default()),
                None => Response::error(Status::NOT_FOUND, "nothing is here: check the path"),
            },
            Err(Miss::Method { allow }) => {
                let text = format!("this method is not allowed here: use {allow}");
                let response = Response::error(Status::METHOD_NOT_ALLOWED, &text).with("Allow", &allow);
                response.unwrap_or_else(Response::from)
            }
        };
        Found::Nobody(response)
    }

    /// Begins to answer a request.
    pub(crate) fn handle(&self, endpoint: &Endpoint<S>, request: Request<S>) -> Handling {
        if self.middleware.is_empty() {
            return (endpoint.handler)(request);
        }
        Next::new(Rc::clone(&self.middleware), Rc::clone(&endpoint.handler)).begin(request)
    }

    /// Whether answers that nobody's handler gives go through middleware.
    pub(crate) fn has_middleware(&self) -> bool {
        !self.middleware.is_empty()
    }

    /// As [`handle`](Self::handle), with the answer of nobody's handler.
    pub(crate) fn handle_miss(&self, miss: Response, request: Request<S>) -> Handling {
        let miss = Cell::new(Some(miss));
        let answer: Handler<S> = Rc::new(move |_| {
            let again = || Response::error(Status::NOT_FOUND, "nothing is here: check the path");
            let response = miss.take().unwrap_or_else(again);
            Box::pin(async move { response })
        });
        Next::new(Rc::clone(&self.middleware), answer).begin(request)
    }
}
