//! Two hosts on one cable: two network namespaces with a veth of two queues between them, gone when the test ends.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

use crore_nic::Interface;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// 10.77.0.1 and 2001:db8::1 at `va` in `near`, 10.77.0.2 and 2001:db8::2 at `vb` in `far`.
pub(super) struct Lab {
    pub(super) near: String,
    pub(super) far: String,
}

impl Lab {
    /// `None`, and a line that says so, where this process may not make such a thing.
    pub(super) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let lab = Self { near: format!("crore-near-{number}"), far: format!("crore-far-{number}") };
        for name in [&lab.near, &lab.far] {
            let made = Command::new("ip").args(["netns", "add", name]).output();
            if !made.is_ok_and(|output| output.status.success()) {
                println!("skipped: needs CAP_NET_ADMIN, CAP_SYS_ADMIN and `ip`");
                return None;
            }
        }
        let (near, far) = (&lab.near, &lab.far);
        let queues = "numrxqueues 2 numtxqueues 2";
        ip(&format!("link add va netns {near} {queues} type veth peer name vb netns {far} {queues}"));
        for (name, interface, host) in [(near, "va", 1), (far, "vb", 2)] {
            ip(&format!("-n {name} addr add 10.77.0.{host}/16 dev {interface}"));
            ip(&format!("-n {name} addr add 2001:db8::{host}/64 dev {interface} nodad"));
            ip(&format!("-n {name} link set {interface} up"));
            ip(&format!("-n {name} link set lo up"));
        }
        // A kernel at the other end leaves checksums to a device that a veth has not.
        lab.at_far(|| interface("vb").set_checksum_offload(false).unwrap());
        lab.at_near(|| interface("va").set_checksum_offload(false).unwrap());
        Some(lab)
    }

    /// Does something as the host at `va`.
    pub(super) fn at_near<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        within(&self.near, work)
    }

    /// Does something as the host at `vb`.
    pub(super) fn at_far<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        within(&self.far, work)
    }

    /// Changes the near host: `ip` with these arguments.
    pub(super) fn ip_near(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.near));
    }

    /// Changes the far host.
    pub(super) fn ip_far(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.far));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            // One that was not made cannot be removed, and there is nothing to do about it.
            let _gone = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// A thread of its own: a namespace belongs to a thread, and stays until it ends.
pub(super) fn spawn_within<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    namespace: &str,
    work: impl FnOnce() -> R + Send + 'scope,
) -> ScopedJoinHandle<'scope, R> {
    let namespace = File::open(format!("/run/netns/{namespace}")).unwrap();
    scope.spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work()
    })
}

fn within<R: Send>(namespace: &str, work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| match spawn_within(scope, namespace, work).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// An interface of the namespace in which the thread is.
pub(super) fn interface(name: &str) -> Interface {
    Interface::find(name).unwrap().unwrap_or_else(|| panic!("no interface {name}"))
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
