//! What a client does with its bytes: known publications are compared, everything else is read.

use std::rc::Rc;
use std::task::Context;

use super::{Client, End, Link, Partial, Stage, flag};
use crate::limits::SWARM_UPGRADE_BYTES_MAX;
use crate::swarm::book::{Copied, Member, Seen, Which, channel_of, group_of, name_of};
use crate::swarm::frame::{self, Kind};
use crate::swarm::openings;
use crate::swarm::reply;
use crate::swarm::words::{Greeting, SHUTDOWN};

/// The flags of a subscription: subscribed, and away from it.
pub(super) fn flags_of(which: Which) -> (u8, u8) {
    match which {
        Which::All => (flag::MEMBER_OF_ALL, flag::AWAY_FROM_ALL),
        Which::Group => (flag::MEMBER_OF_GROUP, flag::AWAY_FROM_GROUP),
    }
}

impl Client {
    /// Takes what has come, and keeps what is incomplete.
    pub(super) fn take(&mut self, bytes: &[u8], context: &Context<'_>) -> Result<(), End> {
        let Some(mut partial) = self.partial.take() else {
            let used = self.consume(bytes, context)?;
            if used < bytes.len() {
                self.partial = Some(Box::new(Partial(bytes[used..].to_vec())));
            }
            return Ok(());
        };
        partial.0.extend_from_slice(bytes);
        let used = self.consume(&partial.0, context)?;
        partial.0.drain(..used);
        if !partial.0.is_empty() {
            self.partial = Some(partial);
        }
        Ok(())
    }

