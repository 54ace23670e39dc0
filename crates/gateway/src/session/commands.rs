//! What clients ask (section 4 of the protocol): checked against the settings, given to the hub, answered in order.
//!
//! A command is answered before the next of the same connection is looked at. The answer is written where the hub gives it,
//! so that the answer to a subscribe precedes the channel's publications.

use std::rc::Rc;

use crore_base::payload::Parcel;
use crore_base::time::Duration;
use crore_hub::{Answer, ClientKey, Command as Ask, Since};
use crore_rt::channel::oneshot;
use crore_rt::net::StreamId;

use crate::config::{Namespace, is_private};
use crate::counters::Counter;
use crate::identity::Identity;
use crate::limits::PUBLICATION_DEPTH;
use crate::protocol::{
    Answered, Command, Connect, Disconnect, ErrorCode, History, Publish, Subscribe, connect_frame, depth, empty_frame,
    error_frame, history_frame, one_line, refresh_frame, subscribe_frame,
};
use crate::seats::Form;
use crate::session::websocket::{Next, Session};
use crate::shard::Shard;
use crate::token::TokenError;

/// Bytes of a channel name (section 18 of the protocol).
pub(crate) const CHANNEL_BYTES: usize = 255;

/// Bit of a subscribe's `flag`: answer error 112 instead of subscribing without recovery.
const REJECT_UNRECOVERED: i64 = 2;

/// Why a command is not given to the hub.
enum No {
    Error(ErrorCode),
    Away(Disconnect),
}

impl From<ErrorCode> for No {
    fn from(error: ErrorCode) -> No {
        No::Error(error)
    }
}

impl Session {
    pub(crate) async fn on_command(&mut self, command: Command<'_>) -> Next {
        let client = match (self.client, &command) {
            (None, Command::Connect(id, connect)) => return self.on_connect(*id, connect),
            (Some(client), _) => client,
            (None, _) => return self.send_away(Disconnect::BadRequest),
        };
        match command {
            Command::Connect(..) | Command::Pong => self.send_away(Disconnect::BadRequest),
            Command::Send => self.send_away(Disconnect::NotAvailable),
            Command::Refresh(id, token) => self.on_refresh(client, id, &token),
            Command::NotAvailable(id) => self.send(error_frame(id, ErrorCode::NotAvailable)),
            Command::Subscribe(id, subscribe) => {
                let done = self.on_subscribe(client, id, &subscribe).await;
                self.settled(id, done)
            }
            Command::Unsubscribe(id, channel) => self.on_unsubscribe(client, id, &channel).await,
            Command::Publish(id, publish) => {
                let done = self.on_publish(client, id, &publish).await;
                self.settled(id, done)
            }
            Command::History(id, history) => {
                let done = self.on_history(client, id, &history).await;
                self.settled(id, done)
            }
        }
    }

    fn settled(&self, id: u32, done: Result<(), No>) -> Next {
        match done {
            Ok(()) => Next::Go,
            Err(No::Error(error)) => self.send(error_frame(id, error)),
            Err(No::Away(reason)) => self.send_away(reason),
        }
    }

    fn on_connect(&mut self, id: u32, connect: &Connect<'_>) -> Next {
        if id == 0 {
            return self.send_away(Disconnect::BadRequest);
        }
        if self.shard.node.is_draining() {
            return self.send_away(Disconnect::Shutdown); // the drain has counted its clients already
        }
        let (identity, expires_at) = match self.credentials(&connect.token) {
            Ok(granted) => granted,
            Err(No::Away(reason)) => return self.send_away(reason),
            Err(No::Error(error)) => {
                let sent = self.send(error_frame(id, error));
                return if sent == Next::Go { Next::Refused } else { sent };
            }
        };
        let Some(client) = self.shard.enter(self.stream.id().to_bits(), Form::WebSocket, identity) else {
            return self.send_away(Disconnect::ConnectionLimit);
        };
        self.client = Some(client);
        let ttl = self.shard.expire(client, expires_at);
        let answered = Answered {
            client: &self.shard.client_id(self.shard.core as u16, client),
            ping: self.shard.ping_seconds(),
            pong: self.shard.config.pong_timeout > Duration::ZERO,
            ttl,
        };
        self.send(connect_frame(id, &answered))
    }

