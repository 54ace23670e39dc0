//! Two light tasks and a channel for each connection, as one writes it in Go.

use std::rc::Rc;
use std::sync::Arc;

use crore_rt::channel::mpsc::{Receiver, Sender, channel};
use crore_rt::net::{StreamId, TcpStream};
use crore_rt::spawn;

use super::driver::{done, linger, run};
use super::{Model, Place, never};
use crate::service::{Disk, Protocol, Verdict};

pub(super) const MODEL: Model = Model {
    name: "tasks",
    title: "tasks and channels, as in Go",
    story: "Hoare's communicating sequential processes (1978), by way of Occam and Newsqueak, became Go's goroutines and channels in \
            2009: write a task for everything that goes on, and let them talk instead of sharing. Here each connection has one task \
            that reads and one that writes, and a channel with room for one answer between them: when the client does not read, the \
            writer waits, then the channel is full, then the reader waits, and then TCP tells the client. The tasks are crore's: \
            async functions, polled on the core that accepted the connection and never moved, where Go has stacks that grow and \
            threads that steal. The price over one task is a wake-up and a turn of the loop for each answer.",
    serves: Protocol::ALL,
    serve: |place| run("epoll", place, converse),
    refusal: never,
};

/// Answers that may wait for the task that writes.
const ANSWERS_WAITING: usize = 1;

async fn converse(mut stream: TcpStream, place: Rc<Place>, disk: Arc<Disk>) {
    let (answers, outgoing) = channel(ANSWERS_WAITING);
    let writing = spawn(write(stream.id(), outgoing));
    let ending = read(&mut stream, answers, &place, &disk).await;
    // The channel is closed by now, so the writer ends when all is sent. Until then there must be a stream.
    let _ = writing.await;
    if ending == Ending::Ours {
        linger(stream).await;
    }
}

/// Who has ended a connection.
#[derive(PartialEq, Eq)]
enum Ending {
    Ours,
    Theirs,
}

async fn read(stream: &mut TcpStream, answers: Sender<Vec<u8>>, place: &Place, disk: &Arc<Disk>) -> Ending {
    let mut session = place.session();
    loop {
        let mut out = Vec::new();
        let mut verdict = match stream.recv().await {
            Ok(input) if !input.is_empty() => session.on_input(&input, &mut out),
            _ => return Ending::Theirs,
        };
        loop {
            if answers.send(std::mem::take(&mut out)).await.is_err() {
                return Ending::Theirs; // the writer has found nobody to write to
            }
            match verdict {
                Verdict::Open => break,
                Verdict::Work(job) => verdict = session.on_done(done(job, disk).await, &mut out),
                Verdict::Close => return Ending::Ours,
            }
        }
    }
}

async fn write(stream: StreamId, mut answers: Receiver<Vec<u8>>) {
    while let Some(answer) = answers.recv().await {
        if !answer.is_empty() && (stream.send(answer).is_err() || stream.flushed().await.is_err()) {
            return;
        }
    }
}
