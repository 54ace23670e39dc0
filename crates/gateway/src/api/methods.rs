//! The server API (section 21 of the protocol): `POST /api/METHOD` with a JSON body.

use std::rc::Rc;

use base64::Engine;
use crore_base::payload::Parcel;
use crore_http::Status;
use crore_hub::{Answer, Command, Since};
use crore_rt::channel::oneshot;
use crore_web::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Request, guard, info};
use crate::config::Namespace;
use crate::limits::{BROADCAST_CHANNELS, PUBLICATION_BYTES, PUBLICATION_DEPTH};
use crate::protocol::{ErrorCode, depth, history_result, one_line};
use crate::session::commands::CHANNEL_BYTES;
use crate::shard::Shard;

/// What a method gives: its result as JSON text (publications pass through untouched), or the protocol's error.
type Outcome = Result<String, ErrorCode>;

pub(super) async fn call(request: Request) -> Result<Response, Response> {
    guard::authorize(&request)?;
    let shard = super::arrive(&request);
    let outcome = match request.parameter("method") {
        "publish" => publish(&shard, request.json()?).await,
        "broadcast" => broadcast(&shard, request.json()?).await,
        "history" => history(&shard, request.json()?).await,
        "history_remove" => history_remove(&shard, request.json()?).await,
        "channels" => channels(&shard, request.json()?).await,
        "info" => {
            let _: Empty = request.json()?;
            Ok(json!({ "nodes": [info::node(&shard)] }).to_string())
        }
        unknown => {
            let text = format!(
                "there is no method {unknown:?}: publish, broadcast, history, history_remove, channels and info are offered"
            );
            return Err(Response::error(Status::NOT_FOUND, &text));
        }
    };
    Ok(Response::of("application/json", envelope(outcome).into_bytes()))
}

fn envelope(outcome: Outcome) -> String {
    match outcome {
        Ok(result) => format!("{{\"result\":{result}}}"),
        Err(error) => json!({ "error": { "code": error.code(), "message": error.message() } }).to_string(),
    }
}

#[derive(Deserialize)]
struct Empty {}

/// `publish` and `broadcast`: they differ in whether one channel is named or several.
#[derive(Deserialize)]
struct Publish {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default, deserialize_with = "crate::protocol::present")]
    data: Option<Box<RawValue>>,
    b64data: Option<String>,
    #[serde(default)]
    skip_history: bool,
    tags: Option<std::collections::BTreeMap<String, String>>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
struct History {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    limit: i32,
    since: Option<Position>,
    #[serde(default)]
    reverse: bool,
}

#[derive(Deserialize)]
struct Position {
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    epoch: String,
}

#[derive(Deserialize)]
struct OfChannel {
    #[serde(default)]
    channel: String,
}

#[derive(Deserialize)]
struct Channels {
    pattern: Option<String>,
}

async fn publish(shard: &Rc<Shard>, request: Publish) -> Outcome {
    let data = data_of(&request)?;
    publish_to(shard, &request.channel, data, &request).await
}

async fn broadcast(shard: &Rc<Shard>, request: Publish) -> Outcome {
    if request.channels.is_empty() || request.channels.len() > BROADCAST_CHANNELS {
        return Err(ErrorCode::BadRequest);
    }
    let data = data_of(&request)?;
    let mut responses = Vec::with_capacity(request.channels.len());
    for channel in &request.channels {
        responses.push(envelope(publish_to(shard, channel, data.clone(), &request).await));
    }
    Ok(format!("{{\"responses\":[{}]}}", responses.join(",")))
}

/// The data on one line. What came in base64 must be JSON, too: the protocol spoken here carries nothing else.
fn data_of(request: &Publish) -> Result<Parcel, ErrorCode> {
    let text = match (&request.data, &request.b64data) {
        (Some(data), _) => one_line(data.get()),
        (None, Some(encoded)) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| ErrorCode::BadRequest)?;
            let raw: Box<RawValue> = serde_json::from_slice(&bytes).map_err(|_| ErrorCode::BadRequest)?;
            one_line(raw.get())
        }
        (None, None) => return Err(ErrorCode::BadRequest),
    };
    match text.len() > PUBLICATION_BYTES || depth(&text) > PUBLICATION_DEPTH {
        true => Err(ErrorCode::BadRequest),
        false => Ok(Parcel::from(text)),
    }
}

async fn publish_to(shard: &Rc<Shard>, channel: &str, data: Parcel, request: &Publish) -> Outcome {
    let namespace = namespace_of(shard, channel)?;
    let tags = request.tags.as_ref().map(|tags| Parcel::from(json!(tags).to_string()));
    let command = Command::Publish(crore_hub::Publish {
        channel,
        data,
        info: None,
        tags,
        options: namespace.channel_options(),
        skip_history: request.skip_history,
        idempotency_key: request.idempotency_key.as_deref(),
    });
    match answer(shard, channel, command).await {
        Answer::Published { position: Some(position) } => {
            Ok(json!({ "offset": position.offset, "epoch": position.epoch.as_str() }).to_string())
        }
        Answer::Published { position: None } => Ok("{}".to_owned()),
        other => Err(refusal(&other)),
    }
}

async fn history(shard: &Rc<Shard>, request: History) -> Outcome {
    let namespace = namespace_of(shard, &request.channel)?;
    let command = Command::History {
        channel: &request.channel,
        limit: request.limit,
        since: request.since.map(|since| Since::new(since.offset, &since.epoch)),
        reverse: request.reverse,
        options: namespace.channel_options(),
    };
    match answer(shard, &request.channel, command).await {
        Answer::History(page) => Ok(history_result(&page)),
        other => Err(refusal(&other)),
    }
}

async fn history_remove(shard: &Rc<Shard>, request: OfChannel) -> Outcome {
    namespace_of(shard, &request.channel)?;
    match answer(shard, &request.channel, Command::HistoryRemove { channel: &request.channel }).await {
        Answer::HistoryRemoved => Ok("{}".to_owned()),
        other => Err(refusal(&other)),
    }
}

async fn channels(shard: &Rc<Shard>, request: Channels) -> Outcome {
    match answer(shard, "", Command::Channels { pattern: request.pattern.as_deref() }).await {
        Answer::Channels(listing) => {
            let entry = |channel: &crore_hub::ChannelCount| {
                (channel.name.to_string(), json!({ "num_clients": channel.clients }))
            };
            let channels: serde_json::Map<String, Value> = listing.channels.iter().map(entry).collect();
            let mut result = json!({ "channels": channels });
            if listing.truncated {
                result["truncated"] = json!(true);
            }
            Ok(result.to_string())
        }
        other => Err(refusal(&other)),
    }
}

fn namespace_of(shard: &Shard, channel: &str) -> Result<Namespace, ErrorCode> {
    if channel.is_empty() || channel.len() > CHANNEL_BYTES || !channel.is_ascii() {
        return Err(ErrorCode::BadRequest);
    }
    shard.config.namespace_of(channel).copied().ok_or(ErrorCode::UnknownChannel)
}

/// Gives a command to the hub, when it admits one, and waits for the answer.
async fn answer(shard: &Rc<Shard>, channel: &str, command: Command<'_>) -> Answer {
    shard.admission(channel).await;
    let (give, given) = oneshot::channel();
    shard.ask(command, move |_, answer| drop(give.send(answer)));
    given.await.expect("each command is answered")
}

fn refusal(answer: &Answer) -> ErrorCode {
    match answer {
        Answer::Refused(refusal) => ErrorCode::Hub(*refusal),
        _ => ErrorCode::Internal,
    }
}
