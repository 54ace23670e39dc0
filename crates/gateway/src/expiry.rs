//! The end of connections whose token has expired and was not refreshed (section 10 of the protocol).
//!
//! Only clients with a token that expires cost anything here: a task that sleeps, and an entry that a refresh changes.

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crore_base::time::{Duration, Instant};
use crore_hub::ClientKey;
use crore_rt::{JoinHandle, spawn, time};

use crate::protocol::Disconnect;
use crate::shard::Shard;

/// A connection lives so long after its token has expired.
const GRACE: Duration = Duration::from_secs(25);

/// When a client is sent away, and the task that waits for it: dropped with the entry.
pub(crate) struct Expiry {
    end: Instant,
    _watch: JoinHandle<()>,
}

impl Shard {
    /// Ends a client's connection some time after `expires_at` (seconds since 1970; none: never), unless this is called again
    /// with a later time. Says how many seconds are left.
    pub(crate) fn expire(self: &Rc<Shard>, client: ClientKey, expires_at: Option<u64>) -> Option<u64> {
        let Some(expires_at) = expires_at else {
            self.forget_expiry(client);
            return None;
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let left = expires_at.saturating_sub(since_1970);
        let end = time::now() + Duration::from_secs(left) + GRACE;
        if let Some(expiry) = self.expiries.borrow_mut().get_mut(&client.to_bits()) {
            expiry.end = end;
            return Some(left);
        }
        let watch = spawn(watch(Rc::clone(self), client));
        self.expiries.borrow_mut().insert(client.to_bits(), Expiry { end, _watch: watch });
        Some(left)
    }

    /// The client is gone, or stays for ever.
    pub(crate) fn forget_expiry(&self, client: ClientKey) {
        let expiry = self.expiries.borrow_mut().remove(&client.to_bits());
        drop(expiry); // cancels the watch, outside the borrow
    }
}

async fn watch(shard: Rc<Shard>, client: ClientKey) {
    loop {
        let end = shard.expiries.borrow().get(&client.to_bits()).map(|expiry| expiry.end);
        match end {
            None => return, // about to be cancelled
            Some(end) if end <= time::now() => break,
            Some(end) => time::sleep_until(end).await,
        }
    }
    shard.disconnect(client, Disconnect::Expired);
}
