//! What a run is asked for, and whether it can be done.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crore_base::time::Duration;

use crate::error::LabError;
use crate::harness::limits::{
    CONNECTIONS_DEFAULT, CONNECTIONS_MAX, CONNECTS_DEFAULT, FULL_RATE, FULL_SUBSCRIBERS, FULL_TIME_DEFAULT,
    IDLE_CONNECTIONS_DEFAULT, RATE_BESIDE, RATE_DEFAULT, RATE_MAX, REPEAT_DEFAULT, REPEAT_MAX, TIME_DEFAULT, TIME_MAX,
    TIME_MIN,
};
use crate::limits::WORKERS_MAX;
use crate::service::Protocol;

#[cfg(test)]
mod tests;

/// What the models are asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// 64 bytes to and fro on every connection.
    Echo,
    /// `GET /`.
    Http,
    /// Many connections that say nothing, and ten that send as with `echo`.
    Idle,
    /// Connections that end after one exchange.
    Connect,
    /// SHA-256 of uploaded megabytes, beside `GET /`.
    Cpu,
    /// Slices of a large file.
    Disk,
    /// A gateway full of subscribers that also answers requests, of which some go to a database and to the disk.
    Full,
}

impl Load {
    /// All there are.
    pub const ALL: [Load; 7] = [Load::Echo, Load::Http, Load::Idle, Load::Connect, Load::Cpu, Load::Disk, Load::Full];

    /// The name it is chosen by.
    pub const fn name(self) -> &'static str {
        match self {
            Load::Echo => "echo",
            Load::Http => "http",
            Load::Idle => "idle",
            Load::Connect => "connect",
            Load::Cpu => "cpu",
            Load::Disk => "disk",
            Load::Full => "full",
        }
    }

    /// What is done, and what the figures mean, in a sentence or two.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Load::Echo => "64 bytes to and fro on every connection.",
            Load::Http => "GET / on connections that are kept, answered with Hello, World!",
            Load::Idle => {
                "Many connections that say nothing, and ten that send as with echo: what does a connection cost that does \
                 nothing, and who pays for the others?"
            }
            Load::Connect => {
                "A connection for each exchange, at most 64 at the same time. Requests are connections; latency counts from the \
                 start of the connect to the answer."
            }
            Load::Cpu => {
                "SHA-256 of uploads of 1 MiB on four connections, and GET / at a fixed rate beside them. Requests are uploads; latencies \
                 are those of GET /."
            }
            Load::Disk => "GET of 64 KiB somewhere in a file of 64 MiB.",
            Load::Full => {
                "The gateway with its subscribers, and beside them requests: eight of ten are small, one is a transaction of a \
                 database, one appends to a file and reads from it. The rate is the highest at which the server and its database take \
                 less than 60 % of all processors, the machine's memory is below 80 %, every answer is right and 99 of 100 come \
                 within a second."
            }
        }
    }

    /// What is spoken under this load.
    pub const fn protocol(self) -> Protocol {
        match self {
            Load::Echo | Load::Idle | Load::Connect => Protocol::Echo,
            Load::Http | Load::Cpu | Load::Disk | Load::Full => Protocol::Http,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Load {
    type Err = String;

    /// # Errors
    /// What was asked for, and which there are.
    fn from_str(name: &str) -> Result<Load, String> {
        let known = Load::ALL.into_iter().find(|load| load.name() == name);
        known.ok_or_else(|| {
            let names = Load::ALL.map(Load::name).join(", ");
            format!("there is no load called {name:?}: choose from {names}")
        })
    }
}

/// What the full load's `/database` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// A store inside of the server's process.
    #[default]
    Embedded,
    /// PostgreSQL, started by the run.
    Postgresql,
    /// Redis, started by the run.
    Redis,
}

impl Database {
    /// All there are.
    pub const ALL: [Database; 3] = [Database::Embedded, Database::Postgresql, Database::Redis];

    /// The name it is chosen by.
    pub const fn name(self) -> &'static str {
        match self {
            Database::Embedded => "embedded",
            Database::Postgresql => "postgresql",
            Database::Redis => "redis",
        }
    }
}

