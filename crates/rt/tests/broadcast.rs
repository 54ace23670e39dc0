//! Channels in which every receiver hears everything, and waiting for several things at once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crore_base::time::Duration;
use crore_rt::channel::broadcast::{self, Lost};
use crore_rt::channel::{mpsc, notify::Notify, watch};
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::{blocking, spawn, time, yield_now};
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, select, select_biased};

#[crore_rt::test]
async fn every_receiver_hears_every_value_from_when_it_subscribed() {
    let (sender, mut first) = broadcast::channel(8);
    assert_eq!(sender.send(1), 1);
    let mut second = sender.subscribe();
    assert_eq!(sender.send(2), 2);
    let mut third = first.clone();
    drop(sender);
    let mut heard = Vec::new();
    for receiver in [&mut first, &mut second, &mut third] {
        while let Ok(value) = receiver.recv().await {
            heard.push(value);
        }
        assert_eq!(receiver.try_recv(), Some(Err(Lost::Closed)));
    }
    assert_eq!(heard, [1, 2, 2, 1, 2]);
}

#[crore_rt::test]
async fn who_waits_is_woken_by_a_value_and_by_the_end() {
    let (sender, receiver) = broadcast::channel(4);
    let sums: Vec<_> = (0..50)
        .map(|_| {
            let mut receiver = receiver.clone();
            spawn(async move {
                let mut sum = 0;
                while let Ok(value) = receiver.recv().await {
                    sum += value;
                }
                sum
            })
        })
        .collect();
    drop(receiver);
    for value in 1..=100 {
        assert_eq!(sender.send(value), 50);
        yield_now().await;
    }
    drop(sender);
    for sum in join_all(sums).await {
        assert_eq!(sum.expect("it does not panic"), 5050);
    }
}

#[crore_rt::test]
async fn a_receiver_that_is_too_slow_is_told_how_many_it_lost_and_goes_on() {
    let (sender, mut slow) = broadcast::channel(4);
    let mut quick = sender.subscribe();
    for value in 0..10 {
        sender.send(value);
        assert_eq!(quick.recv().await, Ok(value));
    }
    assert_eq!(slow.recv().await, Err(Lost::Lagged(6)));
    for value in 6..10 {
        assert_eq!(slow.recv().await, Ok(value));
    }
    assert_eq!(slow.try_recv(), None);
}

#[crore_rt::test]
async fn values_that_nobody_can_hear_any_more_are_dropped() {
    let value = Rc::new(());
    let (sender, receiver) = broadcast::channel(4);
    sender.send(Rc::clone(&value));
    assert_eq!(Rc::strong_count(&value), 2);
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
    assert_eq!(sender.send(Rc::clone(&value)), 0);
    assert_eq!(Rc::strong_count(&value), 1);
    let mut late = sender.subscribe();
    assert_eq!(late.try_recv(), None);
    sender.send(Rc::clone(&value));
    assert!(matches!(late.try_recv(), Some(Ok(_))));
}

#[crore_rt::test]
async fn a_wait_that_was_given_up_loses_nothing() {
    let (sender, mut receiver) = broadcast::channel(4);
    for value in 0..10 {
        assert!(time::timeout(Duration::from_millis(1), receiver.recv()).await.is_err());
        sender.send(value);
        assert_eq!(receiver.recv().await, Ok(value));
    }
}

#[crore_rt::test]
async fn a_watcher_sees_the_latest_value_and_the_end() {
    let (sender, mut receiver) = watch::channel(0);
    let mut late = {
        sender.send(1);
        sender.send(2);
        sender.subscribe()
    };
    assert_eq!(receiver.changed().await, Ok(()));
    assert_eq!(*receiver.borrow(), 2);
    let watching = spawn(async move {
        let mut seen = Vec::new();
        while late.changed().await.is_ok() {
            seen.push(*late.borrow());
        }
        seen
    });
    for value in [3, 4] {
        yield_now().await;
        sender.send(value);
    }
    yield_now().await;
    drop(sender);
    assert_eq!(watching.await.expect("it does not panic"), [3, 4]);
    assert_eq!(receiver.changed().await, Ok(()));
    assert_eq!(receiver.changed().await, Err(watch::Final));
    assert_eq!(*receiver.borrow(), 4);
}

#[crore_rt::test]
async fn a_sender_that_gives_up_waiting_leaves_no_trace() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).expect("there is room");
    let counted = Rc::new(());
    for _ in 0..100 {
        let value = Rc::clone(&counted);
        let waited = time::timeout(Duration::from_millis(1), async {
            sender.send(1).await.expect("the receiver lives");
            drop(value);
        });
        assert!(waited.await.is_err());
    }
    let waiting = sender.clone();
    let sent = spawn(async move { waiting.send(2).await });
    yield_now().await;
    assert_eq!((receiver.recv().await, receiver.recv().await), (Some(0), Some(2)));
    sent.await.expect("it does not panic").expect("the receiver lives");
    assert_eq!(Rc::strong_count(&counted), 1);
}

