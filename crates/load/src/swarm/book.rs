//! What all clients have seen, checked: the first copy of anything is parsed whole, every further one is compared with it.
//!
//! Comparing bytes is the stricter check as well as the cheaper one: a copy that differs in anything is noticed.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::channel::Channel;
use super::reply::{self, Connected, Subscribed};
use crate::limits::{GAPPED_CLIENTS_MAX, GROUP_MEMBERS};
use crate::message::Mark;
use crate::stamp::Stamp;
use crate::track::{Tracker, Verdict};

/// The name of the channel of all.
pub(crate) const CHANNEL_OF_ALL: &str = "c10m";

/// One of a client's two subscriptions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Which {
    All = 0,
    Group = 1,
}

/// A client, as the book knows it. Its positions are lent by the client itself.
pub(super) struct Member<'a> {
    pub(super) index: u32,
    /// The highest offset of each subscription.
    pub(super) last: &'a mut [u32; 2],
    /// Set when publications were skipped: what comes then may be one of them.
    pub(super) gapped: &'a mut bool,
}

/// A publication as it came.
#[derive(Clone, Copy)]
pub(super) enum Copied<'a> {
    /// In a push: the whole frame.
    Frame(&'a [u8]),
    /// In the answer to a recovery.
    Recovered(&'a RawValue),
}

/// What became of a publication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// It is new to this client; published then, if it is ours.
    Delivered(Option<Stamp>),
    /// This client has had it.
    Again,
}

/// What a client's subscription began with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Joined {
    pub(super) recovered: u64,
}

/// The answer to a connect, and where in it the client's own id lies.
struct Form {
    frame: Box<[u8]>,
    id: std::ops::Range<usize>,
    pong: bool,
}

/// Everything that clients have in common.
pub(super) struct Book {
    run: u64,
    /// The channel of all, then the groups.
    channels: Vec<Channel>,
    connected: Option<Form>,
    gapped: HashMap<(u32, Which), Tracker>,
    /// Skipped by clients whose gaps are not remembered.
    lost_for_good: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

/// The group of a client.
pub(super) fn group_of(index: u32) -> u32 {
    index / GROUP_MEMBERS
}

/// Where a client's subscription is in the list of channels.
pub(super) fn channel_of(which: Which, index: u32) -> u32 {
    match which {
        Which::All => 0,
        Which::Group => 1 + group_of(index),
    }
}

/// The name of a channel of the list.
pub(crate) fn name_of(channel: u32) -> String {
    channel.checked_sub(1).map_or_else(|| CHANNEL_OF_ALL.to_owned(), |group| format!("g{group}"))
}

impl Book {
    pub(super) fn new(run: u64, clients: u32) -> Book {
        assert!(clients > 0, "a swarm has clients");
        let channels = std::iter::repeat_with(Channel::default).take(2 + group_of(clients - 1) as usize).collect();
        Book { run, channels, connected: None, gapped: HashMap::new(), lost_for_good: 0, duplicated: 0, reordered: 0 }
    }

    pub(super) fn channel(&mut self, which: Which, index: u32) -> &mut Channel {
        &mut self.channels[channel_of(which, index) as usize]
    }

    /// The channel of that number, if there is one.
    pub(super) fn numbered(&self, channel: u32) -> Option<&Channel> {
        self.channels.get(channel as usize)
    }

    /// The frame at the start of `bytes`, if it is the next publication of one of the member's channels, byte for byte as
    /// others got it: its length and stamp. This is the way of nearly all deliveries; it neither parses nor allocates.
    pub(super) fn take_known(
        &mut self,
        index: u32,
        last: &mut [u32; 2],
        bytes: &[u8],
    ) -> Option<(usize, Option<Stamp>)> {
        for which in [Which::Group, Which::All] {
            let channel = &mut self.channels[channel_of(which, index) as usize];
            let from = last[which as usize];
            let Some(recent) = channel.recent(from.wrapping_add(1)) else { continue };
            if bytes.starts_with(&recent.frame) {
                let (length, at) = (recent.frame.len(), recent.at);
                channel.pass(from, from + 1);
                last[which as usize] = from + 1;
                return Some((length, at));
            }
        }
        None
    }

