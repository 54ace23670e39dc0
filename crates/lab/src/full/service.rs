//! What the full load asks for, as a web application beside the gateway.
//!
//! | request | answer |
//! |---|---|
//! | `GET /plain` | 200, `Hello, World!` |
//! | `POST /database?row=N` | 200, `row N count C`: the row was read, and written back as C; durable |
//! | `POST /disk?writer=N&record=N&back=N` | 200, the bytes of record `back`; record `record` was appended |
//! | a number that is missing or none | 400 |
//! | a database or disk that fails | 503, and why |

use std::sync::Arc;

use crore_web::{Application, Request, Response, Status};

use super::records::{Records, Turn};
use super::store::Store;

/// What all cores share.
pub(super) struct Services {
    pub(super) store: Store,
    pub(super) records: Records,
}

/// The application of one core.
pub(super) fn application(services: Arc<Services>) -> Application<Arc<Services>> {
    Application::new(services).get("/plain", plain).post("/database", count).post("/disk", turn)
}

async fn plain(_: Request<Arc<Services>>) -> Response {
    Response::text("Hello, World!")
}

async fn count(request: Request<Arc<Services>>) -> Response {
    let Some(row) = number(&request, "row") else { return malformed() };
    match request.state().store.count(row).await {
        Ok(count) => Response::text(format!("row {row} count {count}\n")),
        Err(reason) => Response::error(Status::SERVICE_UNAVAILABLE, &reason),
    }
}

async fn turn(request: Request<Arc<Services>>) -> Response {
    let small = |name| number(&request, name).and_then(|number| u32::try_from(number).ok());
    let (Some(writer), Some(record), Some(back)) = (small("writer"), small("record"), small("back")) else {
        return malformed();
    };
    match request.state().records.take(Turn { writer, record, back }).await {
        Ok(bytes) => Response::of("application/octet-stream", bytes),
        Err(reason) => Response::error(Status::SERVICE_UNAVAILABLE, &reason),
    }
}

fn number(request: &Request<Arc<Services>>, name: &str) -> Option<u64> {
    request.query(name).ok()??.parse().ok()
}

fn malformed() -> Response {
    Response::error(Status::BAD_REQUEST, "a number is missing, or is none")
}