/// What came first, in the order in which it came.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Event {
    Bytes(Vec<u8>),
    Queued(u32),
    Broadcast(u32),
    Changed(u32),
    Rung,
    Computed(u32),
    Time,
}

#[crore_rt::test(seeds = 20)]
async fn select_waits_for_streams_queues_timers_and_broadcasts_at_once() {
    let address = "10.0.0.1:80".parse().expect("an address");
    let listener = TcpListener::bind(address, &ListenOptions::default()).expect("the address is free");
    let (queue, mut queued) = mpsc::channel(4);
    let (sender, mut receiver) = broadcast::channel(4);
    let (setting, mut watched) = watch::channel(0);
    let bell = Rc::new(Notify::new());
    let peer = {
        let bell = Rc::clone(&bell);
        spawn(async move {
            let stream = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
            let pause = || time::sleep(Duration::from_secs(1));
            pause().await;
            queue.send(1).await.expect("the receiver lives");
            pause().await;
            sender.send(2);
            pause().await;
            stream.send(&b"three"[..]).expect("the queue has room");
            pause().await;
            setting.send(4);
            pause().await;
            bell.notify();
            pause().await;
            // All of it stays open: what follows is the timer's.
            time::sleep(Duration::from_secs(3600)).await;
            drop((stream, queue, sender, setting));
        })
    };
    let mut stream = listener.accept().await.expect("the peer connects");
    let mut events = Vec::new();
    let mut computed = crore_rt::compute(|| 0).fuse();
    let mut over = pin!(time::sleep(Duration::from_secs(60)).fuse());
    let mut bytes = Vec::new();
    while events.last() != Some(&Event::Time) {
        let event = select! {
            lease = stream.recv().fuse() => {
                bytes.extend_from_slice(&lease.expect("nothing is cut"));
                if bytes.len() < 5 {
                    continue;
                }
                Event::Bytes(std::mem::take(&mut bytes))
            }
            value = queued.recv().fuse() => Event::Queued(value.expect("the sender lives")),
            value = receiver.recv().fuse() => Event::Broadcast(value.expect("it is not too slow")),
            changed = watched.changed().fuse() => {
                changed.expect("the sender lives");
                Event::Changed(*watched.borrow())
            }
            () = bell.notified().fuse() => Event::Rung,
            value = computed => Event::Computed(value.expect("it does not panic")),
            () = over => Event::Time,
        };
        events.push(event);
    }
    drop(peer);
    let expected = [
        Event::Computed(0),
        Event::Queued(1),
        Event::Broadcast(2),
        Event::Bytes(b"three".to_vec()),
        Event::Changed(4),
        Event::Rung,
        Event::Time,
    ];
    assert_eq!(events, expected);
}

#[crore_rt::test]
async fn the_poll_forms_serve_a_future_of_ones_own() {
    let (queue, mut queued) = mpsc::channel(4);
    let (sender, mut receiver) = broadcast::channel(4);
    let sending = spawn(async move {
        for value in 0..20_u32 {
            if value % 2 == 0 {
                queue.send(value).await.expect("the receiver lives");
            } else {
                sender.send(value);
            }
            yield_now().await;
        }
    });
    let mut seen = Vec::new();
    loop {
        let next = poll_fn(|context| {
            let (from_queue, from_broadcast) = (queued.poll_recv(context), receiver.poll_recv(context));
            let mut ended = 0;
            match from_queue {
                Poll::Ready(Some(value)) => seen.push(value),
                Poll::Ready(None) => ended += 1,
                Poll::Pending => {}
            }
            match from_broadcast {
                Poll::Ready(Ok(value)) => seen.push(value),
                Poll::Ready(Err(lost)) => ended += i32::from(lost == Lost::Closed),
                Poll::Pending => {}
            }
            if ended == 2 {
                Poll::Ready(false)
            } else if seen.len() == 20 {
                Poll::Ready(true)
            } else {
                Poll::Pending
            }
        });
        if next.await {
            break;
        }
    }
    sending.await.expect("it does not panic");
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[crore_rt::test]
async fn foreign_wakers_are_woken_in_the_middle_of_a_broadcast() {
    let (sender, receiver) = broadcast::channel(4);
    let heard = Rc::new(RefCell::new(Vec::new()));
    let mut all: FuturesUnordered<_> = (0..10)
        .map(|who| {
            let (mut receiver, heard) = (receiver.clone(), Rc::clone(&heard));
            async move {
                let value: u32 = receiver.recv().await.expect("it is sent");
                // Leaving and coming back while the sender goes through the waiters.
                drop(receiver);
                heard.borrow_mut().push((who, value));
            }
        })
        .collect();
    drop(receiver);
    let sent = Cell::new(false);
    loop {
        select_biased! {
            next = all.next() => if next.is_none() { break },
            () = yield_now().fuse() => if !sent.replace(true) { assert_eq!(sender.send(7), 10); },
        }
    }
    heard.borrow_mut().sort_unstable();
    assert_eq!(*heard.borrow(), (0..10).map(|who| (who, 7)).collect::<Vec<_>>());
    assert_eq!(sender.receivers(), 0);
    assert_eq!(blocking(|| 1).await.expect("it does not panic"), 1);
}
