//! What worlds have found, each as a small scene of two engines, and the seeds that found it.
#![cfg(not(feature = "canary"))]

use crore_base::frame::FramePool;
use crore_base::time::{Duration, Instant};
use crore_sim::family::Families;
use crore_sim::farm;
use crore_sim::plan::Kind;
use crore_tcp::counter::Counter;
use crore_tcp::{
    Config, ConnId, Connect, Engine, Event, KeepAlive, LinkConfig, Listen, ListenerId, Options, Ready, SendError,
    Source,
};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;

/// Worlds that once failed.
const SEEDS: &[(Kind, u64)] = &[
    // A cookie was taken back from a segment that began a few bytes later, or acknowledged a few more.
    (Kind::Crowd, 40),
    (Kind::Crowd, 313),
    (Kind::Crowd, 4102),
    // Bytes that came early held the last part to receive with, for ever.
    (Kind::Pair, 26),
    (Kind::Crowd, 199),
    // Who waited for a part to send with was not told of one that another had left.
    (Kind::Crowd, 264),
    (Kind::Crowd, 293),
    // More output than was asked for.
    (Kind::Crossing, 1872),
    (Kind::Crossing, 774),
    // After a sleep, probes in a row without a pause.
    (Kind::Crossing, 1264),
    (Kind::Crossing, 952),
];

#[test]
fn worlds_that_once_failed_hold() {
    for &(kind, seed) in SEEDS {
        let outcome = farm::run_one(seed, kind, Families::NONE, 1, false).0;
        assert!(outcome.is_ok(), "seed {seed} of {kind:?}: {outcome:?}");
    }
}

#[test]
fn a_world_replays_from_its_seed_to_the_last_byte() {
    let life = || {
        let (outcome, world) = farm::run_one(7, Kind::Crowd, Families::NONE, 1, true);
        let mut frames = Vec::new();
        world.capture().expect("it was asked for").write(&mut frames).expect("memory takes everything");
        (outcome, frames)
    };
    assert_eq!(life(), life());
}

/// A client and a server with a perfect wire between them.
struct Scene {
    engines: [Engine; 2],
    now: Instant,
    listener: ListenerId,
    /// Events of connections of the client.
    told: Vec<(ConnId, Ready)>,
}

impl Scene {
    fn new(limits: impl Fn(&mut Config), options: Options) -> Self {
        let engine = |host: u8| {
            let link = LinkConfig {
                mac: Mac([2, 0, 0, 0, 0, host]),
                mtu: 1500,
                addresses: vec![format!("10.0.0.{host}/24").parse().expect("a prefix")],
                owned: Vec::new(),
                gateways: Vec::new(),
            };
            let mut config = Config { connections_max: 100, ..Config::new(link) };
            limits(&mut config);
            let frames = FramePool::new(256, 16).expect("memory for 256 frames");
            Engine::new(config, frames, u64::from(host), Instant::ZERO).expect("a valid configuration")
        };
        let mut engines = [engine(1), engine(2)];
        let listen = Listen { local: "10.0.0.2".parse().expect("a prefix"), port: 80, backlog: 8, options };
        let listener = engines[1].listen(listen).expect("a free port");
        Self { engines, now: Instant::ZERO, listener, told: Vec::new() }
    }

    /// Opens a connection; returns both ends.
    fn open(&mut self, options: Options) -> (ConnId, ConnId) {
        let (remote, remote_port) = (Ip::v4([10, 0, 0, 2]), 80);
        let connect = Connect { source: Source::Any, source_port: None, remote, remote_port, options };
        let ours = self.engines[0].connect(self.now, connect).expect("room for a connection");
        self.run(100, |_| true);
        (ours, self.engines[1].accept(self.listener).expect("it is established"))
    }

    /// Lets `ms` milliseconds pass, and carries the frames of the client that `passes` lets through.
    fn run(&mut self, ms: u64, passes: impl Fn(&[u8]) -> bool) {
        for _ in 0..ms {
            self.now += Duration::from_millis(1);
            for from in 0..2 {
                self.engines[from].on_timeout(self.now);
                self.carry(from, &passes);
            }
            while let Some(event) = self.engines[0].poll_event() {
                if let Event::Connection { conn, ready, .. } = event {
                    self.told.push((conn, ready));
                }
            }
        }
    }

