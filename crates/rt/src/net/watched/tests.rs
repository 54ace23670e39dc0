//! Waiting for room, where the other end decides when there is some: datagrams over loopback never fill their sender's buffer.

use std::future::poll_fn;
use std::io::Read;
use std::os::unix::net::UnixStream;

use super::*;
use crate::{Runtime, spawn, yield_now};

#[test]
fn who_writes_more_than_the_system_takes_waits_for_room_and_who_reads_is_not_held_up() {
    let runtime = Runtime::builder().workers(1).pin(false).driver("epoll").build().expect("it can be built");
    runtime.block_on(async {
        let (near, mut far) = UnixStream::pair().expect("a descriptor is free");
        near.set_nonblocking(true).expect("it is open");
        let watched = Watched::new(near.into()).expect("it can be watched");
        let total = 3 << 20;
        let writing = spawn(async move {
            let mut written = 0;
            while written < total {
                let bytes = [7; 1 << 16];
                let write = |descriptor: &OwnedFd| rustix::io::write(descriptor, &bytes);
                written += poll_fn(|context| watched.poll_write(context, write)).await.expect("it is open");
            }
            (watched, written)
        });
        while !writing.is_finished() {
            yield_now().await;
            // As slowly as it can be: the writer must be told again and again.
            far.set_nonblocking(true).expect("it is open");
            while let Ok(1..) = far.read(&mut [0; 1 << 17]) {}
        }
        let (watched, written) = writing.await.expect("it does not panic");
        assert!(written >= total);
        rustix::io::write(&far, b"heard").expect("there is room");
        let read = |descriptor: &OwnedFd, mut lease: Lease| {
            let count = rustix::io::read(descriptor, &mut lease[..])?;
            lease.shorten(count);
            Ok(Ok(lease))
        };
        let heard = poll_fn(|context| watched.poll_read(context, read)).await.expect("it is open");
        assert_eq!(&heard[..], b"heard");
    });
}
