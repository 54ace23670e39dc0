//! The full load: a gateway full of subscribers that also answers requests, of which some go to a database and some to the disk.
//!
//! ```text
//! harness ── starts ──▶ engine: PostgreSQL or Redis, if asked for ◀── bridge ──┐
//!    │                                                                         │ store ◀─ batch ─┐
//!    ├── starts ──▶ server: gateway ─┬─ the same cores ─ application ──────────┴─ records ◀─ batch ┤
//!    │                               ▲                       ▲                                   └ a thread each
//!    └── trial: subscribers ─────────┘ requests, open loop ──┘   both on one core of this process
//! ```
//!
//! The subscribers are those of `crore c10m`, who check every publication. A broadcast reaches all of them before anything is asked;
//! while requests are answered, a group is published to each second. The rate is searched for: see [`search`].

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crore_rt::Runtime;

use crate::Model;
use crate::harness::ModelCommand;
use crate::harness::limits::{
    FULL_DESCRIPTORS_RESERVED, FULL_REQUESTERS, FULL_SEARCH_STEPS, SUBSCRIBER_BYTES_KERNEL, SUBSCRIBER_BYTES_OURS,
};
use crate::harness::server::{Server, Start};
use crate::options::{Load, Options};
use crate::outcome::{NOTHING, Row, grouped};
use engine::Engine;
use machine::Memory;
use trial::{Findings, Trial};

mod batch;
mod engine;
pub(crate) mod figures;
mod machine;
mod records;
mod search;
mod server;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod trial;

pub(crate) use records::place_in_pattern;
pub(crate) use server::serve;

/// The drivers that carry it.
pub(crate) const MODELS: [&str; 3] = ["wire", "epoll", "uring"];
/// What the name of the server begins with, for [`serve_by_name`](crate::serve_by_name); its database follows.
pub(crate) const SERVER: &str = "full-";

/// The server's address on our own TCP/IP, in the net that also holds the subscribers' block.
const SERVER_NETWORK: &str = "10.64.0.1/10";
const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 64, 0, 1)), 8_000);
/// The first of the client's addresses there, and all of them.
const CLIENT: &str = "10.65.0.1/10";
const CLIENT_BLOCK: &str = "10.65.0.0/16";

/// With a key the gateway's API also answers what comes over a wire.
const API_KEY: &str = "lab";

/// How many subscribers there are to be, and what keeps them from being more.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    subscribers: u64,
    stopped_by: String,
}

/// The load on one model. Blocks. What cannot be had is the row's reason, what fails is an error in it.
pub(crate) fn row(options: &Options, command: &ModelCommand, model: &Model, folder: &Path) -> Row {
    let folder = folder.join(format!("{SERVER}{}", model.name));
    let made = fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()));
    let engine = made.and_then(|()| Engine::start(options.database, &folder));
    let row = match engine {
        Ok(engine) => measured(options, command, model, &folder, engine.as_ref()).unwrap_or_else(|problem| Row {
            model: model.name.to_owned(),
            load: Load::Full.name().to_owned(),
            errors: 1,
            notes: vec![problem],
            ..Row::default()
        }),
        Err(reason) => Row::refused(model.name, Load::Full, &reason),
    };
    // The next model may need the room; what cannot be removed is removed with the run's folder.
    let _ = fs::remove_dir_all(&folder);
    row
}

