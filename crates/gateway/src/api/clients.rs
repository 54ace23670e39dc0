//! The ways in for clients: WebSocket, event stream, long poll.

use std::rc::Rc;

use crore_base::time::Duration;
use crore_base::units;
use crore_http::ws::{Offer, Origins};
use crore_http::{Status, sse};
use crore_hub::Position;
use crore_web::{Response, websocket as check_websocket};

use super::Request;
use crate::limits::{POLL_DEFAULT, POLL_MAX};
use crate::session::commands::CHANNEL_BYTES;
use crate::session::events::Wish;
use crate::session::{events as event_session, poll as poll_session, websocket as websocket_session};
use crate::shard::Shard;

/// Spoken over WebSocket. JSON is meant also where a client names no protocol.
const PROTOCOLS: &[&str] = &["centrifuge-json"];

pub(super) async fn websocket(request: Request) -> Result<Response, Response> {
    let shard = super::arrive(&request);
    refuse_while_draining(&shard)?;
    let format = request.query("cf_protocol")?.or(request.query("format")?);
    if format.is_some_and(|format| format != "json") {
        return Err(Response::error(
            Status::BAD_REQUEST,
            "only the JSON protocol is spoken here: leave cf_protocol out",
        ));
    }
    let origins = match &*shard.config.allowed_origins {
        [] => Origins::SameHost,
        list if list.iter().any(|origin| origin == "*") => Origins::Any,
        list => Origins::Listed(list),
    };
    let offer = Offer { protocols: PROTOCOLS, origins };
    let accepted = check_websocket(request.head(), &offer)?;
    let takeover = Rc::clone(&shard);
    Ok(Response::websocket(&accepted, move |stream, unread| websocket_session::begin(takeover, stream, unread)))
}

pub(super) async fn events(request: Request) -> Result<Response, Response> {
    let shard = super::arrive(&request);
    refuse_while_draining(&shard)?;
    // What the browser saw last is newer than what the page's address says.
    let last = sse::last_event_id(request.head())
        .map_err(|error| Response::error(Status::BAD_REQUEST, &error.to_string()))?
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    let wish = wish(&request, last)?;
    let response = Response::event_stream(move |stream, _| event_session::begin(shard, stream, wish));
    // A page of any origin may listen where anybody may subscribe; proxies must not collect events.
    Ok(response.with("Access-Control-Allow-Origin", "*")?.with("X-Accel-Buffering", "no")?)
}

pub(super) async fn poll(request: Request) -> Result<Response, Response> {
    let shard = super::arrive(&request);
    refuse_while_draining(&shard)?;
    let wish = wish(&request, None)?;
    let timeout = timeout_of(&request)?;
    let response = match poll_session::wait(&shard, &wish, timeout).await {
        Ok(polled) => Response::of("application/json", polled.to_json()),
        Err(refusal) => {
            let body = serde_json::json!({ "error": { "code": refusal.code(), "message": refusal.message() } });
            Response::json(&body).with_status(Status::SERVICE_UNAVAILABLE)
        }
    };
    Ok(response.with("Cache-Control", "no-store")?.with("Access-Control-Allow-Origin", "*")?)
}

fn refuse_while_draining(shard: &Shard) -> Result<(), Response> {
    match shard.node.is_draining() {
        true => Err(Response::error(Status::SERVICE_UNAVAILABLE, "this server is about to stop: come back to another")
            .with("Retry-After", "1")?),
        false => Ok(()),
    }
}

/// What a request without commands asks for, checked against the settings.
fn wish(request: &Request, last_event_id: Option<String>) -> Result<Wish, Response> {
    let config = &request.state().config;
    let bad = |text: String| Response::error(Status::BAD_REQUEST, &text);
    let channel = request.query("channel")?.unwrap_or_default().into_owned();
    if channel.is_empty() {
        return Err(bad("name a channel: ?channel=NAME".to_owned()));
    }
    if channel.len() > CHANNEL_BYTES || !channel.is_ascii() {
        let length = channel.len();
        return Err(bad(format!("a channel name is ASCII of at most {CHANNEL_BYTES} bytes, this one has {length}")));
    }
    let since = match last_event_id.or(request.query("since")?.map(std::borrow::Cow::into_owned)) {
        None => None,
        Some(text) => {
            let position = text.parse::<Position>();
            Some(position.map_err(|error| bad(format!("malformed position {text:?}: {error}")))?)
        }
    };
    let namespace = config.namespace_of(&channel).copied().ok_or_else(|| {
        Response::error(Status::NOT_FOUND, &format!("the namespace of channel {channel:?} is not configured"))
    })?;
    if !config.allow_anonymous || !config.may_subscribe(&channel, &namespace) {
        return Err(Response::error(Status::FORBIDDEN, &format!("channel {channel:?} is not open to everybody")));
    }
    let since = since.filter(|_| namespace.recovers());
    Ok(Wish { channel, namespace, since })
}

/// How long a poll may wait: seconds, or a span such as `500ms`.
fn timeout_of(request: &Request) -> Result<Duration, Response> {
    let Some(text) = request.query("timeout")? else { return Ok(POLL_DEFAULT) };
    let span = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
            Ok(Duration::from_nanos((seconds.min(1e9) * 1e9) as u64))
        }
        Ok(_) => Err("it is not a time that can pass".to_owned()),
        Err(_) => units::parse_duration(&text).map_err(|error| error.to_string()),
    };
    let span = span.map_err(|error| {
        let text = format!("malformed timeout {text:?}: {error}; seconds are expected, such as 25");
        Response::error(Status::BAD_REQUEST, &text)
    })?;
    Ok(span.min(POLL_MAX))
}
