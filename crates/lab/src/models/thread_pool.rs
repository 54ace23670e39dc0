//! A fixed number of threads, and a queue of connections that wait for one.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::conversation::converse;
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::POOL_QUEUE_MAX;
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "thread-pool",
    title: "a fixed number of threads and a queue",
    story: "The classic of the application servers (Tomcat and Jetty of the first years, every JDBC pool, gRPC's synchronous server): so \
            many threads, made once, and a queue before them. It bounds what thread-per-connection does not, memory and the \
            number of switches, and a burst waits instead of sinking the machine. But a thread is held for as long as a connection \
            lasts, so as many resting clients as there are threads stop it; that is what Tomcat's NIO connector was made for. \
            The queue has 1,024 places; beyond, clients wait in the kernel's.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = Arc::new(place.disk()?);
    let door = Door::blocking(place)?;
    let (queue, connections) = sync_channel(POOL_QUEUE_MAX);
    let connections = Arc::new(Mutex::new(connections));
    for _ in 0..place.workers {
        let (place, disk, connections) = (place.clone(), Arc::clone(&disk), Arc::clone(&connections));
        thread::Builder::new().spawn(move || {
            while let Some(stream) = next(&connections) {
                converse(stream, place.session(), |job| job.run(&disk));
            }
        })?;
    }
    leave_with_input()?;
    door.announce()?;
    loop {
        if let Some(stream) = door.accept()? {
            // Waits while the queue is full; the threads take from it as long as the process lives.
            let _ = queue.send(stream);
        }
    }
}

/// One thread waits for a connection, the others for its place.
fn next<T>(queue: &Mutex<Receiver<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