/// # Errors
/// Why there are no figures: the server does not start, or nobody can subscribe.
fn measured(
    options: &Options,
    command: &ModelCommand,
    model: &Model,
    folder: &Path,
    engine: Option<&Engine>,
) -> Result<Row, String> {
    let io = match model.name {
        "wire" => format!("wire:lab-full-{}", std::process::id()),
        kernel => kernel.to_owned(),
    };
    let size = size(options, &io);
    let listen = if crore_rt::is_device(&io) { GATEWAY } else { SocketAddr::from(([127, 0, 0, 1], 0)) };
    let start = Start {
        name: &format!("{SERVER}{}", options.database.name()),
        protocol: Load::Full.protocol(),
        listen,
        io: Some(&io),
        workers: options.full_workers(),
        data: folder,
    };
    let server = Server::start(command, &start, &[])?;
    let gateway = server.beside().ok_or("the server did not say where its gateway listens")?;
    let plan = crore_load::SubscribersPlan::new(size.subscribers, gateway, &io, CLIENT, CLIENT_BLOCK);
    let plan = plan.map_err(|error| error.to_string())?.api_key(API_KEY);
    let network = plan.network().map_err(|error| error.to_string())?;
    let rate = options.rate_of(Load::Full);
    let trial = Trial {
        plan,
        application: server.address(),
        server: server.tree(),
        engine: engine.map(Engine::tree),
        rate,
        steps: if options.rate.is_some() { 0 } else { FULL_SEARCH_STEPS },
        requesters: FULL_REQUESTERS.min(rate),
        time: options.time_of(Load::Full),
    };
    let runtime = Runtime::builder().workers(1).pin(false).driver(&io).network(network).build();
    let runtime = runtime.map_err(|error| format!("the client has no runtime: {error}"))?;
    let mut findings = runtime.block_on(trial.run())?;
    if let Some(note) = server.stop().note {
        findings.fail(note);
    }
    Ok(row_of(options, model, size, findings))
}

fn row_of(options: &Options, model: &Model, size: Size, findings: Findings) -> Row {
    let Findings { mut full, failures, errors } = findings;
    full.database = options.database.name();
    full.conclude();
    let chosen = full.chosen().cloned().unwrap_or_default();
    let standing = full.subscribers;
    let mut notes: Vec<String> = full.passes.iter().map(|pass| pass.sentence()).collect();
    notes.extend(failures);
    Row {
        model: model.name.to_owned(),
        load: Load::Full.name().to_owned(),
        requests_per_second: chosen.requests_per_second,
        cpu_seconds_per_million: (chosen.answers > 0).then(|| chosen.server_cpu_seconds / chosen.answers as f64 * 1e6),
        latency_ms: chosen.all_ms,
        user_bytes_per_connection: Some(full.server_bytes_per_subscriber),
        max_connections: Some(standing),
        errors: full.errors() + full.lost + full.disturbed + errors,
        stopped_by: Some(match standing == size.subscribers {
            true => size.stopped_by,
            false => format!("{} of {} subscribers are connected", grouped(standing), grouped(size.subscribers)),
        }),
        repetitions: 1,
        notes,
        full: Some(full),
        ..Row::default()
    }
}

/// As many subscribers as were asked for, and as there are descriptors for; unless they were asked for, as there is memory for.
fn size(options: &Options, io: &str) -> Size {
    let wanted = options.connections_of(Load::Full);
    let mut size = Size { subscribers: wanted, stopped_by: format!("{NOTHING} {wanted} were asked for") };
    let available = Memory::now().available();
    let each = if crore_rt::is_device(io) { SUBSCRIBER_BYTES_OURS } else { SUBSCRIBER_BYTES_KERNEL };
    if options.connections.is_none() {
        // Half of it: the rest of the load needs some, too, and so does the machine.
        size.limit(available / 2 / each, || format!("memory: {} MiB are available", available >> 20));
    }
    if crore_rt::takes_descriptors(io) {
        let descriptors = crore_rt::raise_descriptor_limit();
        let room = descriptors.saturating_sub(FULL_REQUESTERS + FULL_DESCRIPTORS_RESERVED);
        size.limit(room, || format!("{descriptors} descriptors a process: raise them with ulimit -n"));
    }
    size
}

impl Size {
    /// No more than `most`, which are at least one.
    fn limit(&mut self, most: u64, why: impl FnOnce() -> String) {
        if most < self.subscribers {
            *self = Size { subscribers: most.max(1), stopped_by: why() };
        }
    }
}
