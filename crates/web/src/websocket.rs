//! The check of a WebSocket's request, as a handler needs it.

use crore_http::RequestHead;
use crore_http::ws::{self, Accepted, Offer, Refusal};

use crate::response::Response;

/// Checks that a request begins a WebSocket that the server takes; answer with
/// [`Response::websocket`](crate::Response::websocket).
///
/// # Errors
/// The response that says why not, precisely: 405, 426, 400, 403 or 505.
pub fn websocket<'a>(head: &RequestHead, offer: &Offer<'a>) -> Result<Accepted<'a>, Response> {
    ws::accept(head, offer).map_err(refuse)
}

fn refuse(refusal: Refusal) -> Response {
    let mut response = Response::error(refusal.status(), &refusal.to_string());
    if let Some((name, value)) = refusal.field()
        && let Err(error) = response.fields_mut().push(name, value)
    {
        return error.into();
    }
    response
}