    /// Takes a publication that is not simply the next known one.
    ///
    /// # Errors
    /// It has no offset, is not what others got or what was published, or leaps.
    pub(super) fn see(
        &mut self,
        member: &mut Member<'_>,
        which: Which,
        publication: &reply::Publication<'_>,
        copied: Copied<'_>,
    ) -> Result<Seen, String> {
        let offset = u32::try_from(publication.offset).ok().filter(|offset| *offset > 0);
        let offset = offset.ok_or_else(|| format!("a publication with the offset {}", publication.offset))?;
        let at = self.copy(member.index, which, offset, publication, copied)?;
        let last = member.last[which as usize];
        let verdict = self.place(member, which, offset);
        match verdict {
            Verdict::Duplicate => self.duplicated += 1,
            Verdict::Late => self.reordered += 1,
            Verdict::New => {
                self.channel(which, member.index).pass(last, offset);
                member.last[which as usize] = offset;
            }
        }
        Ok(if verdict == Verdict::Duplicate { Seen::Again } else { Seen::Delivered(at) })
    }

    /// Compares a copy with the first one, or is the first one; gives the stamp of ours.
    fn copy(
        &mut self,
        index: u32,
        which: Which,
        offset: u32,
        publication: &reply::Publication<'_>,
        copied: Copied<'_>,
    ) -> Result<Option<Stamp>, String> {
        let run = self.run;
        let channel = self.channel(which, index);
        if let Some(first) = channel.recent(offset) {
            let is_same = match copied {
                Copied::Frame(frame) => *frame == *first.frame,
                Copied::Recovered(raw) => {
                    first.frame.strip_suffix(b"}}").is_some_and(|pushed| pushed.ends_with(raw.get().as_bytes()))
                }
            };
            let name = name_of(channel_of(which, index));
            return if is_same { Ok(first.at) } else { Err(format!("a copy in {name} differs from the first one")) };
        }
        let at = stamp(run, publication.data.get())?;
        let frame = match copied {
            Copied::Frame(frame) => frame.into(),
            Copied::Recovered(_) => Box::default(),
        };
        channel.keep(offset, at, frame)?;
        Ok(at)
    }

    /// What an offset is to a member, whose gap is remembered if it opens one.
    fn place(&mut self, member: &mut Member<'_>, which: Which, offset: u32) -> Verdict {
        let last = member.last[which as usize];
        let key = (member.index, which);
        if *member.gapped && self.gapped.contains_key(&key) {
            return self.gapped.get_mut(&key).expect("it was just found").see(u64::from(offset));
        }
        if offset <= last {
            return Verdict::Duplicate;
        }
        let skipped = u64::from(offset - last - 1);
        if skipped > 0 && self.gapped.len() < GAPPED_CLIENTS_MAX {
            let mut tracker = Tracker::default();
            tracker.begin_after(u64::from(last));
            tracker.see(u64::from(offset));
            self.gapped.insert(key, tracker);
            *member.gapped = true;
        } else {
            self.lost_for_good += skipped;
        }
        Verdict::New
    }

    /// Publications that clients skipped, less those that came after all.
    pub(super) fn skipped(&self) -> u64 {
        self.lost_for_good + self.gapped.values().map(|tracker| tracker.lost(None)).sum::<u64>()
    }

    /// Publications up to an offset of a channel that its members should have and have not.
    pub(super) fn missing(&self, channel: u32, offset: u32) -> u64 {
        self.numbered(channel).map_or(0, |channel| channel.missing(offset))
    }

