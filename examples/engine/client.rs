//! The client's end: starts the server, and leads through the phases of the measurement.

use std::process::{Child, Command, Stdio};
use std::time::Instant as Clock;

use crore_base::time::{Duration, Instant};
use crore_base::units::Count;
use crore_nic::{Link, PacketIo, Role};
use crore_tcp::{Engine, Event, LinkConfig};
use crore_wire::ip::Prefix;

use crate::Arguments;
use crate::exchange::{Exchanges, Opening};
use crate::host::{Application, Host, Outcome, pin};
use crate::lives::{Bulk, Lives};
use crate::measure;
use crate::report::Report;
use crate::server::SPARE_CONNECTIONS;

/// The client's own address; those that connections come from are ranges of their own.
const CLIENT: &str = "10.0.0.2/8";
/// Where the connections that stay come from: 512 addresses, over 30 million ports.
const STAYING: &str = "10.1.0.0/23";
/// Where those with short lives come from.
const SHORT_LIVED: &str = "10.2.0.0/20";
/// Records in TIME-WAIT: those of a few seconds of short lives.
const TIME_WAIT_MAX: u32 = 4 << 20;
/// Exchanges under way at once.
const EXCHANGES_AT_ONCE: u32 = 512;
/// How long an exchange is warmed up before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// Runs everything and says what came out.
pub(crate) fn run(arguments: &Arguments) -> Outcome<Report> {
    let wire = format!("engine-{}", std::process::id());
    let link = |wire: &crore_nic::Wire| LinkConfig {
        mac: wire.capabilities().mac,
        mtu: wire.capabilities().mtu,
        addresses: vec![CLIENT.parse().expect("the address is one")],
        owned: vec![range(STAYING), range(SHORT_LIVED)],
        gateways: Vec::new(),
    };
    let host = Host::new(&wire, Role::Host, link, |config| {
        config.connections_max = arguments.connections + SPARE_CONNECTIONS;
        config.time_wait_max = TIME_WAIT_MAX;
    })?;
    let server = Command::new(std::env::current_exe()?)
        .args(["--server", &wire, "--connections", &arguments.connections.to_string()])
        .stdin(Stdio::null())
        .spawn()?;
    // Only now: a child inherits where its parent may run.
    pin(true);
    let mut run = Run { arguments, host, server, report: Report::default() };
    let outcome = run.phases();
    // The server ends by itself when the wire is gone; it must not be left behind if it does not.
    let _ = run.server.kill();
    run.server.wait()?;
    outcome.map(|()| run.report)
}

fn range(text: &str) -> Prefix {
    text.parse().expect("the range is one")
}

struct Run<'a> {
    arguments: &'a Arguments,
    host: Host,
    server: Child,
    report: Report,
}

struct Nothing;

impl Application for Nothing {
    fn on_event(&mut self, _engine: &mut Engine, _now: Instant, _event: Event) {}
}

