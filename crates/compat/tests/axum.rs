//! An axum service, served by hyper over crore with several workers, asked by a client that is not ours.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Router, body::Body};
use crore_compat::{Io, Timer};
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{Runtime, core, spawn, spawn_on};
use hyper::service::service_fn;
use tower_service::Service;

const WORKERS: usize = 3;
const CLIENTS: usize = 24;

/// Requests that each core has served.
type Served = Arc<[AtomicUsize; WORKERS]>;

async fn greet(State(served): State<Served>, Path(name): Path<String>) -> String {
    served[core()].fetch_add(1, Relaxed);
    format!("hello {name}")
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/greet/{name}", get(greet))
        .route("/length", post(|body: String| async move { body.len().to_string() }))
        .with_state(served)
}

/// One core's share.
async fn serve(listener: TcpListener, router: Router) {
    while let Ok(stream) = listener.accept().await {
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|e| match e {})) }
        });
        let http =
            hyper::server::conn::http1::Builder::new().timer(Timer::new()).serve_connection(Io::from(stream), service);
        spawn(http).detach();
    }
}

fn ask(stream: &mut TcpStream, request: &str, end: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while !answer.ends_with(end.as_bytes()) {
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "ended after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn an_axum_router_serves_on_all_cores() {
    let served: Served = Arc::default();
    let (count, runtime) = (Arc::clone(&served), Runtime::builder().workers(WORKERS).pin(false).build().unwrap());
    runtime.block_on(async move {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = TcpListener::bind(any, &ListenOptions::default()).unwrap();
        let address = listener.local_addr();
        let mut begun = Vec::new();
        for core in 1..WORKERS {
            let served = Arc::clone(&served);
            begun.push(spawn_on(core, move || async move {
                let listener = TcpListener::bind(address, &ListenOptions::default()).unwrap();
                spawn(serve(listener, router(served))).detach();
            }));
        }
        for listening in begun {
            listening.await.unwrap();
        }
        spawn(serve(listener, router(served))).detach();
        let asking = std::thread::spawn(move || {
            for client in 0..CLIENTS {
                let mut stream = TcpStream::connect(address).unwrap();
                for _ in 0..3 {
                    let request = format!("GET /greet/{client} HTTP/1.1\r\nHost: x\r\n\r\n");
                    let answer = ask(&mut stream, &request, &format!("hello {client}"));
                    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                }
                let body = "x".repeat(100_000);
                let request = format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{body}");
                ask(&mut stream, &request, "\r\n\r\n100000");
            }
        });
        // The core serves meanwhile, so it must not join.
        while !asking.is_finished() {
            crore_rt::time::sleep(crore_rt::time::Duration::from_millis(1)).await;
        }
        asking.join().unwrap();
    });
    let per_core: Vec<usize> = count.iter().map(|served| served.load(Relaxed)).collect();
    assert_eq!(per_core.iter().sum::<usize>(), 3 * CLIENTS);
    assert!(
        per_core.iter().filter(|served| **served > 0).count() > 1,
        "the kernel spreads {CLIENTS} connections: {per_core:?}"
    );
}