    /// A new token in the place of one that is about to expire.
    fn on_refresh(&mut self, client: ClientKey, id: u32, token: &str) -> Next {
        let Some(tokens) = self.shard.node.tokens.as_ref().filter(|_| !token.is_empty()) else {
            return self.send_away(Disconnect::BadRequest);
        };
        match tokens.connection(token) {
            Err(TokenError::Expired) => self.send_away(Disconnect::Expired),
            Ok(granted) if granted.identity.user == self.shard.identity_of(client).user => {
                let ttl = self.shard.expire(client, granted.expires_at);
                self.send(refresh_frame(id, &self.shard.client_id(self.shard.core as u16, client), ttl))
            }
            Ok(_) | Err(TokenError::Invalid) => self.send_away(Disconnect::InvalidToken),
        }
    }

    /// Who a token says the client is, and until when.
    fn credentials(&self, token: &str) -> Result<(Identity, Option<u64>), No> {
        let config = &self.shard.config;
        match &self.shard.node.tokens {
            Some(tokens) if !token.is_empty() => match tokens.connection(token) {
                Ok(granted) => Ok((granted.identity, granted.expires_at)),
                Err(TokenError::Expired) => Err(No::Error(ErrorCode::TokenExpired)),
                Err(TokenError::Invalid) => Err(No::Away(Disconnect::InvalidToken)),
            },
            // Where everybody may come, a token that nobody can check changes nothing.
            _ if config.allow_anonymous => Ok((Identity::default(), None)),
            _ if token.is_empty() => Err(No::Away(Disconnect::BadRequest)),
            _ => Err(No::Away(Disconnect::InvalidToken)),
        }
    }

    async fn on_subscribe(&mut self, client: ClientKey, id: u32, subscribe: &Subscribe<'_>) -> Result<(), No> {
        let channel = &*subscribe.channel;
        let namespace = self.namespace_of(channel)?;
        if !matches!(&*subscribe.delta, "" | "fossil") {
            return Err(No::Away(Disconnect::BadRequest));
        }
        if subscribe.tf.is_some() {
            return Err(ErrorCode::BadRequest.into());
        }
        if subscribe.kind != 0 {
            return Err(ErrorCode::NotAvailable.into());
        }
        self.may_subscribe(client, channel, &subscribe.token, &namespace)?;
        let offered = namespace.recovers();
        let asked = subscribe.offset;
        let since = (subscribe.recover && offered).then(|| Since::new(asked, &subscribe.epoch));
        let command = Ask::Subscribe {
            client,
            channel,
            since,
            reject_unrecovered: subscribe.flag & REJECT_UNRECOVERED != 0,
            options: namespace.channel_options(),
        };
        self.answered(channel, command, move |shard, stream, answer| match answer {
            Answer::Subscribed(subscribed) => {
                if subscribed.was_recovering {
                    shard.count(if subscribed.recovered { Counter::Recovered } else { Counter::Unrecovered }, 1);
                }
                reply(shard, client, stream, subscribe_frame(id, &subscribed, offered, asked));
            }
            other => reply_refusal(shard, client, stream, id, &other),
        })
        .await;
        Ok(())
    }

    fn may_subscribe(&self, client: ClientKey, channel: &str, token: &str, namespace: &Namespace) -> Result<(), No> {
        let config = &self.shard.config;
        if token.is_empty() {
            return match config.may_subscribe(channel, namespace) {
                true => Ok(()),
                false => Err(ErrorCode::PermissionDenied.into()),
            };
        }
        // A token alone decides, where there is one.
        let Some(tokens) = &self.shard.node.tokens else {
            return Err(ErrorCode::PermissionDenied.into());
        };
        let user = &self.shard.identity_of(client).user;
        match tokens.subscription(token, channel, user, &self.shard.client_id(self.shard.core as u16, client)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(No::Away(Disconnect::InvalidToken)),
            Err(TokenError::Expired) => Err(ErrorCode::TokenExpired.into()),
            Err(TokenError::Invalid) => Err(ErrorCode::PermissionDenied.into()),
        }
    }

    async fn on_unsubscribe(&mut self, client: ClientKey, id: u32, channel: &str) -> Next {
        if channel.is_empty() {
            return self.send_away(Disconnect::BadRequest);
        }
        self.answered(channel, Ask::Unsubscribe { client, channel }, move |shard, stream, answer| match answer {
            Answer::Unsubscribed => reply(shard, client, stream, empty_frame(id, "unsubscribe")),
            other => reply_refusal(shard, client, stream, id, &other),
        })
        .await;
        Next::Go
    }

