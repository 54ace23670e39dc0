//! What nobody consumes does not keep a core awake, whichever way the model reports, and is not forgotten either.

use std::io::Read;
use std::net::Shutdown;

use rustix::net::sockopt;

use super::*;

#[test]
fn unread_bytes_are_told_at_most_twice_and_what_comes_after_they_were_read_is_told_again() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let (near, mut far) = connected();
        let connection = stage.adopt(near);
        for round in 1..5_u8 {
            far.write_all(&[round; 100]).expect("there is room");
            stage.wait();
            stage.comes_to_rest("unread bytes");
            far.write_all(&[round; 50]).expect("there is room");
            stage.comes_to_rest("more of them");
            stage.drain(connection, 150);
            stage.comes_to_rest("nothing is left");
        }
    }
}

#[test]
fn a_flood_that_is_read_a_lease_at_a_time_is_read_to_its_end() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let (near, far) = UnixStream::pair().expect("a pair");
        let connection = stage.adopt(near);
        far.set_nonblocking(true).expect("it is open");
        let mut sent = 0;
        let mut received = 0;
        for _ in 0..200 {
            sent += (&far).write(&[0; 40_000]).unwrap_or(0);
            stage.turn();
            if let Poll::Ready(bytes) = stage.receive(connection) {
                received += bytes.expect("it is in order").len();
            }
        }
        stage.drain(connection, sent - received);
        stage.comes_to_rest("all was read");
    }
}

#[test]
fn a_peer_that_is_gone_does_not_keep_the_core_awake_though_nobody_reads() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        // An end of one direction, of both, and a reset with unread bytes before it.
        let (half, far_half) = connected();
        let (closed, far_closed) = UnixStream::pair().expect("a pair");
        let (reset, mut far_reset) = connected();
        let connections = [stage.adopt(half), stage.adopt(closed), stage.adopt(reset)];
        far_half.shutdown(Shutdown::Write).expect("it is open");
        drop(far_closed);
        far_reset.write_all(b"unread").expect("there is room");
        stage.comes_to_rest("before they go");
        sockopt::set_socket_linger(&far_reset, Some(std::time::Duration::ZERO)).expect("it is open");
        drop(far_reset);
        stage.comes_to_rest("they are gone");

        assert!(stage.received(connections[0]).expect("it ended in order").is_empty());
        assert!(stage.received(connections[1]).expect("it ended in order").is_empty());
        assert_eq!(stage.received(connections[2]).expect("it came before the reset"), b"unread");
        assert!(stage.received(connections[2]).is_err(), "it was reset");
        stage.comes_to_rest("their ends were read");
        for connection in connections {
            stage.driver.close(connection, Close::Abort);
        }
        stage.comes_to_rest("they are closed");
    }
}

#[test]
fn writing_is_watched_only_while_something_waits_that_the_kernel_would_not_take() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let (near, mut far) = connected();
        let connection = stage.adopt(near);
        stage.comes_to_rest("it could be written to");
        stage.driver.send(connection, Payload::from(&b"little"[..])).expect("it is open");
        stage.comes_to_rest("all was taken");
        // More than both ends' buffers hold.
        let large = 32 << 20;
        stage.driver.send_beyond(connection, Payload::from(vec![7; large])).expect("it is open");
        stage.comes_to_rest("the peer does not read");
        assert!(stage.driver.queued(connection).expect("it is open") > 0, "the kernel did not take all");
        far.write_all(b"unread").expect("there is room");
        stage.comes_to_rest("the peer writes and does not read");

        far.set_nonblocking(true).expect("it is open");
        let (mut bytes, mut received) = (vec![0; 1 << 16], 0);
        while received < 6 + large {
            received += far.read(&mut bytes).unwrap_or(0);
            stage.turn();
        }
        assert_eq!(stage.driver.queued(connection), Some(0));
        stage.comes_to_rest("all was sent");
        stage.drain(connection, 6);
    }
}

