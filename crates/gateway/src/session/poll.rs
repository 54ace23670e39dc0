//! `/poll`: a request that waits in a queue until there is something to tell it, or its time is over.

use std::rc::Rc;

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_hub::{Answer, ClientKey, Position, Refusal};
use crore_rt::channel::oneshot;
use crore_rt::time;

use crate::counters::Counter;
use crate::identity::Identity;
use crate::protocol::write_publication;
use crate::seats::Form;
use crate::session::events::Wish;
use crate::shard::Shard;

/// A long poll on this core that waits for publications.
pub(crate) struct Waiting {
    publications: Vec<Payload>,
    last: u64,
    /// Told with the first publication; more of the same turn join it.
    told: Option<oneshot::Sender<()>>,
}

impl Waiting {
    /// Takes an encoded publication and its offset.
    pub(crate) fn take(&mut self, publication: Payload, offset: u64) {
        self.publications.push(publication);
        self.last = self.last.max(offset);
        if let Some(told) = self.told.take() {
            // Who gave up waiting is about to look here anyway.
            let _ = told.send(());
        }
    }
}

/// What a poll is answered with.
pub(crate) struct Polled {
    publications: Vec<Payload>,
    position: Option<Position>,
    /// Nothing between the position that was asked for and the first publication here is missing.
    recovered: bool,
}

/// Waits for what `wish` asks, at most `timeout`.
///
/// # Errors
/// The hub's reason why there is nothing to wait for.
pub(crate) async fn wait(shard: &Rc<Shard>, wish: &Wish, timeout: Duration) -> Result<Polled, Refusal> {
    let deadline = time::now() + timeout;
    // The sink of a poll is never sent to; it only must not be zero.
    let client = shard.enter(1, Form::Poll, Identity::default()).ok_or(Refusal::Overloaded)?;
    let guest = Guest { shard: Rc::clone(shard), client };
    let (told, tell) = oneshot::channel();
    let waiting = Waiting { publications: Vec::new(), last: 0, told: Some(told) };
    shard.waiting.borrow_mut().insert(client.to_bits(), waiting);
    let begun = subscribe(shard, client, wish).await?;
    if begun.publications.is_empty() && begun.recovered {
        // Over or told, the queue says which.
        let _ = time::deadline(deadline, tell).await;
    }
    Ok(guest.take(begun))
}

async fn subscribe(shard: &Rc<Shard>, client: ClientKey, wish: &Wish) -> Result<Polled, Refusal> {
    shard.admission(&wish.channel).await;
    let (give, given) = oneshot::channel();
    shard.ask(wish.command(client), move |_, answer| drop(give.send(answer)));
    match given.await {
        Ok(Answer::Subscribed(subscribed)) => {
            let lost = subscribed.was_recovering && !subscribed.recovered;
            if subscribed.was_recovering {
                shard.count(if lost { Counter::Unrecovered } else { Counter::Recovered }, 1);
            }
            let encode = |publication| {
                let mut json = Vec::new();
                write_publication(&mut json, publication);
                Payload::from(json)
            };
            Ok(Polled {
                publications: subscribed.publications.iter().map(encode).collect(),
                position: subscribed.position.filter(|_| wish.namespace.recovers()),
                recovered: !lost,
            })
        }
        Ok(Answer::Refused(refusal)) => Err(refusal),
        _ => Err(Refusal::Cancelled),
    }
}

/// A poll's client; it leaves however the poll ends.
struct Guest {
    shard: Rc<Shard>,
    client: ClientKey,
}

impl Guest {
    /// Adds what was delivered while waiting.
    fn take(self, begun: Polled) -> Polled {
        let Some(waiting) = self.shard.waiting.borrow_mut().remove(&self.client.to_bits()) else { return begun };
        let mut polled = begun;
        polled.publications.extend(waiting.publications);
        polled.position = polled.position.map(|top| Position { offset: top.offset.max(waiting.last), ..top });
        polled
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shard.waiting.borrow_mut().remove(&self.client.to_bits());
        self.shard.leave(self.client, None);
    }
}

impl Polled {
    /// The answer's body.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = b"{\"publications\":[".to_vec();
        for (place, publication) in self.publications.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            json.extend_from_slice(publication);
        }
        json.push(b']');
        if let Some(position) = self.position {
            json.extend_from_slice(format!(",\"position\":\"{position}\"").as_bytes());
        }
        json.extend_from_slice(format!(",\"recovered\":{}}}", self.recovered).as_bytes());
        json
    }
}