    async fn on_publish(&mut self, client: ClientKey, id: u32, publish: &Publish<'_>) -> Result<(), No> {
        let channel = &*publish.channel;
        let namespace = self.namespace_of(channel)?;
        let is_stranger = is_private(channel) && !self.shard.hub.borrow().is_subscribed(client, channel);
        if is_stranger || !self.shard.config.may_publish(&namespace) {
            return Err(ErrorCode::PermissionDenied.into());
        }
        let data = one_line(publish.data.ok_or(ErrorCode::BadRequest)?.get());
        if depth(&data) > PUBLICATION_DEPTH {
            return Err(ErrorCode::BadRequest.into());
        }
        let command = Ask::Publish(crore_hub::Publish {
            channel,
            data: Parcel::from(data),
            info: Some(Parcel::from(client_info(&self.shard, client))),
            tags: None,
            options: namespace.channel_options(),
            skip_history: false,
            idempotency_key: None,
        });
        self.answered(channel, command, move |shard, stream, answer| match answer {
            Answer::Published { .. } => reply(shard, client, stream, empty_frame(id, "publish")),
            other => reply_refusal(shard, client, stream, id, &other),
        })
        .await;
        Ok(())
    }

    async fn on_history(&mut self, client: ClientKey, id: u32, history: &History<'_>) -> Result<(), No> {
        let channel = &*history.channel;
        let namespace = self.namespace_of(channel)?;
        if !namespace.channel_options().has_history() {
            return Err(ErrorCode::NotAvailable.into());
        }
        if !self.shard.config.is_open(channel) && !self.shard.hub.borrow().is_subscribed(client, channel) {
            return Err(ErrorCode::PermissionDenied.into());
        }
        let command = Ask::History {
            channel,
            limit: history.limit,
            since: history.since.as_ref().map(|since| Since::new(since.offset, &since.epoch)),
            reverse: history.reverse,
            options: namespace.channel_options(),
        };
        self.answered(channel, command, move |shard, stream, answer| match answer {
            Answer::History(page) => reply(shard, client, stream, history_frame(id, &page)),
            other => reply_refusal(shard, client, stream, id, &other),
        })
        .await;
        Ok(())
    }

    /// The settings of a channel that a client named.
    fn namespace_of(&self, channel: &str) -> Result<Namespace, No> {
        if channel.is_empty() {
            return Err(No::Away(Disconnect::BadRequest));
        }
        if channel.len() > CHANNEL_BYTES || !channel.is_ascii() {
            return Err(ErrorCode::BadRequest.into());
        }
        self.shard.config.namespace_of(channel).copied().ok_or(No::Error(ErrorCode::UnknownChannel))
    }

    /// Waits until an answer that was larger than the queue has left: one a client may wait at a time.
    async fn caught_up(&self) {
        let limit = self.shard.config.queue_bytes;
        if self.stream.id().queued() <= Some(limit) || self.stream.flushed().await.is_ok() {
            // Too late for a connection that is gone, of which the next read tells.
            let _ = self.stream.set_send_limit(limit);
        }
    }

    /// Gives a command to the hub, when it admits one, and waits until its answer is written.
    async fn answered(
        &self,
        channel: &str,
        command: Ask<'_>,
        write: impl FnOnce(&Rc<Shard>, StreamId, Answer) + 'static,
    ) {
        self.caught_up().await;
        self.shard.admission(channel).await;
        let (done, written) = oneshot::channel();
        let stream = self.stream.id();
        self.shard.ask(command, move |shard, answer| {
            write(shard, stream, answer);
            // The session may have been dropped meanwhile.
            let _ = done.send(());
        });
        written.await.expect("each command is answered");
    }
}

fn reply(shard: &Shard, client: ClientKey, stream: StreamId, frame: Vec<u8>) {
    shard.give(client, stream, frame);
}

fn reply_refusal(shard: &Shard, client: ClientKey, stream: StreamId, id: u32, answer: &Answer) {
    let error = match answer {
        Answer::Refused(refusal) => ErrorCode::Hub(*refusal),
        _ => ErrorCode::Internal,
    };
    reply(shard, client, stream, error_frame(id, error));
}

/// A client as others see it: `ClientInfo` (section 6 of the protocol).
fn client_info(shard: &Shard, client: ClientKey) -> Vec<u8> {
    let identity = shard.identity_of(client);
    let id = shard.client_id(shard.core as u16, client);
    let named = serde_json::json!({ "user": &*identity.user, "client": id });
    let mut json = named.to_string().into_bytes();
    if !identity.info.is_empty() {
        json.pop();
        json.extend_from_slice(b",\"conn_info\":");
        json.extend_from_slice(&identity.info);
        json.push(b'}');
    }
    json
}
