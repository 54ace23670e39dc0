//! Health, metrics and the console.

use crore_http::Status;
use crore_web::Response;

use super::{Request, arrive, metrics as text};
use crate::console;

pub(super) async fn health(request: Request) -> Response {
    arrive(&request);
    Response::of("application/json", b"{}".to_vec())
}

/// Whether new clients are welcome: a load balancer asks.
pub(super) async fn ready(request: Request) -> Response {
    match arrive(&request).node.is_draining() {
        false => Response::of("application/json", b"{}".to_vec()),
        true => {
            Response::of("application/json", b"{\"draining\":true}".to_vec()).with_status(Status::SERVICE_UNAVAILABLE)
        }
    }
}

/// Read by machines that seldom have keys: whoever reaches a listener that shows them may read them.
pub(super) async fn metrics(request: Request) -> Response {
    Response::of(text::CONTENT_TYPE, text::encode(&arrive(&request)).into_bytes())
}

pub(super) async fn console(request: Request) -> Result<Response, Response> {
    arrive(&request);
    let page = console::page(request.head().path()).expect("each route of the console has a page");
    let response = Response::of(page.content_type, page.body.as_bytes().to_vec());
    Ok(response
        .with("Content-Security-Policy", console::POLICY)?
        .with("X-Content-Type-Options", "nosniff")?
        .with("Cache-Control", "no-cache")?)
}
