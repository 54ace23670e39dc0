//! The task that accepts for all cores of an address and hands the connections out in turn.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{JOINTS, Joint, lock};
use crate::current;
use crate::driver::ListenerId;
use crate::limits::HANDOVER_PAUSE;
use crate::{stats, time};

pub(super) struct Acceptor {
    joint: Arc<Joint>,
    listener: ListenerId,
    /// Whose turn it is.
    next: usize,
}

impl Acceptor {
    pub(super) fn new(joint: Arc<Joint>, listener: ListenerId) -> Acceptor {
        Acceptor { joint, listener, next: 0 }
    }

    /// Accepts until nobody is left to accept for.
    pub(super) async fn run(mut self) {
        loop {
            match poll_fn(|context| self.poll_next(context)).await {
                None => return,
                Some(Ok(socket)) => self.hand_over(socket).await,
                Some(Err(error)) => return self.joint.give_up(&error),
            }
        }
    }

    fn poll_next(&self, context: &Context<'_>) -> Poll<Option<io::Result<OwnedFd>>> {
        self.joint.acceptor.get_or_init(|| context.waker().clone());
        if self.is_over() {
            return Poll::Ready(None);
        }
        let accepted = current::with(|worker| worker.driver().borrow_mut().poll_accept_socket(self.listener, context));
        accepted.map(Some)
    }

    /// Decides under the lock under which others join, so that nobody joins what has ended.
    fn is_over(&self) -> bool {
        if !self.joint.is_empty() {
            return false;
        }
        let mut joints = lock(&JOINTS);
        let over = self.joint.is_empty();
        if over {
            joints.retain(|joint| !std::ptr::eq(joint.as_ptr(), Arc::as_ptr(&self.joint)));
        }
        over
    }

    async fn hand_over(&mut self, mut socket: OwnedFd) {
        loop {
            match self.joint.give(socket, self.next) {
                Ok(core) => {
                    self.next = core + 1;
                    return;
                }
                Err(_) if self.joint.is_empty() => return, // closing it tells the client
                Err(back) => socket = back,
            }
            current::with(|worker| worker.count(stats::ACCEPT_PAUSED_FULL, 1));
            time::sleep(HANDOVER_PAUSE).await;
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        current::try_with(|worker| worker.driver().borrow_mut().unlisten(self.listener));
    }
}