    /// Everything that is complete; how many bytes that was.
    fn consume(&mut self, bytes: &[u8], context: &Context<'_>) -> Result<usize, End> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if self.stage == Stage::Upgrading {
                match self.upgraded(rest)? {
                    None => break,
                    Some(used) => at += used,
                }
            } else if let Some(used) = self.take_known(rest) {
                at += used;
            } else {
                let Some(frame) = frame::first(rest)? else { break };
                at += frame.whole.len();
                self.on_frame(frame.whole, frame.kind, context)?;
            }
        }
        Ok(at)
    }

    /// The next publication, if others have had it.
    fn take_known(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.stage != Stage::Ready || self.is(flag::GAPPED) {
            return None;
        }
        let (used, at) = self.swarm.book.borrow_mut().take_known(self.index, &mut self.last, bytes)?;
        self.swarm.on_delivery(at);
        Some(used)
    }

    /// The answer to the upgrade, if it is complete: how long it is. Greets.
    fn upgraded(&mut self, bytes: &[u8]) -> Result<Option<usize>, End> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return match bytes.len() > SWARM_UPGRADE_BYTES_MAX {
                true => Err(format!("upgrade: an answer above {SWARM_UPGRADE_BYTES_MAX} bytes").into()),
                false => Ok(None),
            };
        };
        let used = end + 4;
        self.swarm.words.check_upgrade(&bytes[..used])?;
        let mut book = self.swarm.book.borrow_mut();
        let mut position = |which: Which| (self.last[which as usize], book.channel(which, self.index).epoch.clone());
        let back = self.is(flag::MEMBER_OF_GROUP).then(|| [position(Which::All), position(Which::Group)]);
        drop(book);
        self.send(self.swarm.words.greeting(Greeting { group: group_of(self.index), back }))?;
        self.stage = Stage::Greeting;
        Ok(Some(used))
    }

    fn on_frame(&mut self, whole: &[u8], kind: Kind<'_>, context: &Context<'_>) -> Result<(), End> {
        match kind {
            Kind::Text(text) => self.on_text(whole, text, context),
            Kind::Ping(payload) => self.send(self.swarm.words.pong_frame(payload)),
            Kind::Pong => Ok(()),
            Kind::Close(Some(SHUTDOWN), _) if self.swarm.closing.get() && self.stage == Stage::Ready => {
                self.stage = Stage::Leaving;
                self.swarm.counts.goodbyes.set(self.swarm.counts.goodbyes.get() + 1);
                self.send(self.swarm.words.goodbye.clone())
            }
            Kind::Close(code, reason) => {
                let code = code.map_or("without a code".to_owned(), |code| code.to_string());
                Err(format!("closed: {code} {}", String::from_utf8_lossy(reason)).trim_end().into())
            }
        }
    }

    fn on_text(&mut self, whole: &[u8], text: &[u8], context: &Context<'_>) -> Result<(), End> {
        if text.starts_with(b"{\"push\"") {
            return self.on_push(whole, text);
        }
        if text == b"{}" {
            return if self.is(flag::PONGS) { self.send(self.swarm.words.pong.clone()) } else { Ok(()) };
        }
        match self.stage {
            Stage::Greeting => {
                let pongs = self.swarm.book.borrow_mut().connect(whole, text, self.is(flag::SAMPLED))?;
                self.flags |= if pongs { flag::PONGS } else { 0 };
                self.stage = Stage::JoiningAll;
            }
            Stage::JoiningAll => {
                self.join(Which::All, whole, text)?;
                self.stage = Stage::JoiningGroup;
            }
            Stage::JoiningGroup => {
                self.join(Which::Group, whole, text)?;
                self.become_ready(context);
            }
            Stage::Ready => self.on_answer(text)?,
            Stage::Connecting | Stage::Upgrading | Stage::Leaving => {
                return Err("an answer to nothing that was asked".into());
            }
        }
        Ok(())
    }

    fn join(&mut self, which: Which, whole: &[u8], text: &[u8]) -> Result<(), End> {
        let (member, away) = flags_of(which);
        let how = (self.is(member), self.is(flag::SAMPLED));
        let swarm = Rc::clone(&self.swarm);
        let joined = self.with_member(|one| swarm.book.borrow_mut().subscribe(one, which, (whole, text), how))?;
        self.flags = (self.flags | member) & !away;
        swarm.counts.recovered.set(swarm.counts.recovered.get() + joined.recovered);
        Ok(())
    }

    /// Lends the book what it needs of this client.
    fn with_member<T>(&mut self, use_it: impl FnOnce(&mut Member<'_>) -> T) -> T {
        let mut gapped = self.is(flag::GAPPED);
        let value = use_it(&mut Member { index: self.index, last: &mut self.last, gapped: &mut gapped });
        self.flags |= if gapped { flag::GAPPED } else { 0 };
        value
    }

    fn become_ready(&mut self, context: &Context<'_>) {
        assert!(self.slot != openings::NONE, "who opens has a slot");
        self.swarm.openings.borrow_mut().end(self.slot);
        (self.slot, self.stage) = (openings::NONE, Stage::Ready);
        let Link::Open(stream) = &self.link else { unreachable!("answers come on a stream") };
        let waker = self.is(flag::LEAVER).then(|| context.waker().clone());
        self.swarm.on_ready(self.index, waker, self.is(flag::SAMPLED).then(|| stream.id()));
    }

    fn on_push(&mut self, whole: &[u8], text: &[u8]) -> Result<(), End> {
        let push = reply::read(text)?.push.ok_or("a push that is none")?;
        let is = |which| push.channel == name_of(channel_of(which, self.index));
        let which = [Which::All, Which::Group].into_iter().find(|&which| is(which));
        let which = which.ok_or("a push of a channel that was not subscribed to")?;
        let (member, away) = flags_of(which);
        if let Some(why) = push.unsubscribe.or(push.disconnect) {
            return Err(format!("sent away: {}", why.text()).into());
        }
        let Some(raw) = push.publication else { return Ok(()) };
        if !self.is(member) || self.is(away) {
            return Err("a publication came before the answer to its subscription".into());
        }
        let publication = reply::publication(raw)?;
        let swarm = Rc::clone(&self.swarm);
        let seen =
            self.with_member(|one| swarm.book.borrow_mut().see(one, which, &publication, Copied::Frame(whole)))?;
        if let Seen::Delivered(at) = seen {
            swarm.on_delivery(at);
        }
        Ok(())
    }

    /// The answer to the round trip: our group must be where we know it to be.
    fn on_answer(&mut self, text: &[u8]) -> Result<(), End> {
        let reply = reply::read(text)?;
        if let Some(error) = reply.error {
            return Err(format!("round trip: {}", error.text()).into());
        }
        let history = reply.history.filter(|_| reply.id == reply::VERIFY && self.is(flag::SAMPLED));
        let history = history.ok_or("an answer to nothing that was asked")?;
        let swarm = Rc::clone(&self.swarm);
        let mut book = swarm.book.borrow_mut();
        let is_ours = *book.channel(Which::Group, self.index).epoch == *history.epoch;
        drop(book);
        if !is_ours || history.offset < u64::from(self.last[Which::Group as usize]) {
            return Err("round trip: another position than the client's".into());
        }
        swarm.on_verified();
        Ok(())
    }
}
