//! The readiness models by name, and nothing else that differs between them.

use std::io;

use super::epoll::Epoll;
use super::poll::Poll;
use super::poller::Poller;
use super::portable::Portable;
use super::select::Select;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Model {
    Select,
    Poll,
    EpollLt,
    Epoll,
    Portable,
}

impl Model {
    /// The model called so, if there is one.
    pub(crate) fn named(name: &str) -> Option<Model> {
        Some(match name {
            "select" => Model::Select,
            "poll" => Model::Poll,
            "epoll-lt" => Model::EpollLt,
            "epoll" => Model::Epoll,
            "portable" => Model::Portable,
            _ => return None,
        })
    }

    pub(super) fn open(self) -> io::Result<Box<dyn Poller>> {
        Ok(match self {
            Model::Select => Box::new(Select::new()),
            Model::Poll => Box::new(Poll::new()),
            Model::EpollLt => Box::new(Epoll::at_the_level()?),
            Model::Epoll => Box::new(Epoll::at_the_edge()?),
            Model::Portable => Box::new(Portable::new()?),
        })
    }
}
