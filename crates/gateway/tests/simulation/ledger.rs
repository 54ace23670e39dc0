//! The truth about all channels, as far as anybody saw it, and what one reader of one channel must see of it.
//!
//! Everybody who is told that a publication has an offset notes it here: who published, by the API's answer, and all who
//! receive. All must agree: one publication for each offset, one offset for each publication, one epoch a channel. So a
//! publication delivered under a wrong number, or twice under two, is found by whoever notes it second.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

/// Publications that are recovered at once, at most (section 12 of the protocol).
const RECOVERED_MAX: u64 = 300;

/// Who published, and the how many-th it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) who: u64,
    pub(crate) number: u64,
}

impl Name {
    /// The data of a publication of this name, of about so many bytes.
    pub(crate) fn data(self, bytes: usize) -> Value {
        json!({ "who": self.who, "number": self.number, "padding": "x".repeat(bytes) })
    }

    fn of(data: &Value) -> Name {
        let field = |name| data[name].as_u64().unwrap_or_else(|| panic!("nobody published {data}"));
        Name { who: field("who"), number: field("number") }
    }
}

/// All channels.
pub(crate) struct Ledger {
    channels: BTreeMap<String, Channel>,
    history_size: u64,
}

#[derive(Default)]
struct Channel {
    epoch: Option<String>,
    names: BTreeMap<u64, Name>,
    offsets: HashMap<Name, u64>,
    /// Accepted by an answer that names no offset.
    accepted: Vec<Name>,
}

impl Ledger {
    pub(crate) fn new(history_size: u64) -> Ledger {
        Ledger { channels: BTreeMap::new(), history_size }
    }

    fn channel(&mut self, name: &str) -> &mut Channel {
        self.channels.entry(name.to_owned()).or_default()
    }

    /// Somebody was told this epoch.
    pub(crate) fn note_epoch(&mut self, channel: &str, epoch: &str) {
        let known = self.channel(channel).epoch.get_or_insert_with(|| epoch.to_owned());
        assert_eq!(known, epoch, "the epoch of {channel} changed, though the server never stopped");
    }

    /// Somebody was told that a publication of this name has this offset.
    pub(crate) fn note(&mut self, channel: &str, offset: u64, name: Name) {
        let it = self.channel(channel);
        let named = *it.names.entry(offset).or_insert(name);
        assert_eq!(named, name, "two publications have offset {offset} in {channel}");
        let numbered = *it.offsets.entry(name).or_insert(offset);
        assert_eq!(numbered, offset, "{name:?} is twice in {channel}");
    }

    /// A client was told that its publication was accepted.
    pub(crate) fn note_accepted(&mut self, channel: &str, name: Name) {
        self.channel(channel).accepted.push(name);
    }

    /// The highest offset that anybody has seen.
    pub(crate) fn top(&self, channel: &str) -> u64 {
        let it = self.channels.get(channel);
        it.and_then(|it| it.names.keys().next_back()).copied().unwrap_or(0)
    }

    pub(crate) fn publications(&self) -> usize {
        self.channels.values().map(|it| it.names.len()).sum()
    }

    /// At the end: no offset was left out, what was accepted is there, and every publisher's are in its order.
    pub(crate) fn expect_complete(&self) {
        for (name, channel) in &self.channels {
            let offsets: Vec<u64> = channel.names.keys().copied().collect();
            let all: Vec<u64> = (1..=offsets.len() as u64).collect();
            assert_eq!(offsets, all, "nobody ever saw some publications of {name}");
            for accepted in &channel.accepted {
                assert!(channel.offsets.contains_key(accepted), "{accepted:?} was accepted in {name}, and lost");
            }
            let mut latest: HashMap<u64, u64> = HashMap::new();
            for (offset, published) in &channel.names {
                let before = latest.insert(published.who, published.number);
                let in_order = before.is_none_or(|before| before < published.number);
                assert!(in_order, "{published:?} is out of order in {name}, at offset {offset} behind {before:?}");
            }
        }
    }
}

/// What one client has seen of one channel: a position that moves by one.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    who: String,
    pub(crate) channel: String,
    pub(crate) epoch: String,
    /// Where it stands; none: it has not begun.
    pub(crate) last: Option<u64>,
    /// Where it began.
    pub(crate) begun_at: Option<u64>,
    pub(crate) received: u64,
    pub(crate) recoveries: u64,
    pub(crate) gaps: u64,
}

impl Reader {
    pub(crate) fn new(who: &str, channel: &str) -> Reader {
        Reader {
            who: who.to_owned(),
            channel: channel.to_owned(),
            epoch: String::new(),
            last: None,
            begun_at: None,
            received: 0,
            recoveries: 0,
            gaps: 0,
        }
    }

    /// It is told where the channel stands, and reads from there on.
    pub(crate) fn begin(&mut self, ledger: &mut Ledger, epoch: &str, offset: u64) {
        assert_eq!(self.last, None, "{self}: it has begun already");
        ledger.note_epoch(&self.channel, epoch);
        self.epoch = epoch.to_owned();
        self.begun_at = Some(offset);
        self.last = Some(offset);
    }

    /// A publication has come: it is the next one, and the one that everybody else sees at this offset.
    pub(crate) fn on_publication(&mut self, ledger: &mut Ledger, offset: u64, data: &Value) {
        let last = self.last.unwrap_or_else(|| panic!("{self}: offset {offset} came before it began"));
        assert!(offset > last, "{self}: offset {offset} came twice or out of order");
        assert!(offset == last + 1, "{self}: offset {} was lost, {offset} came", last + 1);
        ledger.note(&self.channel, offset, Name::of(data));
        self.last = Some(offset);
        self.received += 1;
    }

    /// It is told that everything since its position follows.
    pub(crate) fn on_recovered(&mut self, ledger: &mut Ledger, epoch: &str) {
        ledger.note_epoch(&self.channel, epoch);
        assert_eq!(self.epoch, epoch, "{self}: recovered from another epoch");
        self.recoveries += 1;
    }

    /// It is told that something is missing, and that the channel stands at `top`: the history really must not reach back.
    pub(crate) fn on_gap(&mut self, ledger: &mut Ledger, epoch: &str, top: u64) {
        let last = self.last.expect("who has not begun misses nothing");
        ledger.note_epoch(&self.channel, epoch);
        let missed = top.checked_sub(last).unwrap_or_else(|| panic!("{self}: the channel went back to {top}"));
        let size = ledger.history_size.min(RECOVERED_MAX);
        assert!(missed > size, "{self}: a gap was announced though {missed} were missed and {size} are kept");
        self.last = Some(top);
        self.gaps += 1;
    }
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} at {:?}", self.who, self.channel, self.last)
    }
}
