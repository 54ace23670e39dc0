//! Fan-out as a walk: a channel's waiting publications, up to a batch of them, go to its members one after the other.
//!
//! A walk stops when its slice is used up and goes on where it stood at the channel's next turn. Its members before `place`
//! have the whole batch, the others nothing of it. Each publication is encoded once for each form that is met. Members
//! ahead are prefetched in two stages: the client record, then whatever the gateway keeps for its sink.

use crore_base::payload::Payload;

use crate::clients::{ClientKey, Clients};
use crate::limits::{PREFETCH_CLIENT, PREFETCH_SINK, WALK_BATCH};
use crate::local::LocalChannel;
use crate::message::Numbered;
use crate::position::Position;
use crate::publication::Publication;

/// Where a walk hands its publications to.
pub trait Deliver {
    /// The client with this sink will be delivered to in a moment: touch its memory ahead.
    fn prefetch(&mut self, sink: u64);

    /// Encodes a publication in one form. Called once a publication and form on each core, when the first member with this
    /// form is met. `position` is what goes with it if it is in the stream: its offset and the stream's epoch.
    fn encode(&mut self, form: u8, channel: &str, publication: &Publication, position: Option<Position>) -> Payload;

    /// Gives an encoded publication to a client. A client that cannot take it (gone, too slow) is for the gateway to
    /// remember and to disconnect *after* the walk; until then the walk goes on calling for it.
    fn deliver(&mut self, client: ClientKey, sink: u64, form: u8, payload: &Payload, publication: &Publication);
}

/// A batch encoded in one form, as far as it was needed.
struct Encoded {
    form: u8,
    payloads: [Option<Payload>; WALK_BATCH],
}

/// How far the delivery of a batch has come.
pub(crate) struct Walk {
    /// Members before this place have the batch.
    pub(crate) place: usize,
    /// Publications in the batch: the first of the channel's queue.
    pub(crate) batch: usize,
    encoded: Vec<Encoded>,
}

/// What walks have done.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: u64,
    pub(crate) skipped: u64,
    pub(crate) encoded: u64,
    /// How many deliveries there should have been: what the canary counts by.
    #[cfg(feature = "canary")]
    canary: u64,
}

/// A member for whom a publication is missing: its client's slot. The subscription is to be ended.
pub(crate) type Missing = u32;

impl Walk {
    pub(crate) fn new(waiting: usize) -> Walk {
        debug_assert!(waiting > 0);
        Walk { place: 0, batch: waiting.min(WALK_BATCH), encoded: Vec::new() }
    }

    /// The batch encoded in a form: the place in `encoded`.
    fn form(&mut self, form: u8) -> usize {
        let found = self.encoded.iter().position(|encoded| encoded.form == form);
        found.unwrap_or_else(|| {
            self.encoded.push(Encoded { form, payloads: [const { None }; WALK_BATCH] });
            self.encoded.len() - 1
        })
    }
}

/// Goes on with the walk of a channel (or begins one) until it is done or the slice is used up. Gives what was used of the
/// slice (a delivery, or a member that needed none, counts as one) and how many publications are done with.
pub(crate) fn step(
    channel: &mut LocalChannel,
    clients: &Clients,
    slice: usize,
    out: &mut impl Deliver,
    tally: &mut Tally,
    missing: &mut Vec<Missing>,
) -> (usize, usize) {
    if channel.queue.is_empty() {
        return (0, 0);
    }
    let waiting = channel.queue.len();
    let mut walk = channel.walk.take().unwrap_or_else(|| Box::new(Walk::new(waiting)));
    debug_assert!(walk.batch <= waiting && walk.place <= channel.members.len());
    let mut used = 0;
    while used < slice && walk.place < channel.members.len() {
        prefetch(channel, clients, walk.place, out);
        let before = tally.deliveries;
        if let Some(lost) = visit(channel, &mut walk, clients, out, tally) {
            missing.push(lost);
        }
        used += (tally.deliveries - before).max(1) as usize;
        walk.place += 1;
    }
    if walk.place < channel.members.len() {
        channel.walk = Some(walk);
        return (used, 0);
    }
    (used, walk.batch)
}

fn prefetch(channel: &LocalChannel, clients: &Clients, place: usize, out: &mut impl Deliver) {
    if let Some(member) = channel.members.get(place + PREFETCH_CLIENT) {
        clients.prefetch(member.client);
    }
    let near = channel.members.get(place + PREFETCH_SINK);
    if let Some(client) = near.and_then(|member| clients.at(member.client)) {
        out.prefetch(client.sink);
    }
}

/// Gives the member at the walk's place what it lacks of the batch. `Some`: a publication before it is missing.
fn visit(
    channel: &mut LocalChannel,
    walk: &mut Walk,
    clients: &Clients,
    out: &mut impl Deliver,
    tally: &mut Tally,
) -> Option<Missing> {
    let member = &mut channel.members[walk.place];
    let (Some(client), Some(key)) = (clients.at(member.client), clients.key_at(member.client)) else {
        debug_assert!(false, "a member without a client");
        return None;
    };
    let form = walk.form(client.form);
    for (number, numbered) in channel.queue.range(..walk.batch).enumerate() {
        if numbered.sequence <= member.last {
            tally.skipped += 1;
            continue;
        }
        if numbered.sequence != member.last + 1 {
            // It gets nothing more from here; the hub ends the subscription after this slice.
            member.last = u64::MAX;
            return Some(member.client);
        }
        member.last = numbered.sequence;
        if tally.is_lost_on_purpose() {
            continue;
        }
        let payload = walk.encoded[form].payloads[number].get_or_insert_with(|| {
            tally.encoded += 1;
            let position = position(numbered);
            out.encode(client.form, &channel.name, &numbered.publication, position)
        });
        out.deliver(key, client.sink, client.form, payload, &numbered.publication);
        tally.deliveries += 1;
    }
    None
}

fn position(numbered: &Numbered) -> Option<Position> {
    let offset = numbered.publication.offset;
    (offset > 0).then_some(Position { offset, epoch: numbered.epoch })
}

impl Tally {
    /// The canary: one delivery in a thousand is lost although it counts as given, and the simulation must find it.
    #[cfg(feature = "canary")]
    fn is_lost_on_purpose(&mut self) -> bool {
        self.canary += 1;
        self.canary.is_multiple_of(1000)
    }

    #[cfg(not(feature = "canary"))]
    fn is_lost_on_purpose(&mut self) -> bool {
        false
    }
}
