//! A run: each model in turn, with the same load, again and again.
//!
//! Repetitions are interleaved (A B C A B C), so that what else the machine does hits all alike. Every pass has a model of its own,
//! started for it. Row by row: the *paced* pass gives latencies at a rate that is the same for all, and what connections cost; the
//! *saturated* pass gives throughput, processor time and context switches; a traced pass, once for a model, gives system calls.

use std::path::{Path, PathBuf};

use crate::catalogue;
use crate::client::questions::write_pattern;
use crate::error::LabError;
use crate::full;
use crate::ground::Ground;
use crate::measure::tracer;
use crate::options::{Load, Options};
use crate::outcome::{Outcome, Row};
use crate::{Model, Protocol};

pub(crate) mod limits;
mod passes;
mod progress;
pub(crate) mod server;
mod session;
mod traced;
mod trial;

use progress::Display;
pub use server::ModelCommand;
use session::Session;
use trial::Trial;

/// What the name of a run's folder begins with; the number of its process follows.
const FOLDER: &str = "crore-lab-";

/// Measures the models as asked, and writes the page and `lab.json` if that was asked for.
///
/// # Errors
/// What was asked for cannot be done, or the run broke off. That a single model fails breaks nothing: its row says so.
pub fn run(options: &Options, command: &ModelCommand) -> Result<Outcome, LabError> {
    options.check()?;
    let chosen = options.loads.iter().map(|load| Ok((*load, catalogue::chosen(&options.models, *load)?)));
    let chosen = chosen.collect::<Result<Vec<_>, LabError>>()?;
    if chosen.iter().all(|(_, models)| models.is_empty()) {
        return Err(LabError::usage("none of these models speaks what this load needs: leave --models out"));
    }
    if let Some(folder) = &options.out {
        // Now and not after an hour of measuring.
        let refused = |error| LabError::usage(format!("--out {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(refused)?;
    }
    crore_rt::raise_descriptor_limit();
    let place = Workplace::new(options)?;
    let tracer = tracer::check().err();
    let steps = |load: Load| if load == Load::Full { 1 } else { options.repeat + 1 };
    let mut display = Display::new(chosen.iter().map(|(load, models)| models.len() as u64 * steps(*load)).sum());
    let mut rows = Vec::new();
    for (load, models) in chosen {
        if load == Load::Full {
            rows.extend(models.iter().map(|model| {
                display.next(load, model.name);
                full::row(options, command, model, &place.folder)
            }));
            continue;
        }
        let session = Session::new(options, command, load, &place, tracer.clone());
        rows.extend(measure(&session, &models, options.repeat, &mut display));
    }
    display.finish();
    let outcome = Outcome { rows };
    if let Some(folder) = &options.out {
        crate::report::write(folder, &outcome, options)?;
    }
    Ok(outcome)
}

fn measure(session: &Session<'_>, models: &[&'static Model], repeat: u64, display: &mut Display) -> Vec<Row> {
    let refusals: Vec<Option<String>> = models.iter().map(|model| refusal(model, session)).collect();
    let mut trials: Vec<Vec<Trial>> = models.iter().map(|_| Vec::new()).collect();
    for _ in 0..repeat {
        for (at, model) in models.iter().enumerate() {
            display.next(session.load, model.name);
            if refusals[at].is_none() {
                trials[at].push(session.trial(model));
            }
        }
    }
    let row = |(at, model): (usize, &&'static Model)| {
        display.next(session.load, model.name);
        match &refusals[at] {
            Some(reason) => Row::refused(model.name, session.load, reason),
            None => {
                let held = trials[at].iter().filter_map(|trial| trial.held).max();
                trial::row(model.name, session.load, &trials[at], session.traced(model, held))
            }
        }
    };
    models.iter().enumerate().map(row).collect()
}

/// Why a model cannot be run here: it says so itself, or there is nowhere for it to stand.
fn refusal(model: &Model, session: &Session<'_>) -> Option<String> {
    (model.refusal)().or_else(|| Ground::new(model.name, session.options.workers(), 0).err())
}

/// A folder for what a run needs, removed at its end.
struct Workplace {
    folder: PathBuf,
}

impl Workplace {
    /// # Errors
    /// The system's.
    fn new(options: &Options) -> Result<Workplace, LabError> {
        let parent = std::env::temp_dir();
        remove_leftovers(&parent);
        let folder = parent.join(format!("{FOLDER}{}", std::process::id()));
        let broken = |error| LabError::broken(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(broken)?;
        let place = Workplace { folder: folder.clone() };
        // Every model that speaks HTTP opens the file, also where nobody reads it.
        if options.loads.iter().any(|load| load.protocol() == Protocol::Http) {
            write_pattern(&place.data()).map_err(broken)?;
        }
        Ok(place)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn trace(&self) -> PathBuf {
        self.folder.join("trace")
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What cannot be removed lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of runs that were killed.
fn remove_leftovers(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
