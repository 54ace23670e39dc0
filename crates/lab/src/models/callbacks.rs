//! Call-backs on readiness, with crore's own reactor.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use crore_rt::reactor::{Handle, Interest, Reactor};

use super::conversation::{Client, Conversation, Need, room};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::{ACCEPTS_PER_TURN, CONNECTIONS_MAX};
use crate::service::{Disk, Protocol};

pub(super) const MODEL: Model = Model {
    name: "callbacks",
    title: "call-backs on a reactor",
    story: "The same event loop with the loop out of sight: a function is registered for each descriptor, and called when it is \
            ready. libevent, libev and Node's first ten years are made of this, and so was every graphical program before. It \
            composes where a loop of one's own does not, because strangers' libraries can register at the same reactor. But what was one \
            function with a loop becomes several that leave each other notes: every variable that must survive a wait lives in \
            a structure or a closure, errors have no caller to go to, and who owns what is a question without a place. As fast as the \
            reactor beneath, but for two small allocations a connection and an indirect call an event.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

/// What all call-backs see.
struct House {
    place: Place,
    disk: Disk,
    room: RefCell<Box<[u8]>>,
}

fn serve(place: &Place) -> io::Result<()> {
    let house = Rc::new(House { place: place.clone(), disk: place.disk()?, room: RefCell::new(room()) });
    let door = Door::non_blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    let mut reactor = Reactor::new()?;
    reactor.register(door, Interest::READ, move |handle, door, _| on_door(handle, door, &house))?;
    reactor.run()
}

fn on_door(handle: &mut Handle, door: &Door, house: &Rc<House>) {
    for _ in 0..ACCEPTS_PER_TURN {
        match door.accept() {
            Ok(Some(stream)) if handle.len() < CONNECTIONS_MAX => {
                if let Err(error) = admit(handle, Rc::new(stream), Rc::clone(house)) {
                    eprintln!("a connection was closed, because there was no room for it: {error}");
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => {
                eprintln!("the door is broken, and nobody else can come in: {error}");
                handle.remove(handle.current());
                return;
            }
        }
    }
}

fn admit(handle: &mut Handle, stream: Rc<std::net::TcpStream>, house: Rc<House>) -> io::Result<()> {
    let mut conversation = Conversation::new(Rc::clone(&stream), house.place.session());
    let mut interest = Interest::READ;
    let on_ready = move |handle: &mut Handle, _: &Rc<_>, _| {
        let wanted = match conversation.advance_inline(&mut house.room.borrow_mut(), &house.disk) {
            Need::Read => Interest::READ,
            Need::Write => Interest::WRITE,
            // Everything is sent, so there is room to write, and we are called again at once.
            Need::Turn => Interest::READ | Interest::WRITE,
            Need::Nothing | Need::Work(_) => {
                handle.remove(handle.current());
                return;
            }
        };
        if wanted != interest {
            interest = wanted;
            if handle.modify(handle.current(), wanted).is_err() {
                handle.remove(handle.current());
            }
        }
    };
    handle.register(stream, Interest::READ, on_ready).map(drop)
}
