//! Work that is cheaper done together: one thread takes all the questions that wait, and answers them all at once.
//!
//! This is how a database commits for many (group commit), and how a log is written for many: the more come, the larger the
//! batches, and what the disk takes is shared among them. Questions come from the tasks of any core, and an answer wakes its task.
//!
//! Invariants: at most `capacity` questions wait, and a task with another one waits for room; every question is answered, or told
//! that the thread is gone; the thread has ended when this is dropped.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

#[cfg(test)]
mod tests;

/// A thread that answers questions in batches.
pub(super) struct Batches<Q, A> {
    shared: Arc<Shared<Q, A>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared<Q, A> {
    queue: Mutex<Queue<Q, A>>,
    /// Rung when a question has come, and at the end.
    changed: Condvar,
    capacity: usize,
}

/// A question, and where its answer goes.
type Asked<Q, A> = (Q, Arc<Mutex<Reply<A>>>);

struct Queue<Q, A> {
    waiting: Vec<Asked<Q, A>>,
    /// Tasks whose question has no room.
    without_room: Vec<Waker>,
    is_over: bool,
}

enum Reply<A> {
    /// Who asked, since it was polled.
    Awaited(Option<Waker>),
    Given(A),
    /// The thread has ended before it answered, or the answer was taken.
    Gone,
}

impl<Q: Send + 'static, A: Send + 'static> Batches<Q, A> {
    /// Starts the thread called `name`. `answer` gets all the questions that wait, at most `capacity`, and gives an answer for each, in
    /// their order.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(super) fn start(
        name: &str,
        capacity: usize,
        mut answer: impl FnMut(Vec<Q>) -> Vec<A> + Send + 'static,
    ) -> io::Result<Batches<Q, A>> {
        assert!(capacity > 0, "somebody has room");
        let queue = Queue { waiting: Vec::new(), without_room: Vec::new(), is_over: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new(), capacity });
        let ending = Ending(Arc::clone(&shared));
        let run = move || {
            while let Some(batch) = ending.0.next() {
                let (questions, replies): (Vec<Q>, Vec<_>) = batch.into_iter().unzip();
                let replies = Replies(replies);
                let answers = answer(questions);
                assert_eq!(answers.len(), replies.0.len(), "each question has its answer");
                replies.0.iter().zip(answers).for_each(|(reply, answer)| tell(reply, Reply::Given(answer)));
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Batches { shared, thread: Some(thread) })
    }

    /// The answer to a question; none if the thread has ended. Waits while as many questions wait as may. A question whose answer
    /// is not awaited any more is answered all the same.
    pub(super) async fn ask(&self, question: Q) -> Option<A> {
        let mut question = Some(question);
        let reply = poll_fn(|context| self.shared.enqueue(&mut question, context)).await?;
        poll_fn(|context| {
            let mut reply = locked(&reply);
            match mem::replace(&mut *reply, Reply::Gone) {
                Reply::Given(answer) => Poll::Ready(Some(answer)),
                Reply::Gone => Poll::Ready(None),
                Reply::Awaited(_) => {
                    *reply = Reply::Awaited(Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<Q, A> Shared<Q, A> {
    /// Puts a question into the queue when there is room; none: nobody answers any more.
    fn enqueue(&self, question: &mut Option<Q>, context: &Context<'_>) -> Poll<Option<Arc<Mutex<Reply<A>>>>> {
        let mut queue = locked(&self.queue);
        if queue.is_over {
            return Poll::Ready(None);
        }
        if queue.waiting.len() >= self.capacity {
            queue.without_room.push(context.waker().clone());
            return Poll::Pending;
        }
        let reply = Arc::new(Mutex::new(Reply::Awaited(None)));
        queue.waiting.push((question.take().expect("it is put into the queue once"), Arc::clone(&reply)));
        drop(queue);
        self.changed.notify_one();
        Poll::Ready(Some(reply))
    }

    /// All that waits, as soon as something does; none at the end.
    fn next(&self) -> Option<Vec<Asked<Q, A>>> {
        let mut queue = locked(&self.queue);
        while queue.waiting.is_empty() && !queue.is_over {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let (batch, wakers) = (mem::take(&mut queue.waiting), mem::take(&mut queue.without_room));
        drop(queue);
        assert!(batch.len() <= self.capacity, "no more wait than may");
        wakers.into_iter().for_each(Waker::wake);
        (!batch.is_empty()).then_some(batch)
    }

    /// Nobody is answered from now on, and those who wait are told.
    fn end(&self) {
        let mut queue = locked(&self.queue);
        queue.is_over = true;
        let (batch, wakers) = (mem::take(&mut queue.waiting), mem::take(&mut queue.without_room));
        drop(queue);
        self.changed.notify_one();
        wakers.into_iter().for_each(Waker::wake);
        batch.iter().for_each(|(_, reply)| tell(reply, Reply::Gone));
    }
}

impl<Q, A> Drop for Batches<Q, A> {
    fn drop(&mut self) {
        locked(&self.shared.queue).is_over = true;
        self.shared.changed.notify_one();
        let thread = self.thread.take().expect("it is there until now");
        // One that has panicked has said so, and has told who waited.
        let _ = thread.join();
    }
}

/// The thread's own hold: however it ends, nobody waits for it any more.
struct Ending<Q, A>(Arc<Shared<Q, A>>);

impl<Q, A> Drop for Ending<Q, A> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The replies of a batch: those that were not given when this is dropped never will be.
struct Replies<A>(Vec<Arc<Mutex<Reply<A>>>>);

impl<A> Drop for Replies<A> {
    fn drop(&mut self) {
        for reply in &self.0 {
            if matches!(*locked(reply), Reply::Awaited(_)) {
                tell(reply, Reply::Gone);
            }
        }
    }
}

fn tell<A>(reply: &Mutex<Reply<A>>, answer: Reply<A>) {
    let before = mem::replace(&mut *locked(reply), answer);
    if let Reply::Awaited(Some(waker)) = before {
        waker.wake();
    }
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
