//! The passes, on the client's runtime. What a model uses is read between them, when nothing is in flight.

use std::rc::Rc;

use crore_rt::spawn;
use crore_rt::time::sleep;

use super::limits::{ACTIVE_CONNECTIONS, DIGESTERS};
use super::session::Pass;
use super::trial::Trial;
use crate::client::caller::Caller;
use crate::client::connects;
use crate::client::crowd::Crowd;
use crate::client::loops;
use crate::client::tally::Tally;
use crate::measure::kernel::{self, Sizes};
use crate::measure::tree::Usage;
use crate::options::Load;
use crate::outcome::NOTHING;

/// One of so many connections is open when memory is read first.
const FIRST_PART: u64 = 10;

/// For context switches, which are known when the model has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// Requests that were answered; 0: nothing is to be told.
    pub(super) requests: u64,
    /// Of the model's threads, before the first of them.
    pub(super) switches_before: u64,
    /// From then to the last, of those threads that lived at both moments.
    pub(super) switches_seen: u64,
}

/// Latencies at a fixed rate, the memory of connections, and how many there can be.
pub(super) async fn paced(pass: Pass, mut trial: Trial) -> (Trial, Counted) {
    let crowd = open(&pass, &mut trial).await;
    if pass.load == Load::Idle {
        let before = pass.tree.cpu_seconds();
        sleep(pass.time).await;
        let used = pass.tree.cpu_seconds() - before;
        trial.idle_cpu_percent = Some(used / pass.time.as_secs_f64() * 100.0);
    }
    let (active, resting) = active(&pass, crowd, &mut trial);
    if !active.is_empty() {
        let (_, tally) = loops::paced(active, &pass.kinds.small, pass.rate, pass.time).await;
        trial.add_failures(&tally);
        trial.set_latencies(&tally);
    }
    drop(resting);
    (trial, Counted::default())
}

/// Requests a second, and what they cost.
pub(super) async fn saturated(pass: Pass, mut trial: Trial) -> (Trial, Counted) {
    let mut crowd = Crowd::default();
    // Those that the paced pass could not open would only be waited for once more.
    let connections = trial.held.unwrap_or(pass.connections);
    crowd.grow(connections, pass.target, &pass.kinds.small).await;
    let (active, resting) = active(&pass, crowd, &mut trial);
    if active.is_empty() {
        return (trial, Counted::default());
    }
    let before = pass.tree.usage();
    let (left, tally) = loops::saturated(active, &pass.kinds.small, pass.time).await;
    let counted = cost(&pass, &before, &tally, &mut trial);
    drop((left, resting));
    (trial, counted)
}

/// Connections that end after one exchange.
pub(super) async fn connects(pass: Pass, mut trial: Trial) -> (Trial, Counted) {
    let before = pass.tree.usage();
    let (tally, moments) = connects::run(pass.target, &pass.kinds.small, pass.connections).await;
    let counted = cost(&pass, &before, &tally, &mut trial);
    trial.set_latencies(&tally);
    trial.ms_of_each_thousand = connects::ms_of_each_thousand(&moments);
    (trial, counted)
}

/// Heavy requests on some connections in a closed loop, and beside them small ones at a fixed rate.
pub(super) async fn beside(pass: Pass, mut trial: Trial) -> (Trial, Counted) {
    let heavy = pass.kinds.heavy.as_ref().expect("this load has heavy requests");
    let mut digesters = Crowd::default();
    digesters.grow(DIGESTERS, pass.target, heavy).await;
    let crowd = open(&pass, &mut trial).await;
    if let Some(reason) = &digesters.stopped_by {
        trial.fail(format!("upload: {reason}"));
    }
    if crowd.held() == 0 || digesters.held() == 0 {
        return (trial, Counted::default());
    }
    let before = pass.tree.usage();
    let (heavy, time) = (Rc::clone(heavy), pass.time);
    let uploads = spawn(async move { loops::saturated(digesters.callers, &heavy, time).await.1 });
    let (_, small) = loops::paced(crowd.callers, &pass.kinds.small, pass.rate, pass.time).await;
    let uploads = uploads.await.unwrap_or_default();
    let counted = cost(&pass, &before, &uploads, &mut trial);
    trial.add_failures(&small);
    trial.set_latencies(&small);
    (trial, counted)
}

