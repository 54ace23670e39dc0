//! What a system that starts no thread leaves behind: nobody may wait for a thread that never comes.

use std::sync::Mutex;
use std::task::{Wake, Waker};

use super::*;

#[derive(Default)]
struct Refused(Mutex<Option<io::ErrorKind>>);

impl Work for Refused {
    fn run(&self) -> Ran {
        Ran::Done
    }

    fn refuse(&self, why: io::ErrorKind) {
        *self.0.lock().unwrap() = Some(why);
    }
}

struct Rung(Mutex<bool>);

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

#[test]
fn without_any_thread_what_is_queued_is_refused_and_the_line_is_let_in() {
    let kept = Duration::from_secs(60);
    let pool = Pool::new(Settings { name: "none", threads_max: 1, queued_max: 1, kept, low_priority: false });
    // A thread is about to be started: it is counted already.
    pool.shared.lock().threads = 1;
    let (queued, in_line) = (Arc::new(Refused::default()), Arc::new(Refused::default()));
    let bell = Arc::new(Rung(Mutex::new(false)));
    let waker = Waker::from(Arc::clone(&bell));
    let place = pool.shared.offer(Arc::clone(&queued) as _, None, Some(&waker));
    assert_eq!(place, Some(Place::Queued(1)));
    assert_eq!(pool.shared.offer(Arc::clone(&in_line) as _, None, None), None, "no room, and nobody to wake");
    let place = pool.shared.offer(Arc::clone(&in_line) as _, None, Some(&waker));
    assert_eq!(place, Some(Place::InLine(2)));

    pool.shared.no_thread(io::ErrorKind::WouldBlock);
    assert_eq!(*queued.0.lock().unwrap(), Some(io::ErrorKind::WouldBlock));
    assert!(*bell.0.lock().unwrap(), "the first in line may come in, and start a thread of its own");
    assert_eq!(*in_line.0.lock().unwrap(), None);
    assert_eq!(pool.shared.stats().threads, 0);
}