    fn carry(&mut self, from: usize, passes: &impl Fn(&[u8]) -> bool) {
        let mut out = Vec::new();
        self.engines[from].poll_output(self.now, &mut out, 1_000);
        for frame in out {
            let bytes = self.engines[from].frames().bytes(&frame).to_vec();
            self.engines[from].frames_mut().free(frame);
            if from == 0 && !passes(&bytes) {
                continue;
            }
            let to = &mut self.engines[1 - from];
            let mut copy = to.frames_mut().alloc().expect("frames are plenty");
            to.frames_mut().buffer_mut(&mut copy)[..bytes.len()].copy_from_slice(&bytes);
            copy.set_len(bytes.len());
            to.on_input(self.now, &mut vec![copy]);
        }
    }

    fn read(&mut self, conn: ConnId) -> usize {
        let mut total = 0;
        while let Some(received) = self.engines[1].recv(conn) {
            total += received.len();
            self.engines[1].give_back(received);
        }
        total
    }

    fn is_writable(&self, conn: ConnId) -> bool {
        self.told.iter().any(|&(told, ready)| told == conn && ready.contains(Ready::WRITABLE))
    }
}

#[test]
fn a_part_that_one_leaves_is_offered_to_the_next_in_line() {
    let options = Options::default();
    let mut scene = Scene::new(|config| config.sending_max = 1, options);
    let [a, b, c] = [(); 3].map(|()| scene.open(options).0);
    let payload = || (&[1_u8; 100]).into();
    assert_eq!(scene.engines[0].send(a, payload()), Ok(()));
    assert_eq!(scene.engines[0].send(b, payload()), Err(SendError::Busy));
    assert_eq!(scene.engines[0].send(b, payload()), Err(SendError::Busy));
    assert_eq!(scene.engines[0].send(c, payload()), Err(SendError::Busy));
    scene.run(200, |_| true);
    // It has changed its mind, and says nothing.
    assert!(scene.is_writable(b), "{:?}", scene.told);
    assert!(scene.is_writable(c), "{:?}", scene.told);
}

#[test]
fn bytes_that_come_early_leave_a_part_for_others() {
    let options = Options::default();
    let mut scene = Scene::new(|config| config.receiving_max = 1, options);
    let (a, _) = scene.open(options);
    let (b, b_server) = scene.open(options);
    scene.engines[0].send(a, vec![1; 3_000].into()).expect("an empty queue");
    // Of its first flight only the end arrives, and then the client is never heard of again on this connection.
    let port = scene.engines[0].statistics(a).expect("it is open").local.port().to_be_bytes();
    let is_of_a = move |frame: &[u8]| frame.len() > 54 && frame[34..36] == port;
    scene.run(1, |frame| !is_of_a(frame) || frame.len() < 1_000);
    scene.engines[0].send(b, vec![2; 500].into()).expect("an empty queue");
    scene.run(100, |frame| !is_of_a(frame));
    assert_eq!(scene.read(b_server), 500);
}

#[test]
fn output_is_never_more_than_was_asked_for() {
    let options = Options::default();
    let mut scene = Scene::new(|_| {}, options);
    let pairs = [(); 3].map(|()| scene.open(options));
    for (ours, theirs) in pairs {
        scene.engines[0].send(ours, vec![1; 2_000].into()).expect("an empty queue");
        scene.engines[1].send(theirs, vec![2; 2_000].into()).expect("an empty queue");
    }
    for _ in 0..20 {
        let mut out = Vec::new();
        let count = scene.engines[0].poll_output(scene.now, &mut out, 1);
        assert!(count <= 1 && out.len() == count, "{count} frames of one that was asked for");
        out.into_iter().for_each(|frame| scene.engines[0].frames_mut().free(frame));
        scene.carry(1, &|_| true);
    }
}

#[test]
fn a_host_that_slept_probes_at_its_own_pace() {
    let keep_alive = KeepAlive { idle: Duration::from_secs(2), interval: Duration::from_secs(1), probes: 5 };
    let options = Options { keep_alive: Some(keep_alive), ..Options::default() };
    let mut scene = Scene::new(|_| {}, options);
    scene.open(options);
    scene.now += Duration::from_secs(3_600);
    scene.run(900, |_| false);
    let probes = scene.engines[0].counters().of(Counter::KeepAliveProbes);
    assert_eq!(probes, 1, "in less than the pause between two");
    scene.run(6_000, |_| false);
    assert_eq!(scene.engines[0].counters().of(Counter::KeepAliveProbes), 5);
    assert_eq!(scene.engines[0].counters().of(Counter::ClosedKeepAlive), 1);
}