impl Run<'_> {
    fn phases(&mut self) -> Outcome<()> {
        self.meet()?;
        self.open()?;
        self.report.exchanges_per_second_1k = self.exchange(1_000)?;
        self.report.exchanges_per_second_all = self.exchange(self.arguments.connections)?;
        self.lives()?;
        self.bulk()?;
        self.rest()?;
        let server = measure::peak_bytes(self.server.id())?;
        self.report.bytes_per_connection = server as f64 / f64::from(self.arguments.connections);
        self.report.max_rss_bytes = server + measure::peak_bytes(std::process::id())?;
        Ok(())
    }

    fn meet(&mut self) -> Outcome<()> {
        while self.host.wire.link() == Link::Waiting {
            self.host.turn(&mut Nothing, Duration::from_millis(10))?;
            if let Some(status) = self.server.try_wait()? {
                return Err(format!("the server has ended: {status}").into());
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Outcome<()> {
        let mut opening = Opening::new(self.arguments.connections, range(STAYING));
        let begin = Clock::now();
        let mut told = Clock::now();
        while opening.verified < opening.wanted {
            let now = self.host.now();
            opening.push(&mut self.host.engine, now);
            self.host.turn(&mut opening, Duration::from_millis(10))?;
            self.check(&opening.failure)?;
            if told.elapsed().as_secs() >= 2 {
                told = Clock::now();
                eprintln!(
                    "{} of {} connections verified",
                    Count(opening.verified.into()),
                    Count(opening.wanted.into())
                );
            }
        }
        self.report.connect_seconds = begin.elapsed().as_secs_f64();
        self.report.connections = self.host.engine.connection_count().into();
        self.report.verified = opening.verified.into();
        eprintln!("{} connections verified in {:.1} s", Count(opening.verified.into()), self.report.connect_seconds);
        Ok(())
    }

    fn check(&mut self, failure: &Option<String>) -> Outcome<()> {
        if let Some(failure) = failure {
            return Err(failure.clone().into());
        }
        if self.host.is_alone() {
            return Err("the server is gone".into());
        }
        Ok(())
    }

    /// Exchanges a second over the first `among` connections.
    fn exchange(&mut self, among: u32) -> Outcome<f64> {
        let mut exchanges = Exchanges::new(among);
        let mut rate = 0.0;
        for (phase, lasting) in [WARM_UP, self.arguments.each].into_iter().enumerate() {
            let before = exchanges.completed;
            let begin = Clock::now();
            let until = self.host.now() + lasting;
            while self.host.now() < until {
                exchanges.push(&mut self.host.engine, EXCHANGES_AT_ONCE);
                self.host.turn(&mut exchanges, Duration::from_millis(10))?;
                self.check(&exchanges.failure)?;
            }
            rate = (exchanges.completed - before) as f64 / begin.elapsed().as_secs_f64();
            debug_assert!(phase < 2);
        }
        while !exchanges.is_over() {
            self.host.turn(&mut exchanges, Duration::from_millis(10))?;
            self.check(&exchanges.failure)?;
        }
        eprintln!("{rate:.0} exchanges a second over {} connections", Count(among.into()));
        Ok(rate)
    }

    fn lives(&mut self) -> Outcome<()> {
        let mut lives = Lives::new(range(SHORT_LIVED));
        let begin = Clock::now();
        let until = self.host.now() + self.arguments.each;
        while self.host.now() < until {
            let now = self.host.now();
            lives.push(&mut self.host.engine, now);
            self.host.turn(&mut lives, Duration::from_millis(10))?;
            self.check(&lives.failure)?;
        }
        while !lives.is_over() || self.host.engine.connection_count() > self.arguments.connections {
            self.host.turn(&mut lives, Duration::from_millis(10))?;
            self.check(&lives.failure)?;
        }
        self.report.handshakes_per_second = lives.completed as f64 / begin.elapsed().as_secs_f64();
        eprintln!("{:.0} whole lives a second", self.report.handshakes_per_second);
        Ok(())
    }

    fn bulk(&mut self) -> Outcome<()> {
        let now = self.host.now();
        let mut bulk = Bulk::open(&mut self.host.engine, now, range(SHORT_LIVED))?;
        let mut rate = 0.0;
        for lasting in [WARM_UP, self.arguments.each] {
            let before = bulk.delivered(&self.host.engine);
            let begin = Clock::now();
            let until = self.host.now() + lasting;
            while self.host.now() < until {
                bulk.push(&mut self.host.engine);
                self.host.turn(&mut bulk, Duration::from_millis(10))?;
                self.check(&bulk.failure)?;
            }
            let bytes = bulk.delivered(&self.host.engine) - before;
            rate = bytes as f64 * 8.0 / begin.elapsed().as_secs_f64();
        }
        bulk.end(&mut self.host.engine);
        self.report.bulk_bits_per_second = rate;
        eprintln!("{:.2} Gbit/s of bulk data", rate / 1e9);
        Ok(())
    }

    fn rest(&mut self) -> Outcome<()> {
        // What the phases left behind comes to its end first.
        let quiet = self.host.now() + Duration::from_secs(2);
        while self.host.now() < quiet {
            self.host.turn(&mut Nothing, Duration::from_millis(100))?;
        }
        let before = measure::cpu_seconds(self.server.id())?;
        let begin = Clock::now();
        let until = self.host.now() + self.arguments.rest;
        while self.host.now() < until {
            self.host.turn(&mut Nothing, Duration::from_millis(100))?;
        }
        let spent = measure::cpu_seconds(self.server.id())? - before;
        self.report.idle_cpu_share = spent / begin.elapsed().as_secs_f64();
        eprintln!("{:.3} % of a core at rest", self.report.idle_cpu_share * 100.0);
        Ok(())
    }
}
