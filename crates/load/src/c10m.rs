//! `crore c10m`: one command that holds ten million connections on this machine, and proves it.
//!
//! ```text
//! orchestrator ──▶ gateway: crore serve, one worker, first processor ◀══ wire ══▶ swarm, second processor
//!      │              ▲ admin listener: publications, and anybody who wants to look
//!      └── meter, report, clean-up
//! ```
//!
//! The orchestrator is small: threads of the standard library that wait. Every client is a task of the swarm with a
//! connection of its own, so every frame crosses the wire. What is found wrong ends up in [`C10mOutcome::broken`]; the run
//! goes on as long as it can, because later phases say more about a fault. Everything that was started is gone at the end,
//! however it ends: children die with us (`child.rs`), namespaces and files are removed by their owners' drops.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use crate::error::LoadError;
use crate::limits::{GROUP_MEMBERS, SWARM_WINDOW};
use crate::progress::Display;
use crate::series::Series;
use crate::stamp::Stamp;
use crate::swarm::book::CHANNEL_OF_ALL;
use crate::swarm::message::{Event, Plan};
use crate::target::Kind;
use child::processors;
use gateway::{Folder, Gateway};
use ground::Ground;
use meter::{Both, Meter};
use outcome::Channels;
use phases::Run;
use pilot::{Interrupts, Pilot};
use publisher::Publisher;

mod child;
mod gateway;
mod ground;
mod meter;
mod namespaces;
mod options;
mod outcome;
mod phases;
mod pilot;
mod publisher;
mod report;
mod wire;

pub use child::{Programs, launch};
pub use options::C10mOptions;
pub use outcome::C10mOutcome;
pub use wire::{DpdkEnds, Wire};

/// The phases in their order.
const PHASES: [&str; 7] = ["connect", "hold", "verify", "broadcast", "steady", "reconnect", "drain"];

/// Runs all phases: blocks for as long as it takes.
///
/// # Errors
/// [`LoadError::Usage`] before anything was begun; [`LoadError::Broken`] when the run could not go on or was interrupted.
/// What gateway or connections do wrong stands in the [`C10mOutcome`].
pub fn run_c10m(options: &C10mOptions, programs: &Programs) -> Result<C10mOutcome, LoadError> {
    options.check()?;
    let interrupts = Interrupts::new()?;
    let folder = Folder::new()?;
    let ground = Ground::new(options, folder.path())?;
    let [first, second] = processors();
    let gateway = Gateway::start(programs, &ground, options, first, &folder)?;
    interrupts.check()?;
    if std::io::stderr().is_terminal() {
        eprintln!("console, API and metrics on http://{}; the channel of all is {CHANNEL_OF_ALL}", gateway.admin);
    }
    let plan = plan(options, &ground, &gateway);
    let pilot = Pilot::start(programs, &plan, second, &folder)?;
    let pids = Both { server: gateway.process.pid(), client: pilot.process.pid() };
    let meter = Meter::start(pids).map_err(|error| LoadError::Broken(format!("no thread to measure with: {error}")))?;
    let outcome = C10mOutcome {
        wire: options.wire.to_string(),
        machine: outcome::machine(),
        kernel: outcome::kernel(),
        commit: options.commit.clone(),
        channels: Channels { all: CHANNEL_OF_ALL.to_owned(), groups: options.groups(), members: GROUP_MEMBERS },
        settings: settings(options, &ground, &gateway),
        ..C10mOutcome::default()
    };
    let mut run = Run {
        options,
        interrupts: &interrupts,
        publisher: Publisher::new(gateway.admin, plan.run),
        display: Display::new(Kind::WebSocket, options.connections),
        series: Series::default(),
        begun: Instant::now(),
        latest: Default::default(),
        judged: Default::default(),
        outcome,
        pilot,
        gateway,
        meter,
    };
    run.event(|event| matches!(event, Event::Ready).then_some(()))?;
    let result = run.all();
    run.display.finish();
    result?;
    let outcome = run.finish();
    if let Some(path) = &options.report {
        write_report(&outcome, path)?;
    }
    Ok(outcome)
}

fn plan(options: &C10mOptions, ground: &Ground, gateway: &Gateway) -> Plan {
    Plan {
        connections: u32::try_from(options.connections).expect("connections are below their limit"),
        target: gateway.address,
        sources: ground.sources.clone(),
        spare_sources: ground.spare_sources.clone(),
        io: ground.swarm_io.clone(),
        network: ground.network.clone(),
        window: SWARM_WINDOW,
        requesters: options.requesters(),
        // Another one for each run on this machine, small enough for any JSON reader.
        run: (Stamp::of_machine().0 ^ u64::from(std::process::id()) << 32) & ((1 << 53) - 1),
    }
}

/// What the report names.
fn settings(options: &C10mOptions, ground: &Ground, gateway: &Gateway) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("gateway settings", gateway::settings(options).split_whitespace().collect::<Vec<_>>().join(" ")),
        ("gateway I/O", ground.gateway_io.clone()),
        ("swarm I/O", ground.swarm_io.clone()),
        ("gateway address", gateway.address.to_string()),
        ("admin address", gateway.admin.to_string()),
        ("source addresses", (ground.sources.len() + ground.spare_sources.len()).max(1).to_string()),
        ("steady pushes asked for", format!("{}/s for {}", options.pushes_per_second(), options.steady_for)),
        ("requests asked for", format!("{}/s", options.requests_per_second())),
        ("hold", options.hold.to_string()),
        ("window of opening connections", SWARM_WINDOW.to_string()),
    ])
}

fn write_report(outcome: &C10mOutcome, path: &Path) -> Result<(), LoadError> {
    std::fs::write(path, report::page(outcome))
        .map_err(|error| LoadError::Broken(format!("the report could not be written to {}: {error}", path.display())))
}
