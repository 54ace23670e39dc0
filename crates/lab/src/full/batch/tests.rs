use std::sync::mpsc::channel;

use crore_rt::spawn;

use super::*;

fn runtime() -> crore_rt::Runtime {
    crore_rt::Runtime::builder().workers(1).pin(false).build().unwrap()
}

#[test]
fn what_waits_while_a_batch_is_under_way_is_answered_together() {
    let ((release, released), (begin, begun)) = (channel(), channel());
    let mut sizes = Vec::new();
    let answer = move |questions: Vec<u32>| {
        begin.send(()).unwrap();
        released.recv().unwrap();
        sizes.push(questions.len());
        questions.iter().map(|number| (number * 2, sizes.clone())).collect()
    };
    let batches = Arc::new(Batches::start("doubling", 8, answer).unwrap());
    runtime().block_on(async move {
        let ask = |number: u32| {
            let batches = Arc::clone(&batches);
            spawn(async move { batches.ask(number).await.unwrap() })
        };
        let first = ask(1);
        crore_rt::yield_now().await;
        // Its batch is under way; then ten come, of which eight have room.
        begun.recv().unwrap();
        let others: Vec<_> = (2..12).map(ask).collect();
        while locked(&batches.shared.queue).without_room.len() < 2 {
            crore_rt::yield_now().await;
        }
        release.send(()).unwrap();
        // The eight are under way, so the two have room; together, because the thread waits.
        begun.recv().unwrap();
        while locked(&batches.shared.queue).waiting.len() < 2 {
            crore_rt::yield_now().await;
        }
        (0..2).for_each(|_| release.send(()).unwrap());
        assert_eq!(first.await.unwrap().0, 2);
        let mut sizes = Vec::new();
        for (number, answered) in (2..12).zip(others) {
            let (doubled, seen) = answered.await.unwrap();
            assert_eq!(doubled, number * 2);
            sizes = seen;
        }
        assert_eq!(sizes, [1, 8, 2]);
    });
}

#[test]
fn who_waits_for_a_thread_that_panics_is_told_so() {
    let batches = Batches::start("panicking", 8, |_: Vec<u32>| -> Vec<u32> { panic!("on purpose") }).unwrap();
    runtime().block_on(async move {
        assert_eq!(batches.ask(1).await, None);
        assert_eq!(batches.ask(2).await, None);
    });
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let (tell, told) = channel();
    let answer = move |questions: Vec<u32>| {
        questions.iter().for_each(|number| tell.send(*number).unwrap());
        questions
    };
    let batches = Batches::start("last", 8, answer).unwrap();
    let mut question = Some(7);
    let context = Context::from_waker(Waker::noop());
    assert!(batches.shared.enqueue(&mut question, &context).is_ready());
    drop(batches);
    assert_eq!(told.iter().collect::<Vec<_>>(), [7]);
}
