//! An axum service as it stands, on crore: hyper speaks HTTP, each connection lives on the core that accepted it, and there is no tokio.
//!
//! ```text
//! cargo run --release --features compat --example axum -- --workers 2
//! curl http://127.0.0.1:8000/greet/you
//! ```

mod arguments;

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arguments::Arguments;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use clap::Parser;
use crore::compat::{Io, Timer};
use crore::net::TcpListener;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tower_service::Service;

/// The service: nothing in it knows of crore.
fn router() -> Router {
    let visits = Arc::new(AtomicU64::new(0));
    Router::new()
        .route("/", get(async || "Hello, World!"))
        .route("/greet/{name}", get(async |Path(name): Path<String>| format!("Hello, {name}!\n")))
        .route("/visits", get(async |visits: State<Arc<AtomicU64>>| format!("{}\n", visits.fetch_add(1, Relaxed) + 1)))
        .route("/echo", post(async |body: String| body))
        .with_state(visits)
}

fn main() -> ExitCode {
    let router = router();
    arguments::serve(&Arguments::parse(), move |listener| accept(listener, router.clone()))
}

async fn accept(listener: TcpListener, router: Router) -> std::io::Result<()> {
    loop {
        let (io, router) = (Io::from(listener.accept().await?), router.clone());
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let answer = router.clone().call(request.map(Body::new));
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        crore::spawn(http1::Builder::new().timer(Timer::new()).serve_connection(io, service)).detach();
    }
}