impl FromStr for Database {
    type Err = String;

    /// # Errors
    /// What was asked for, and which there are.
    fn from_str(name: &str) -> Result<Database, String> {
        let known = Database::ALL.into_iter().find(|database| database.name() == name);
        known.ok_or_else(|| {
            let names = Database::ALL.map(Database::name).join(", ");
            format!("there is no database {name:?}: choose from {names}")
        })
    }
}

/// A run of the laboratory.
#[derive(Clone, Debug)]
pub struct Options {
    /// Models by name; none: for each load those that are meant for it.
    pub models: Vec<String>,
    /// The loads, in order.
    pub loads: Vec<Load>,
    /// Connections; none: each load's own number.
    pub connections: Option<u64>,
    /// Requests a second of the open loop; none: each load's own number.
    pub rate: Option<u64>,
    /// How long each pass lasts, 100 ms to an hour; none: each load's own time.
    pub time: Option<Duration>,
    /// How often each model is measured with each load.
    pub repeat: u64,
    /// Threads or processes of a model that has a number of them; 0: one for each processor, with the full load but for one, which is
    /// its client's.
    pub workers: u64,
    /// What the full load's database is.
    pub database: Database,
    /// Where the page and `lab.json` are written.
    pub out: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            models: Vec::new(),
            loads: Load::ALL.to_vec(),
            connections: None,
            rate: None,
            time: None,
            repeat: REPEAT_DEFAULT,
            workers: 0,
            database: Database::default(),
            out: None,
        }
    }
}

impl Options {
    /// # Errors
    /// The value that is out of its range, and the range.
    pub fn check(&self) -> Result<(), LabError> {
        let within = |name: &str, value: u64, least: u64, most: u64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(LabError::usage(format!("{name} {value} cannot be had: choose {least} to {most}"))),
        };
        if self.loads.is_empty() {
            return Err(LabError::usage("no load was asked for: leave --load out for all of them"));
        }
        self.connections.map_or(Ok(()), |count| within("--connections", count, 1, CONNECTIONS_MAX))?;
        self.rate.map_or(Ok(()), |rate| within("--rate", rate, 1, RATE_MAX))?;
        within("--repeat", self.repeat, 1, REPEAT_MAX)?;
        within("--workers", self.workers, 0, WORKERS_MAX as u64)?;
        match self.time.filter(|time| *time < TIME_MIN || *time > TIME_MAX) {
            Some(time) => Err(LabError::usage(format!("--time {time} cannot be had: choose {TIME_MIN} to {TIME_MAX}"))),
            None => Ok(()),
        }
    }

    /// How long a pass of this load lasts.
    pub(crate) fn time_of(&self, load: Load) -> Duration {
        self.time.unwrap_or(if load == Load::Full { FULL_TIME_DEFAULT } else { TIME_DEFAULT })
    }

    /// How many connections this load has.
    pub(crate) fn connections_of(&self, load: Load) -> u64 {
        self.connections.unwrap_or(match load {
            Load::Idle => IDLE_CONNECTIONS_DEFAULT,
            Load::Connect => CONNECTS_DEFAULT,
            Load::Full => FULL_SUBSCRIBERS,
            _ => CONNECTIONS_DEFAULT,
        })
    }

    /// Requests a second of this load's open loop.
    pub(crate) fn rate_of(&self, load: Load) -> u64 {
        self.rate.unwrap_or(match load {
            Load::Cpu | Load::Disk => RATE_BESIDE,
            Load::Full => FULL_RATE,
            _ => RATE_DEFAULT,
        })
    }

    /// Cores of the full load's server.
    pub(crate) fn full_workers(&self) -> usize {
        match self.workers {
            0 => self.workers().saturating_sub(1).max(1),
            _ => self.workers(),
        }
    }

    /// Threads or processes of a model that has a number of them.
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => usize::try_from(workers).expect("checked to be below its limit"),
        }
    }
}
