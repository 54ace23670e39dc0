//! The task that keeps time for the clients of a core: pings, missing pongs, and closes that nobody answered.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crore_base::time::{Duration, Instant};
use crore_hub::ClientKey;
use crore_rt::net::SendError;
use crore_rt::time;

use crate::counters::Counter;
use crate::protocol::Disconnect;
use crate::seats::{AWAITS_PONG, CHECKS_PONG, Form};
use crate::shard::{Shard, stream_of};

/// Runs until the runtime ends. Sleeps while there is nobody.
pub(crate) async fn run(shard: Rc<Shard>) {
    loop {
        let beat = shard.heartbeat.borrow().as_ref().and_then(|heartbeat| heartbeat.next_deadline());
        wait_until([beat, shard.next_farewell()].into_iter().flatten().min(), &shard).await;
        let now = time::now();
        shard.end_farewells(now);
        let due = shard.heartbeat.borrow_mut().as_mut().map(|heartbeat| heartbeat.due(now));
        for bits in due.into_iter().flatten() {
            let client = ClientKey::from_bits(bits).expect("the ring gives back what was put in");
            beat_of(&shard, now, client);
        }
    }
}

/// Waits until a moment, or until there is a new one.
async fn wait_until(moment: Option<Instant>, shard: &Shard) {
    let mut timer = pin!(moment.map(time::sleep_until));
    poll_fn(|context| {
        let due = timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(context).is_ready());
        if due || shard.pulse.poll_notified(context).is_ready() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// A client's turn: ask for its pong, or send its ping.
fn beat_of(shard: &Shard, now: Instant, client: ClientKey) {
    let Some(sink) = shard.hub.borrow().sink(client) else {
        return; // it is gone, and so is its entry
    };
    let seat = *shard.seats.borrow_mut().at(client.index());
    let (interval, pong_timeout) = (shard.config.ping_interval, shard.config.pong_timeout);
    if seat.flags & CHECKS_PONG != 0 {
        if seat.flags & AWAITS_PONG != 0 {
            return shard.disconnect(client, Disconnect::NoPong);
        }
        shard.seats.borrow_mut().at(client.index()).flags = 0;
        return schedule(shard, now, interval - pong_timeout, client);
    }
    match stream_of(sink).send(shard.ping(seat.form).clone()) {
        Ok(()) => shard.count(Counter::PingsSent, 1),
        Err(SendError::Full { .. }) => return shard.disconnect(client, Disconnect::Slow),
        Err(SendError::Closed) => return, // its session is about to notice
    }
    let asks = seat.form == Form::WebSocket && pong_timeout > Duration::ZERO;
    if asks {
        shard.seats.borrow_mut().at(client.index()).flags = AWAITS_PONG | CHECKS_PONG;
    }
    schedule(shard, now, if asks { pong_timeout } else { interval }, client);
}

fn schedule(shard: &Shard, now: Instant, span: Duration, client: ClientKey) {
    if let Some(heartbeat) = &mut *shard.heartbeat.borrow_mut() {
        heartbeat.schedule(now, span, client);
    }
}