/// Opens the connections, in two steps: what they take is the difference between them.
async fn open(pass: &Pass, trial: &mut Trial) -> Crowd {
    let mut crowd = Crowd::default();
    crowd.grow(pass.connections.div_ceil(FIRST_PART), pass.target, &pass.kinds.small).await;
    let (few, before) = (crowd.held(), pass.tree.usage());
    crowd.grow(pass.connections, pass.target, &pass.kinds.small).await;
    let (many, after) = (crowd.held(), pass.tree.usage());
    trial.held = Some(many);
    trial.stopped_by = Some(match &crowd.stopped_by {
        None => format!("{NOTHING} {} were asked for", pass.connections),
        Some(reason) => format!("connection {}: {reason}", many + 1),
    });
    if many > few {
        let slope = |few_bytes: u64, many_bytes: u64| many_bytes.saturating_sub(few_bytes) as f64 / (many - few) as f64;
        trial.user_bytes_per_connection = Some(slope(before.user_bytes, after.user_bytes));
        match Sizes::read() {
            Some(sizes) => trial.kernel_bytes_per_connection = Some(slope(sizes.bytes(&before), sizes.bytes(&after))),
            None => trial.note(kernel::UNREADABLE),
        }
    }
    crowd
}

/// Who asks, and who rests meanwhile: of an idle crowd only some ask.
fn active(pass: &Pass, mut crowd: Crowd, trial: &mut Trial) -> (Vec<Caller>, Vec<Caller>) {
    if crowd.held() == 0 {
        let reason = crowd.stopped_by.unwrap_or_else(|| "no connection".to_owned());
        trial.fail(reason);
        return (Vec::new(), Vec::new());
    }
    let asking = if pass.load == Load::Idle { ACTIVE_CONNECTIONS.min(crowd.held()) } else { crowd.held() };
    // The last to come: tables that are searched from their beginning are searched to their end.
    let active = crowd.callers.split_off((crowd.held() - asking) as usize);
    assert!(!active.is_empty(), "at least one connection asks");
    (active, crowd.callers)
}

/// What the requests of a closed loop were, and what the model has used for them since `before`.
fn cost(pass: &Pass, before: &Usage, tally: &Tally, trial: &mut Trial) -> Counted {
    let (after, requests) = (pass.tree.usage(), tally.answers());
    trial.add_failures(tally);
    trial.requests_per_second = tally.per_second();
    if requests > 0 {
        // A child that ends unseen between two reads can make the second one smaller.
        let used = (after.cpu_seconds - before.cpu_seconds).max(0.0);
        trial.cpu_seconds_per_million = Some(used / requests as f64 * 1e6);
    }
    let switches_seen = after.context_switches.saturating_sub(before.context_switches);
    Counted { requests, switches_before: before.context_switches, switches_seen }
}

/// A fixed number of requests, for the tracer: as many again on each connection after the one that opens it, or as many
/// connections more.
pub(super) async fn counted(pass: Pass, requests: u64) -> Result<(), String> {
    let questions = pass.kinds.heavy.as_ref().unwrap_or(&pass.kinds.small);
    if pass.load == Load::Connect {
        let (tally, _) = connects::run(pass.target, questions, pass.connections * (1 + requests)).await;
        return tally.failures().next().map_or(Ok(()), |(reason, _)| Err(reason.to_owned()));
    }
    let mut crowd = Crowd::default();
    crowd.grow(pass.connections, pass.target, questions).await;
    if let Some(reason) = crowd.stopped_by {
        return Err(reason);
    }
    let ask = |mut caller: Caller| {
        let questions = Rc::clone(questions);
        spawn(async move {
            for _ in 0..requests {
                caller.ask(&questions).await?;
            }
            Ok::<Caller, String>(caller)
        })
    };
    let tasks: Vec<_> = crowd.callers.into_iter().map(ask).collect();
    let mut callers = Vec::with_capacity(tasks.len());
    for task in tasks {
        // All stay open until the last has been answered: what ends earlier would be another load.
        callers.push(task.await.map_err(|error| error.to_string())??);
    }
    Ok(())
}
