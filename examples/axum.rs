//! An axum service as it stands, on crore: hyper speaks HTTP, each connection lives on the core that accepted it, and there is no tokio.
//!
//! ```text
//! cargo run --release --features compat --example axum -- --workers 2
//! curl http://127.0.0.1:8000/greet/you
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use clap::Parser;
use crore::compat::{Io, Timer};
use crore::net::{ListenOptions, Network, TcpListener};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tower_service::Service;

/// Serves an axum router on crore.
#[derive(Parser)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Cores to serve on; 0: all
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Who carries the bytes: auto, epoll, or a device for our own TCP/IP
    #[arg(long, default_value = "auto")]
    io: String,
}

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

/// One core's share: its own listener on the same address.
async fn serve(listen: SocketAddr, router: Router) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen, &ListenOptions::default())?;
    loop {
        let (io, router) = (Io::from(listener.accept().await?), router.clone());
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let answer = router.clone().call(request.map(Body::new));
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        crore::spawn(http1::Builder::new().timer(Timer::new()).serve_connection(io, service)).detach();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { listen, workers, io } = Arguments::parse();
    let network = Network::for_server(&io, &[listen], &[], &[])?;
    let runtime = crore::Runtime::builder().workers(workers).driver(&io).network(network).build()?;
    runtime.block_on(async move {
        let router = router();
        let share = |core| {
            let router = router.clone();
            crore::spawn_on(core, move || serve(listen, router))
        };
        let shares: Vec<_> = (0..crore::cores()).map(share).collect();
        println!("listening on http://{listen}");
        for share in shares {
            share.await??;
        }
        Ok(())
    })
}