#[test]
fn clients_that_nobody_accepts_wait_quietly_and_are_all_accepted_at_last() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        socket.set_nonblocking(true).expect("it is open");
        let address = socket.local_addr().expect("it is bound");
        let listener = stage.driver.listen_on(socket.into(), 1000, false).expect("it can be registered");
        let waker = stage.waker();
        let mut held = Vec::new();
        for round in 1..4 {
            let client = TcpStream::connect(address).expect("somebody listens");
            stage.wait();
            stage.comes_to_rest("a client waits");
            held.push(client);
            held.push(TcpStream::connect(address).expect("somebody listens"));
            stage.comes_to_rest("another waits");
            for _ in 0..2 {
                while stage.driver.poll_accept_socket(listener, &Context::from_waker(&waker)).is_pending() {
                    stage.wait();
                }
            }
            let third = stage.driver.poll_accept_socket(listener, &Context::from_waker(&waker));
            assert!(third.is_pending(), "there were two in round {round}");
            stage.comes_to_rest("all were accepted");
        }
    }
}

#[test]
fn a_listener_that_rests_because_slots_ran_out_is_quiet_meanwhile() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        socket.set_nonblocking(true).expect("it is open");
        let address = socket.local_addr().expect("it is bound");
        let listener = stage.driver.listen_on(socket.into(), 1000, false).expect("it can be registered");
        let _clients: Vec<_> = (0..12).map(|_| TcpStream::connect(address).expect("somebody listens")).collect();
        let waker = stage.waker();
        let mut accepted = 0;
        while stage.count(stats::ACCEPT_PAUSED_FULL) == 0 {
            match stage.driver.poll_accept(listener, &Context::from_waker(&waker)) {
                Poll::Ready(connection) => {
                    connection.expect("the listener works");
                    accepted += 1;
                }
                Poll::Pending => stage.wait(),
            }
        }
        assert_eq!(accepted, 8);
        assert!(stage.driver.next_deadline().is_some(), "the rest has an end");
        stage.comes_to_rest("the listener rests");
    }
}

#[test]
fn datagrams_that_nobody_receives_are_told_at_most_twice_and_later_ones_again() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let address = socket.local_addr().expect("it is bound");
        let copy = socket.try_clone().expect("a descriptor is free");
        copy.set_nonblocking(true).expect("it is open");
        let watch =
            stage.driver.watch(copy.try_clone().expect("a descriptor is free").into()).expect("it can be registered");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let waker = stage.waker();
        for round in 0..4 {
            sender.send_to(b"one", address).expect("loopback takes it");
            stage.wait();
            sender.send_to(b"two", address).expect("loopback takes it");
            stage.comes_to_rest("unread datagrams");
            let mut received = 0;
            while received < 2 {
                match stage.driver.poll_watch(watch, &Context::from_waker(&waker)) {
                    Poll::Ready(readable) => {
                        readable.expect("it is watched");
                        received += std::iter::from_fn(|| copy.recv(&mut [0; 8]).ok()).count();
                    }
                    Poll::Pending => stage.wait(),
                }
            }
            assert_eq!(received, 2, "round {round}");
            stage.comes_to_rest("all were received");
        }
        assert!(stage.driver.poll_watch_writable(watch, &Context::from_waker(&waker)).is_pending());
        stage.wait();
        assert!(stage.driver.poll_watch_writable(watch, &Context::from_waker(&waker)).is_ready());
        stage.comes_to_rest("it could be written to, and nobody asks");
    }
}

#[test]
fn the_bell_ends_a_sleep_each_time_it_is_rung() {
    for model in MODELS {
        let mut stage = Stage::new(model);
        for _ in 0..3 {
            rustix::io::write(stage.place.core(0).bell(), &1_u64.to_ne_bytes()).expect("the counter has room");
            stage.wait();
            stage.comes_to_rest("it has rung");
        }
    }
}