    /// The answer to a connect; true: pings are to be answered. `whole` reads it even if it looks like the others.
    ///
    /// # Errors
    /// It is no such answer.
    pub(super) fn connect(&mut self, frame: &[u8], text: &[u8], whole: bool) -> Result<bool, String> {
        if let Some(form) = self.connected.as_ref().filter(|form| !whole && form.fits(frame)) {
            return Ok(form.pong);
        }
        let reply = reply::read(text)?;
        let Connected { client, pong } = match (reply.id, reply.connect, reply.error) {
            (reply::CONNECT, Some(connected), _) => connected,
            (_, _, Some(error)) => return Err(format!("connect: {}", error.text())),
            _ => return Err("connect: answered with something else".to_owned()),
        };
        let at = frame.windows(client.len().max(1)).position(|window| window == client.as_bytes());
        let at = at.filter(|_| !client.is_empty()).ok_or("connect: answered without the client's id")?;
        self.connected = Some(Form { frame: frame.into(), id: at..at + client.len(), pong });
        Ok(pong)
    }

    /// The answer to a subscription; `back` for those who were here before.
    ///
    /// # Errors
    /// It was refused, has no positions, is of another stream, or did not recover what was missed.
    pub(super) fn subscribe(
        &mut self,
        member: &mut Member<'_>,
        which: Which,
        (frame, text): (&[u8], &[u8]),
        (back, whole): (bool, bool),
    ) -> Result<Joined, String> {
        let channel = self.channel(which, member.index);
        if !back && !whole && *channel.answer.0 == *frame {
            let offset = channel.answer.1;
            channel.join(offset)?;
            member.last[which as usize] = offset;
            return Ok(Joined { recovered: 0 });
        }
        let name = name_of(channel_of(which, member.index));
        let fail = |why: &str| format!("subscribe to {name}: {why}");
        let reply = reply::read(text)?;
        if let Some(error) = reply.error {
            return Err(fail(&error.text()));
        }
        let id = [reply::SUBSCRIBE_ALL, reply::SUBSCRIBE_GROUP][which as usize];
        let answer = reply.subscribe.filter(|_| reply.id == id).ok_or_else(|| fail("answered with something else"))?;
        if answer.epoch.is_empty() || !answer.recoverable {
            return Err(fail("no positions are offered: the gateway must keep history and recover"));
        }
        if channel.epoch.is_empty() {
            channel.epoch = answer.epoch.into();
        } else if *channel.epoch != *answer.epoch {
            return Err(fail("another epoch than others got"));
        }
        if back {
            return self.recover(member, which, &answer).map_err(|why| fail(&why));
        }
        let offset = u32::try_from(answer.offset).map_err(|_| fail("an offset beyond 32 bits"))?;
        channel.join(offset).map_err(|why| fail(&why))?;
        channel.answer = (frame.into(), offset);
        member.last[which as usize] = offset;
        Ok(Joined { recovered: 0 })
    }

    fn recover(&mut self, member: &mut Member<'_>, which: Which, answer: &Subscribed<'_>) -> Result<Joined, String> {
        if !answer.was_recovering || !answer.recovered {
            let last = u64::from(member.last[which as usize]);
            self.lost_for_good += answer.offset.saturating_sub(last);
            return Err("what was missed was not recovered".to_owned());
        }
        let mut recovered = 0;
        for raw in &answer.publications {
            let publication = reply::publication(raw)?;
            let seen = self.see(member, which, &publication, Copied::Recovered(raw))?;
            recovered += u64::from(seen != Seen::Again);
        }
        self.channel(which, member.index).come_back();
        Ok(Joined { recovered })
    }
}

impl Form {
    /// Whether a frame is this one but for the client's id.
    fn fits(&self, frame: &[u8]) -> bool {
        let own = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        frame.len() == self.frame.len()
            && frame[..self.id.start] == self.frame[..self.id.start]
            && frame[self.id.end..] == self.frame[self.id.end..]
            && frame[self.id.clone()].iter().all(own)
    }
}

/// The stamp of a publication of this run, which must be as it was published; none: it is somebody else's.
fn stamp(run: u64, data: &str) -> Result<Option<Stamp>, String> {
    let Some(mark) = serde_json::from_str::<Mark>(data).ok().filter(|mark| mark.run == run) else {
        return Ok(None);
    };
    match mark.data(data.len()) == data {
        true => Ok(Some(mark.at)),
        false => Err("a publication is not what was published".to_owned()),
    }
}

#[cfg(test)]
mod tests;
