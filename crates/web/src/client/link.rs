//! A connection between two exchanges, and where it goes when one is over.
//!
//! Not here: what is said on it ([`Upload`](super::Upload), [`Download`](super::Download)). Invariant: a link that is given home is at the
//! beginning of a response: nothing was received that nobody asked for.

use crore_rt::net::TcpStream;

use super::agent::Place;
use crate::input::Input;

/// A connection and what was received on it and not yet read.
#[derive(Debug)]
pub(crate) struct Link {
    pub(super) stream: TcpStream,
    pub(super) input: Input,
}

/// Where a connection goes after a response that lets it go on.
#[derive(Debug)]
pub(super) enum Home<'a> {
    /// Back to the client that it is lent from.
    Client(&'a mut Option<Link>),
    /// To the kept connections of an agent.
    Agent(Place),
}

impl From<TcpStream> for Link {
    fn from(stream: TcpStream) -> Self {
        Link { stream, input: Input::default() }
    }
}

impl Home<'_> {
    pub(super) fn take_back(self, link: Link) {
        assert!(link.input.is_empty(), "a connection with bytes that nobody asked for is not used again");
        match self {
            Home::Client(place) => *place = Some(link),
            Home::Agent(place) => place.keep(link),
        }
    }
}
