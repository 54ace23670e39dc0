//! What the kernel does for a listener: accepts that are begun, bring connections, end, and rest.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::Uring;
use super::file::{SlotFile, made};
use super::listener::{Accepted, Armed, Way};
use super::token::{Completion, Operation};
use crate::driver::ListenerId;
use crate::executor::waker::WakeSlot;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN, URING_ACCEPTED_MAX};
use crate::stats;

impl Uring {
    /// Has the kernel accept for a listener, unless it does or the listener rests.
    pub(super) fn start_accepting(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get(id as usize) else { return };
        let rests = listener.paused_until.is_some() || listener.failed.is_some();
        if rests || listener.way == Way::Undecided || listener.accepted.len() >= URING_ACCEPTED_MAX / 2 {
            return;
        }
        let ring = match (listener.armed, listener.way) {
            (Some(Armed { ring, operation: Operation::AcceptOne, .. }), _) => Ok(ring),
            (Some(_), _) => return,
            (None, Way::Table) => self.ring_with_room(),
            (None, _) => Ok(0),
        };
        match ring {
            Ok(ring) => self.arm(id, ring),
            Err(_) => {
                self.shed(id);
                self.pause(id, stats::ACCEPT_PAUSED_DESCRIPTORS);
            }
        }
    }

    fn arm(&mut self, id: ListenerId, number: usize) {
        let ring = &mut self.rings[number];
        let listener = self.listeners[id as usize].as_mut().expect("the caller found it");
        let operation = match (listener.way, listener.armed) {
            (Way::Polled { .. }, _) => Operation::AcceptReady,
            (Way::Descriptors, _) => Operation::AcceptDescriptors,
            (_, None) if ring.has_much_room() => Operation::AcceptIntoTable,
            _ => Operation::AcceptOne,
        };
        let (socket, token) = (listener.socket.as_fd(), listener.token(id, operation));
        let mut count = listener.armed.map_or(0, |armed| armed.count);
        match operation {
            Operation::AcceptReady => ring.poll(socket, libc::POLLIN, true, token),
            Operation::AcceptOne => {
                while count + 1 < ACCEPTS_PER_TURN && ring.has_room() {
                    ring.count_file();
                    ring.accept_one(socket, token);
                    count += 1;
                }
            }
            _ => ring.accept_all(socket, operation == Operation::AcceptIntoTable, token),
        }
        let count = if operation == Operation::AcceptOne { count } else { 1 };
        listener.armed = (count > 0).then_some(Armed { ring: number, operation, count, ending: false });
    }

    /// Ends an accept that goes on by itself once its table has not much room any more: others fill the table, too.
    pub(super) fn end_accepting_all(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        let Some(Armed { ring, operation: Operation::AcceptIntoTable, ending: ending @ false, .. }) =
            &mut listener.armed
        else {
            return;
        };
        let ring = *ring;
        if !self.rings[ring].has_much_room() {
            *ending = true;
            let token = listener.token(id, Operation::AcceptIntoTable);
            self.rings[ring].cancel(token);
        }
    }

    pub(super) fn on_accepted(&mut self, ring: usize, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let (token, id) = (completion.token, completion.token.index());
        let accepted = self.take_accepted(ring, completion);
        let found = self.listeners.get_mut(id as usize).and_then(Option::as_mut);
        let Some(listener) = found.filter(|listener| token.is_of(listener.generation)) else {
            // Accepted while the listener was being closed.
            return accepted.into_iter().for_each(|accepted| self.refuse(accepted));
        };
        if !completion.goes_on() {
            let armed = listener.armed.expect("what has ended was under way");
            listener.armed = (armed.count > 1).then_some(Armed { count: armed.count - 1, ..armed });
        }
        if completion.result < 0 {
            self.on_refused(id, Errno::from_raw_os_error(-completion.result), woken);
        } else {
            woken.push(std::mem::take(&mut listener.acceptor));
            match accepted {
                Some(accepted) => listener.accepted.push_back(accepted),
                None => listener.way = Way::Polled { ready: true },
            }
            if listener.accepted.len() >= URING_ACCEPTED_MAX && listener.armed.is_some() {
                self.rings[ring].cancel(token);
            }
        }
        self.start_accepting(id);
    }

    /// What a completion has brought, whoever it was for.
    fn take_accepted(&mut self, ring: usize, completion: Completion) -> Option<Accepted> {
        let (number_of_ring, ring) = (ring, &mut self.rings[ring]);
        match (u32::try_from(completion.result), completion.token.operation()) {
            (Ok(number), Operation::AcceptIntoTable) => {
                ring.count_file();
                Some(Accepted::InTable(SlotFile::direct(number_of_ring, number)))
            }
            (Ok(number), Operation::AcceptOne) => Some(Accepted::InTable(SlotFile::direct(number_of_ring, number))),
            (Ok(_), Operation::AcceptDescriptors) => Some(Accepted::Descriptor(made(completion.result))),
            (Err(_), Operation::AcceptOne) => {
                ring.discount_file();
                None
            }
            _ => None,
        }
    }

    /// An accept has failed.
    pub(super) fn on_refused(&mut self, id: ListenerId, error: Errno, woken: &mut Vec<WakeSlot>) {
        match error {
            // The client gave up while it waited, a signal came, or it was cancelled: accept(2) says to go on.
            Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM | Errno::CANCELED | Errno::AGAIN => {}
            Errno::NETDOWN | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NETUNREACH => {}
            Errno::MFILE | Errno::NFILE => {
                self.shed(id);
                self.pause(id, stats::ACCEPT_PAUSED_DESCRIPTORS);
            }
            Errno::NOBUFS | Errno::NOMEM => self.pause(id, stats::ACCEPT_PAUSED_FULL),
            error => {
                let listener = self.listeners[id as usize].as_mut().expect("the caller found it");
                listener.failed = Some(error);
                woken.push(std::mem::take(&mut listener.acceptor));
            }
        }
    }

    /// Has a listener rest whose connections find no slot: those that wait are told by closing them, and the kernel accepts no more.
    pub(super) fn rest(&mut self, id: ListenerId, reason: usize) {
        self.pause(id, reason);
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        let waiting: Vec<Accepted> = listener.accepted.drain(..).collect();
        if let Some(Armed { ring, operation, .. }) = listener.armed {
            self.rings[ring].cancel(listener.token(id, operation));
        }
        waiting.into_iter().for_each(|accepted| self.refuse(accepted));
    }

    pub(super) fn pause(&mut self, id: ListenerId, reason: usize) {
        let until = self.clock.now() + ACCEPT_PAUSE;
        if let Some(Some(listener)) = self.listeners.get_mut(id as usize) {
            listener.paused_until = Some(until);
        }
        self.counters.add(reason, 1);
    }

    /// Another core will not accept what it was woken for: this one looks.
    pub(super) fn look_again(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        if let Way::Polled { ready } = &mut listener.way {
            *ready = true;
            self.orphans.push(std::mem::take(&mut listener.acceptor));
        }
    }

    /// Descriptors have run out: tells some of the waiting clients by closing theirs.
    fn shed(&mut self, id: ListenerId) {
        if let Some(Some(listener)) = self.listeners.get(id as usize) {
            let shed = self.spare.shed(&listener.socket);
            self.counters.add(stats::ACCEPT_SHED, shed);
        }
    }
}
