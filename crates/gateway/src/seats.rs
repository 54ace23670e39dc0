//! What the gateway remembers of each client beside the hub: eight bytes, at the index of the client's key.

/// An identity's number for those without a token.
pub(crate) const ANONYMOUS: u32 = 0;

/// A ping is unanswered.
pub(crate) const AWAITS_PONG: u8 = 1;
/// The next heartbeat asks for the pong of the last ping, instead of sending one.
pub(crate) const CHECKS_PONG: u8 = 2;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seat {
    /// Who it is, a number in the table of identities.
    pub(crate) identity: u32,
    pub(crate) form: Form,
    pub(crate) flags: u8,
}

/// How publications reach a client. The numbers are what the hub calls a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum Form {
    /// The JSON protocol in WebSocket text frames.
    #[default]
    WebSocket = 0,
    /// Server-sent events.
    Events = 1,
    /// The answer to a long poll.
    Poll = 2,
}

impl Form {
    pub(crate) fn from_number(number: u8) -> Form {
        match number {
            0 => Form::WebSocket,
            1 => Form::Events,
            2 => Form::Poll,
            _ => unreachable!("the hub gives back the forms it was given"),
        }
    }
}

/// The seats of one core. Indexes are dense, so a plain array serves.
#[derive(Default)]
pub(crate) struct Seats(Vec<Seat>);

impl Seats {
    /// Gives the seat of this index to a new client.
    pub(crate) fn take(&mut self, index: u32, seat: Seat) {
        let index = index as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, Seat::default());
        }
        self.0[index] = seat;
    }

    /// The seat of a client that lives.
    pub(crate) fn at(&mut self, index: u32) -> &mut Seat {
        &mut self.0[index as usize]
    }
}
