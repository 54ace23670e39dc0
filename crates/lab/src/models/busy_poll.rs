//! Sockets that do not block, and a loop that asks each of them, again and again.

use std::io;
use std::thread::yield_now;

use super::conversation::{Client, Conversation, Need, room};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::{ACCEPTS_PER_TURN, CONNECTIONS_MAX};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "busy-poll",
    title: "asks every descriptor, again and again",
    story: "Before select, and wherever there is none: switch blocking off and ask each descriptor whether it has something. Nobody is \
            notified, nothing is registered, and with one busy connection no model answers sooner, because nobody has to \
            be woken; network cards in the hands of DPDK are driven so. But every question is a system call that mostly learns \
            nothing: the work of a round grows with all connections, not with those that say something, and the processor is \
            always fully used, also when nobody is there. When a whole round has found nothing, this one lets others run.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut room = room();
    leave_with_input()?;
    door.announce()?;
    loop {
        let before = conversations.len();
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(stream) = door.accept()? else { break };
            if conversations.len() < CONNECTIONS_MAX {
                conversations.push(Conversation::new(stream, place.session()));
            }
        }
        let mut idle = conversations.len() == before;
        conversations.retain_mut(|conversation| {
            let need = conversation.advance_inline(&mut room, &disk);
            idle &= matches!(need, Need::Read | Need::Write);
            !matches!(need, Need::Nothing)
        });
        if idle {
            yield_now();
        }
    }
}
