//! How many are allowed, of everything: each bound with its reason and the attack it stops.

use crore_base::time::Duration;

/// Clients of one core: ten million connections on one core with room to spare. Stops: connections without end (the
/// listener refuses earlier; this is the last line).
const CLIENTS: u32 = 1 << 24;

/// Subscriptions of one core, all clients together: four for each client. Stops: many clients with many subscriptions
/// each, which together would take the memory of the others.
const SUBSCRIPTIONS: u32 = 1 << 26;

/// Subscriptions of one client: the protocol's default. Stops: one connection that subscribes without end.
const SUBSCRIPTIONS_PER_CLIENT: u16 = 128;

/// Channels that one core remembers as their home, and as many again that it delivers to: enough for a personal channel of
/// each of ten million clients on 8 cores. Stops: inventing channel names to fill memory.
const CHANNELS: u32 = 1 << 21;

/// Bytes in a channel name: the protocol's default. Stops: names as a way to store data.
const CHANNEL_NAME_BYTES: usize = 255;

/// Bytes of a publication's data: what the server API may send. Clients are held to less by the gateway's message limit.
/// Stops: one publication, multiplied by its subscribers, that fills every send queue.
const PUBLICATION_BYTES: usize = 1 << 20;

/// Publications in one answer to `history`, and the most a recovery brings back: the protocol's default. Stops: a small
/// request with an answer without end, ten thousand times after a cut.
const HISTORY_PAGE: u32 = 300;

/// Bytes of publications kept by one core, overhead included. Stops: history as a way to fill memory.
const HISTORY_BYTES: u64 = 256 << 20;

/// How long the position of a channel outlives its publications: the protocol's default. Stops: names used once that
/// stay for ever.
const META_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Messages in an outbox to another core at which nothing more is admitted. Long enough to fill a ring several times in a
/// turn, short enough that what waits is milliseconds old. Stops: a slow core that makes the others hold its work.
const OUTBOX_MESSAGES: usize = 1024;

/// Bytes of publications in such an outbox. They are shared with the log, so this is a bound for what is not kept.
const OUTBOX_BYTES: u64 = 16 << 20;

/// Publications waiting for delivery on a core at which no more replies are taken. Stops: publishing faster than the walks
/// deliver; publishers are held back then.
const BACKLOG_MESSAGES: usize = 4096;

/// Bytes of publications waiting for delivery.
const BACKLOG_BYTES: u64 = 64 << 20;

/// Idempotency keys remembered by a core; the oldest is forgotten first. Stops: a new key with each publication.
const IDEMPOTENCY_KEYS: usize = 1 << 16;

/// How long an idempotency key is remembered: the protocol's five minutes.
const IDEMPOTENCY_TTL: Duration = Duration::from_secs(5 * 60);

/// Questions to all cores that may wait for their answers at once. Stops: asking for listings faster than they are made.
const GATHERS: usize = 64;

/// Channels, or members, that one core adds to a listing. Stops: a listing that takes more memory than what it lists.
const LISTING_PAGE: usize = 10_000;

/// Bytes in an idempotency key. Stops: keys as a way to store data.
pub(crate) const IDEMPOTENCY_KEY_BYTES: usize = 255;

/// Bytes in a pattern of `channels`; matching costs at most pattern × name steps a channel.
pub(crate) const PATTERN_BYTES: usize = 255;

/// A queue takes this many times its bound before a command is refused: between the two the gateway is asked to hold back
/// (`Hub::admits`), and what was already on its way still gets in.
pub(crate) const HARD_BOUND: usize = 2;

/// Publications of one channel that a walk delivers together: they leave in one write. As the protocol's "messages joined
/// in one frame".
pub(crate) const WALK_BATCH: usize = 16;

/// Members that a walk visits before the next channel has its turn: small enough that a channel of three members does not
/// wait for a channel of a million, large enough that the prefetches ahead pay off.
pub(crate) const WALK_SLICE: usize = 256;

/// How many members ahead of the one at work a walk touches its client record, and its sink.
pub(crate) const PREFETCH_CLIENT: usize = 16;
/// The second stage: when the client record has arrived, its sink is prefetched.
pub(crate) const PREFETCH_SINK: usize = 8;

/// Things that one call of `on_timeout` lets expire; more stay due at once. A turn of the loop stays short this way.
pub(crate) const EXPIRE_BATCH: usize = 256;

/// The grain of the expiry of kept publications. Reads are exact; this only says how late memory is given back.
pub(crate) const EXPIRY_TICK: Duration = Duration::from_millis(100);

/// The bounds of a shard that an operator may set. `Default` gives the figures described in this crate's `limits.rs`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Clients on this core.
    pub clients: u32,
    /// Subscriptions on this core.
    pub subscriptions: u32,
    /// Subscriptions of one client.
    pub subscriptions_per_client: u16,
    /// Channels whose home is this core, and as many again with subscribers on it.
    pub channels: u32,
    /// Bytes in a channel name.
    pub channel_name_bytes: usize,
    /// Bytes of a publication's data.
    pub publication_bytes: usize,
    /// Publications in one history answer and in a recovery.
    pub history_page: u32,
    /// Bytes kept in the logs of this core; when full, the channel that publishes loses its oldest.
    pub history_bytes: u64,
    /// How long a position outlives its publications.
    pub meta_ttl: Duration,
    /// Messages in an outbox at which `admits` says no.
    pub outbox_messages: usize,
    /// Publication bytes in an outbox at which `admits` says no.
    pub outbox_bytes: u64,
    /// Publications waiting for walks at which `takes_replies` says no.
    pub backlog_messages: usize,
    /// Their bytes at which it says no.
    pub backlog_bytes: u64,
    /// Idempotency keys remembered.
    pub idempotency_keys: usize,
    /// How long each is remembered.
    pub idempotency_ttl: Duration,
    /// Listings under way at once.
    pub gathers: usize,
    /// Entries that each core adds to a listing.
    pub listing_page: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clients: CLIENTS,
            subscriptions: SUBSCRIPTIONS,
            subscriptions_per_client: SUBSCRIPTIONS_PER_CLIENT,
            channels: CHANNELS,
            channel_name_bytes: CHANNEL_NAME_BYTES,
            publication_bytes: PUBLICATION_BYTES,
            history_page: HISTORY_PAGE,
            history_bytes: HISTORY_BYTES,
            meta_ttl: META_TTL,
            outbox_messages: OUTBOX_MESSAGES,
            outbox_bytes: OUTBOX_BYTES,
            backlog_messages: BACKLOG_MESSAGES,
            backlog_bytes: BACKLOG_BYTES,
            idempotency_keys: IDEMPOTENCY_KEYS,
            idempotency_ttl: IDEMPOTENCY_TTL,
            gathers: GATHERS,
            listing_page: LISTING_PAGE,
        }
    }
}
