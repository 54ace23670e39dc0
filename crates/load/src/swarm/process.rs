//! The life of the swarm's process: plan and orders from standard input, events to standard output.
//!
//! When its input ends, it ends at once, so nothing outlives the orchestrator.

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use crore_rt::spawn;
use crore_rt::time::sleep;

use super::message::{Event, Order, Plan};
use super::{Swarm, engine};
use crate::error::LoadError;
use crate::limits::PROGRESS_STEP;
use crate::mailbox::Mailbox;
use crate::stamp::Clock;

/// Runs the swarm that the orchestrator has started, to its end.
///
/// # Errors
/// The input holds no plan, because somebody other than the orchestrator started it.
pub fn run_swarm() -> Result<(), LoadError> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string());
    let plan = read.and_then(|_| serde_json::from_str::<Plan>(&line).map_err(|error| error.to_string()));
    let plan = plan.map_err(|error| {
        LoadError::Usage(format!("a swarm is started by crore c10m, not by hand: no plan came ({error})"))
    })?;
    crore_rt::raise_descriptor_limit();
    let orders = Mailbox::default();
    let inbox = orders.clone();
    let read = move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            // The other side is this very program, so a line that is no order is the end like no line.
            let Ok(order) = serde_json::from_str(&line) else { break };
            inbox.send(order);
        }
        std::process::exit(0);
    };
    // It blocks in reading until the orchestrator ends, so it is never joined.
    let reader = thread::Builder::new().name("crore-orders".to_owned()).spawn(read);
    reader.map_err(|error| LoadError::Broken(format!("the swarm cannot start a thread: {error}")))?;
    let runtime = match engine::build(&plan) {
        Ok(runtime) => runtime,
        Err(error) => {
            emit(&Event::Broken(format!("no runtime: {error}")));
            return Ok(());
        }
    };
    let main = async move { obey(plan, Clock::of_machine(), orders, |event| emit(&event)).await };
    if catch_unwind(AssertUnwindSafe(|| runtime.block_on(main))).is_err() {
        emit(&Event::Broken("it panicked; what it said stands above".to_owned()));
    }
    Ok(())
}

fn emit(event: &Event) {
    // An event holds numbers and text, and without an orchestrator there is nobody to tell.
    let mut line = serde_json::to_vec(event).expect("an event always has a JSON form");
    line.push(b'\n');
    let mut output = io::stdout().lock();
    let _ = output.write_all(&line).and_then(|()| output.flush());
}

/// Carries out orders until the drain is over.
pub(super) async fn obey(plan: Plan, clock: Clock, orders: Mailbox<Order>, emit: impl Fn(Event) + Clone + 'static) {
    let swarm = match Swarm::new(plan, clock) {
        Ok(swarm) => swarm,
        Err(problem) => return emit(Event::Broken(problem)),
    };
    let (watched, progress) = (Rc::clone(&swarm), emit.clone());
    // Both are dropped, and so cancelled, at the end.
    let _sweep = swarm.attend();
    let _progress = spawn(async move {
        loop {
            sleep(PROGRESS_STEP).await;
            progress(Event::Progress(watched.progress()));
        }
    });
    emit(Event::Ready);
    loop {
        let order = orders.next().await;
        let is_last = matches!(order, Order::Drain { .. });
        swarm.carry_out(order).await;
        emit(Event::Done(Box::new(swarm.report())));
        if is_last {
            return;
        }
    }
}
