//! The passes under a tracer: system calls a request.

use crore_rt::Runtime;

use super::limits::{DIGESTERS, TRACED_CONNECTIONS, TRACED_REQUESTS};
use super::passes;
use super::session::Session;
use crate::Model;
use crate::measure::tracer;
use crate::options::Load;

impl Session<'_> {
    /// System calls a request of a model that could hold so many connections, or why they are not known.
    pub(super) fn traced(&self, model: &Model, held: Option<u64>) -> Result<f64, String> {
        if let Some(reason) = &self.untraced {
            return Err(reason.clone());
        }
        let most = if self.load == Load::Cpu { DIGESTERS } else { TRACED_CONNECTIONS };
        let connections = held.unwrap_or(self.options.connections_of(self.load)).min(most);
        if connections == 0 {
            return Err("system calls were not counted: it answers nobody".to_owned());
        }
        let counted = self.calls_per_request(model, connections);
        counted.map_err(|reason| format!("system calls were not counted: {reason}"))
    }

    fn calls_per_request(&self, model: &Model, connections: u64) -> Result<f64, String> {
        let without = self.calls(model, connections, 0)?;
        let with = self.calls(model, connections, TRACED_REQUESTS)?;
        let more = with.checked_sub(without).filter(|more| *more > 0);
        let more = more.ok_or("what it calls depends on time and not on requests")?;
        Ok(more as f64 / (connections * TRACED_REQUESTS) as f64)
    }

    /// All calls of a model that answers so many requests on each of so many connections.
    fn calls(&self, model: &Model, connections: u64, requests: u64) -> Result<u64, String> {
        let file = self.place.trace();
        let (server, pass, ground) = self.start(model, &tracer::prefix(&file), connections)?;
        let runtime =
            Runtime::builder().workers(1).pin(false).driver(&ground.client_io).network(ground.network.clone());
        let runtime = runtime.build().map_err(|error| error.to_string())?;
        let asked = runtime.block_on(passes::counted(pass, requests));
        let ending = server.stop();
        asked?;
        let summary = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        tracer::total(&summary).ok_or_else(|| ending.note.unwrap_or_else(|| "strace gave no table".to_owned()))
    }
}
