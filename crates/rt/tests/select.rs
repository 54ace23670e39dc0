//! The end of `select`'s sets, in a process of its own: whichever way connections are accepted, those beyond descriptor 1,023 are
//! refused, those below are served, and when descriptors are free again so are others.

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::thread;

use crore_base::time::Duration;
use crore_rt::net::{Accept, ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::{Runtime, spawn, stats, time};
use rustix::net::{AddressFamily, SocketType};

const CLIENTS: usize = 8;
/// So that three connections find a place.
const LAST_TAKEN: i32 = 1020;

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

fn take_up_to(last: i32) -> Vec<File> {
    let open = || File::open("/dev/null").expect("a descriptor is free");
    let mut taken = vec![open()];
    while taken[taken.len() - 1].as_raw_fd() < last {
        taken.push(open());
    }
    assert_eq!(taken[taken.len() - 1].as_raw_fd(), last, "the lowest free number is given first");
    taken
}

fn hears_hello(client: &OwnedFd) -> bool {
    matches!(rustix::io::read(client, &mut [0; 8]), Ok(5))
}

fn reach_the_end(accept: Accept) {
    println!("{accept}"); // shown when it fails
    let runtime = Runtime::builder().workers(1).pin(false).driver("select").build().expect("it can be built");
    runtime.block_on(async move {
        let options = ListenOptions { accept, ..ListenOptions::default() };
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = TcpListener::bind(any, &options).expect("loopback has free ports");
        let address = listener.local_addr();
        let socket = |_| rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("one is free");
        let clients: Vec<OwnedFd> = (0..CLIENTS).map(socket).collect();
        let taken = take_up_to(LAST_TAKEN);
        for client in &clients {
            rustix::net::connect(client, &address).expect("the kernel completes it");
        }
        let streams = Rc::new(RefCell::new(Vec::new()));
        let held = Rc::clone(&streams);
        let serving = spawn(async move {
            loop {
                let stream = listener.accept().await.expect("the listener works");
                stream.send(&b"hello"[..]).expect("the queue is empty");
                held.borrow_mut().push(stream);
            }
        });
        until(|| stats(None).accept_paused_full > 0).await;
        assert_eq!(streams.borrow().len(), 3, "{accept}: 1021 to 1023");
        let error = TcpStream::connect(address, &ConnectOptions::default()).await.expect_err("it is too high");
        let text = error.to_string();
        assert!(text.contains("descriptor 10") && text.contains("below 1024: choose poll or epoll"), "{text}");

        drop(taken);
        let late = socket(0);
        let answers = thread::spawn(move || {
            let served = clients.iter().filter(|client| hears_hello(client)).count();
            rustix::net::connect(&late, &address).expect("the kernel completes it");
            (served, hears_hello(&late))
        });
        until(|| answers.is_finished()).await;
        let (served, late_is_served) = answers.join().expect("it does not panic");
        assert!(late_is_served, "{accept}: it went on");
        assert_eq!((served + 1, served as u64 + 1), (streams.borrow().len(), stats(None).accepted), "{accept}");
        drop(serving);
    });
}

#[test]
fn connections_beyond_the_sets_are_refused_and_the_listener_goes_on() {
    crore_rt::raise_descriptor_limit();
    Accept::ALL.into_iter().for_each(reach_the_end);
}
