//! One load on one model: starts the model, has the client ask, reads what the model used.

use std::cell::Cell;
use std::ffi::OsString;
use std::rc::Rc;

use crore_rt::Runtime;
use crore_rt::time::Duration;

use super::server::{ModelCommand, Server, Start};
use super::trial::Trial;
use super::{Workplace, passes};
use crate::client::caller::Target;
use crate::client::questions::Questions;
use crate::ground::Ground;
use crate::measure::ended;
use crate::measure::tree::Tree;
use crate::options::{Load, Options};
use crate::{Model, catalogue};

/// What all models of one load have in common.
pub(super) struct Session<'a> {
    pub(super) options: &'a Options,
    pub(super) command: &'a ModelCommand,
    pub(super) load: Load,
    pub(super) place: &'a Workplace,
    /// Why system calls are not counted, if so.
    pub(super) untraced: Option<String>,
    questions: Kinds,
    grounds: Cell<u64>,
}

/// What is asked, made once for all models.
#[derive(Clone)]
pub(super) struct Kinds {
    pub(super) small: Rc<Questions>,
    /// Beside them, on connections of their own.
    pub(super) heavy: Option<Rc<Questions>>,
}

/// What a pass knows.
pub(super) struct Pass {
    pub(super) load: Load,
    pub(super) target: Target,
    pub(super) kinds: Kinds,
    pub(super) tree: Tree,
    pub(super) connections: u64,
    pub(super) rate: u64,
    pub(super) time: Duration,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        options: &'a Options,
        command: &'a ModelCommand,
        load: Load,
        place: &'a Workplace,
        untraced: Option<String>,
    ) -> Session<'a> {
        let (small, heavy) = match load {
            Load::Echo | Load::Idle | Load::Connect => (Questions::Echo, None),
            Load::Http => (Questions::hello(), None),
            Load::Cpu => (Questions::hello(), Some(Rc::new(Questions::digests()))),
            Load::Disk => (Questions::Disk, None),
            Load::Full => (Questions::Full, None),
        };
        let questions = Kinds { small: Rc::new(small), heavy };
        Session { options, command, load, place, untraced, questions, grounds: Cell::new(0) }
    }

    /// One repetition.
    pub(super) fn trial(&self, model: &Model) -> Trial {
        let trial = Trial::default();
        match self.load {
            Load::Connect => self.pass(model, trial, passes::connects),
            Load::Cpu => self.pass(model, trial, passes::beside),
            _ => {
                let trial = self.pass(model, trial, passes::paced);
                self.pass(model, trial, passes::saturated)
            }
        }
    }

    /// One pass on a model that is started for it. Context switches are known when it has ended.
    fn pass<F>(&self, model: &Model, mut trial: Trial, run: fn(Pass, Trial) -> F) -> Trial
    where
        F: Future<Output = (Trial, passes::Counted)> + 'static,
    {
        let ended_before = ended::context_switches();
        let started = self.start(model, &[], self.options.connections_of(self.load));
        let (server, pass, ground) = match started {
            Ok(started) => started,
            Err(reason) => {
                trial.fail(reason);
                return trial;
            }
        };
        let runtime =
            Runtime::builder().workers(1).pin(false).driver(&ground.client_io).network(ground.network.clone());
        let (mut trial, counted) = match runtime.build() {
            Ok(runtime) => runtime.block_on(run(pass, trial)),
            Err(error) => {
                trial.fail(format!("the client has no runtime: {error}"));
                (trial, passes::Counted::default())
            }
        };
        if let Some(note) = server.stop().note {
            trial.fail(note);
        }
        if counted.requests > 0 {
            // Each is a part: threads that ended are not seen, and children that nobody waited for are not told of.
            let told = (ended::context_switches() - ended_before).saturating_sub(counted.switches_before);
            let switches = told.max(counted.switches_seen) as f64 / counted.requests as f64;
            trial.context_switches_per_request = Some(switches);
        }
        trial
    }

    /// Starts a model, and says what a pass needs to know of it.
    ///
    /// # Errors
    /// Why it does not serve.
    pub(super) fn start(
        &self,
        model: &Model,
        before: &[OsString],
        connections: u64,
    ) -> Result<(Server, Pass, Ground), String> {
        let number = self.grounds.replace(self.grounds.get() + 1);
        let workers = self.options.workers();
        let ground = Ground::new(model.name, workers, number)?;
        let data = self.place.data();
        let start = Start {
            name: model.name,
            protocol: self.load.protocol(),
            listen: ground.listen,
            io: ground.model_io.as_deref(),
            workers: ground.workers_max.map_or(workers, |most| workers.min(most)),
            data: &data,
        };
        let server = Server::start(self.command, &start, before)?;
        let pass = Pass {
            load: self.load,
            target: Target { address: server.address(), datagrams: catalogue::speaks_datagrams(model.name) },
            kinds: self.questions.clone(),
            tree: server.tree(),
            connections,
            rate: self.options.rate_of(self.load),
            time: self.options.time_of(self.load),
        };
        Ok((server, pass, ground))
    }
}
