use hyper::rt::Timer as _;

use super::*;

#[crore_rt::test]
async fn time_passes_for_hyper_as_it_does_for_us() {
    let timer = Timer::new();
    let (theirs, ours) = (timer.now(), time::now());
    timer.sleep(Duration::from_secs(3600)).await;
    assert!(time::now() - ours >= time::Duration::from_secs(3600));
    let until = timer.now() + Duration::from_secs(60);
    timer.sleep_until(until).await;
    assert!(timer.now() >= until && until - theirs >= Duration::from_secs(3660));
    timer.sleep_until(theirs).await;
    assert_eq!(time::now() - ours, time::Duration::from_nanos((timer.now() - theirs).as_nanos() as u64));
}

#[crore_rt::test]
async fn a_sleep_that_ends_up_elsewhere_harms_nobody() {
    let mut away = Timer::new().sleep(Duration::from_secs(1));
    std::future::poll_fn(|context| {
        assert!(away.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    let polled = thread::spawn(move || {
        let poll = std::panic::AssertUnwindSafe(|| {
            let _ = away.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
        });
        std::panic::catch_unwind(poll).is_err()
    });
    assert!(polled.join().unwrap(), "it is refused on another thread");
    time::sleep(time::Duration::from_secs(2)).await;
}
