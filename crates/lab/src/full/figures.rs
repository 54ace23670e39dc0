//! What the full load found, for a row: what is held, what it takes of the machine, and how far the rate goes.

use serde::Serialize;

use crate::harness::limits::{
    FULL_ANSWERED_SHARE, FULL_CPU_PERCENT, FULL_MEMORY_PERCENT, FULL_P99_MS, FULL_RATE, FULL_SUBSCRIBERS,
};
use crate::outcome::{Latencies, digits, grouped};

#[cfg(test)]
mod tests;

/// Of one server under the full load.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Full {
    /// What the database was.
    pub database: &'static str,
    /// Subscribers that were connected while requests were answered.
    pub subscribers: u64,
    /// Growth of the server's memory for each of them.
    pub server_bytes_per_subscriber: f64,
    /// Growth of all memory in use on the machine for each of them: both ends, and the kernel.
    pub machine_bytes_per_subscriber: f64,
    /// The publication to all.
    pub broadcast: Broadcast,
    /// Publications that a subscriber should have got and has not.
    pub lost: u64,
    /// Publications that a subscriber got twice, or out of order.
    pub disturbed: u64,
    /// The highest rate that was borne, requests a second; none: none was.
    pub highest_rate: Option<u64>,
    /// Whether a million subscribers and 50,000 requests a second were borne.
    pub meets_target: bool,
    /// Each rate that was tried, in order.
    pub passes: Vec<Pass>,
}

/// One publication to every subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Broadcast {
    /// Copies that arrived.
    pub deliveries: u64,
    /// From the publication to the last of them.
    pub seconds: Option<f64>,
}

/// Requests at one rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pass {
    /// Requests a second that were due.
    pub rate: u64,
    /// Answers a second.
    pub requests_per_second: Option<f64>,
    /// Latencies of requests that are answered at once, ...
    pub plain_ms: Latencies,
    /// ... of transactions, ...
    pub database_ms: Latencies,
    /// ... of records, ...
    pub disk_ms: Latencies,
    /// ... and of all.
    pub all_ms: Latencies,
    /// Of all processors together, percent.
    pub cpu_percent: Shares,
    /// Memory in use, of all that the machine has, percent.
    pub memory_percent: f64,
    /// Processor time of the server, and of its database if that is a process of its own, seconds.
    pub server_cpu_seconds: f64,
    /// Right answers.
    pub answers: u64,
    /// Requests without one.
    pub errors: u64,
    /// Those of them that were not only late: answered wrongly, refused, or with the end of their connection.
    pub wrong: u64,
    /// Why the server does not bear the rate; none: it does.
    pub too_much: Option<String>,
}

/// Who took how much of all processors, percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Shares {
    /// Gateway and application.
    pub server: f64,
    /// Subscribers, and those who ask.
    pub client: f64,
    /// The database, where it is a process of its own.
    pub database: Option<f64>,
    /// All that runs on the machine.
    pub machine: f64,
}

impl Pass {
    /// Says why the rate is too much, if it is. The server and its database count together.
    pub(super) fn judge(&mut self) {
        let server = self.cpu_percent.server + self.cpu_percent.database.unwrap_or(0.0);
        let slowest = [self.plain_ms, self.database_ms, self.disk_ms].into_iter().filter_map(|ms| ms.p99);
        let p99 = slowest.fold(0.0, f64::max);
        let answered = self.requests_per_second.unwrap_or(0.0);
        let reasons = [
            (self.errors > 0).then(|| format!("{} errors", grouped(self.errors))),
            (answered < self.rate as f64 * FULL_ANSWERED_SHARE)
                .then(|| format!("{} answers/s, so that a backlog grows", grouped(answered as u64))),
            (server >= FULL_CPU_PERCENT)
                .then(|| format!("the server took {server:.0} % of all processors, {FULL_CPU_PERCENT} are too much")),
            (self.memory_percent >= FULL_MEMORY_PERCENT)
                .then(|| format!("{:.0} % of memory in use, {FULL_MEMORY_PERCENT} are too much", self.memory_percent)),
            (p99 >= FULL_P99_MS).then(|| format!("p99 {} ms, {FULL_P99_MS} are too much", digits(Some(p99)))),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        self.too_much = (!reasons.is_empty()).then(|| reasons.join("; "));
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let Shares { server, client, database, machine } = self.cpu_percent;
        let database = database.map_or(String::new(), |percent| format!(", database {percent:.0} %"));
        let verdict = self.too_much.as_ref().map_or("borne".to_owned(), |reason| format!("too much: {reason}"));
        format!(
            "at {}/s: {} answers/s, p99 {} ms (plain {}, database {}, disk {}), of all processors server {server:.0} %{database}, client \
             {client:.0} %, machine {machine:.0} %, memory {:.0} %: {verdict}",
            grouped(self.rate),
            digits(self.requests_per_second),
            digits(self.all_ms.p99),
            digits(self.plain_ms.p99),
            digits(self.database_ms.p99),
            digits(self.disk_ms.p99),
            self.memory_percent,
        )
    }
}

impl Full {
    /// The pass that stands for the row: that of the highest rate that was borne, or else the last.
    pub fn chosen(&self) -> Option<&Pass> {
        let borne = self.passes.iter().filter(|pass| pass.too_much.is_none()).max_by_key(|pass| pass.rate);
        borne.or(self.passes.last())
    }

    /// Requests that failed and count: all of the chosen pass, and of those that were too much what was not only late.
    pub(super) fn errors(&self) -> u64 {
        let wrong: u64 = self.passes.iter().map(|pass| pass.wrong).sum();
        self.chosen().map_or(0, |chosen| chosen.errors - chosen.wrong + wrong)
    }

    /// Sets what follows from the passes.
    pub(super) fn conclude(&mut self) {
        let borne = self.chosen().filter(|pass| pass.too_much.is_none()).map(|pass| pass.rate);
        self.highest_rate = borne;
        let is_right = self.lost == 0 && self.disturbed == 0;
        self.meets_target =
            is_right && self.subscribers >= FULL_SUBSCRIBERS && borne.is_some_and(|rate| rate >= FULL_RATE);
    }
}
