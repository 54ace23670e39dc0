//! What the gateway answers over HTTP: the routes, and who may use which.

mod clients;
mod guard;
mod info;
mod methods;
mod metrics;
mod pages;

use std::rc::Rc;

use crore_web::{Application, Route};

use crate::counters::Counter;
use crate::limits::API_BODY_BYTES;
use crate::shard::Shard;

/// A request to this core.
pub(crate) type Request = crore_web::Request<Rc<Shard>>;

/// What a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Clients only: the rest is on the admin address.
    Clients,
    /// Clients, and console, API and metrics.
    All,
}

/// Counts a request, and gives its core's shard.
fn arrive(request: &Request) -> Rc<Shard> {
    let shard: &Rc<Shard> = request.state();
    shard.count(Counter::HttpRequests, 1);
    Rc::clone(shard)
}

/// The application of one core's listeners with this face.
pub(crate) fn application(shard: &Rc<Shard>, face: Face) -> Application<Rc<Shard>> {
    let clients = Application::new(Rc::clone(shard))
        .get("/connection/websocket", clients::websocket)
        .get("/events", clients::events)
        .get("/poll", clients::poll)
        .get("/health", pages::health)
        .get("/ready", pages::ready);
    match face {
        Face::Clients => clients,
        Face::All => clients
            .route(Route::new("POST", "/api/{method}", methods::call).body_limit(API_BODY_BYTES))
            .get("/metrics", pages::metrics)
            .get("/", pages::console)
            .get("/console.css", pages::console)
            .get("/console.js", pages::console)
            .get("/console.svg", pages::console),
    }
}
