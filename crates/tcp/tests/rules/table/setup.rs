//! How a table begins: the engine's configuration, its options, and what its peer is like.

use crore_base::frame::FramePool;
use crore_base::time::{Duration, Instant};
use crore_tcp::{Config, Engine, KeepAlive, LinkConfig, Options};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::seq::Seq;

use super::Table;
use super::peer::Peer;
use super::segment::{Origins, Segment, syn, syn_ack};

/// The engine's port, and the peer's.
pub(crate) const PORT: u16 = 80;
pub(crate) const PEER_PORT: u16 = 5000;

pub(crate) const ENGINE_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// When every table begins: some time after the origin, so that nothing is special about zero.
pub(crate) const BEGINNING: Instant = Instant::from_nanos(1_000_000_000_000);

/// See the module. The default is an engine with a window of 65,535 bytes, which needs no scale, and a peer with
/// segments of 1,460 bytes and neither window scale nor timestamps.
pub(crate) struct Setup {
    pub(crate) v6: bool,
    pub(crate) mtu: u16,
    pub(crate) options: Options,
    pub(crate) config: Config,
    pub(crate) frames: (u32, u32),
    pub(crate) seed: u64,
    pub(crate) backlog: u32,
    pub(crate) peer_isn: u32,
    pub(crate) mss: Option<u16>,
    pub(crate) timestamps: bool,
    pub(crate) scale: Option<u8>,
    pub(crate) window: u16,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let link = LinkConfig { mac: ENGINE_MAC, mtu: 1500, addresses: vec![], owned: vec![], gateways: vec![] };
        let config = Config {
            connections_max: 64,
            sending_max: 64,
            receiving_max: 64,
            half_open_max: 16,
            time_wait_max: 16,
            ..Config::new(link)
        };
        Self {
            v6: false,
            mtu: 1500,
            options: Options { receive_bytes_max: 65_535, ..Options::default() },
            config,
            frames: (512, 32),
            seed: 7,
            backlog: 16,
            peer_isn: 0xffff_fe00,
            mss: Some(1460),
            timestamps: false,
            scale: None,
            window: 65_535,
        }
    }

    pub(crate) fn v6(mut self) -> Self {
        self.v6 = true;
        self
    }

    pub(crate) fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = mtu;
        self
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) fn frames(mut self, frames: u32, reserve: u32) -> Self {
        self.frames = (frames, reserve);
        self
    }

    pub(crate) fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    pub(crate) fn peer_isn(mut self, isn: u32) -> Self {
        self.peer_isn = isn;
        self
    }

    /// The peer's segment size; `None`: it names none.
    pub(crate) fn peer_mss(mut self, mss: impl Into<Option<u16>>) -> Self {
        self.mss = mss.into();
        self
    }

    /// The peer's window scale.
    pub(crate) fn peer_scale(mut self, shift: u8) -> Self {
        self.scale = Some(shift);
        self
    }

    pub(crate) fn peer_window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    /// Both sides use timestamps.
    pub(crate) fn timestamps(mut self) -> Self {
        self.timestamps = true;
        self
    }

    pub(crate) fn receive_bytes_max(self, bytes: u32) -> Self {
        self.options(|options| options.receive_bytes_max = bytes)
    }

    pub(crate) fn keep_alive(self, idle_s: u64, interval_s: u64, probes: u8) -> Self {
        let keep_alive =
            KeepAlive { idle: Duration::from_secs(idle_s), interval: Duration::from_secs(interval_s), probes };
        self.options(|options| options.keep_alive = Some(keep_alive))
    }

    /// An engine without listeners.
    pub(crate) fn idle(mut self) -> Table {
        let addresses: [Ip; 2] = if self.v6 {
            ["fd00::1".parse().unwrap(), "fd00::2".parse().unwrap()]
        } else {
            [Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2])]
        };
        let network = if self.v6 { "fd00::1/64" } else { "10.0.0.1/24" };
        self.config.link.addresses.insert(0, network.parse().unwrap());
        self.config.link.mtu = self.mtu;
        let (frames, reserve) = self.frames;
        let frames = FramePool::new(frames, reserve).unwrap();
        let engine = Engine::new(self.config.clone(), frames, self.seed, BEGINNING).unwrap();
        let peer = Peer {
            mac: PEER_MAC,
            engine_mac: ENGINE_MAC,
            address: addresses[1],
            engine: addresses[0],
            port: PEER_PORT,
            engine_port: PORT,
            origins: Origins { engine: Seq(0), peer: Seq(self.peer_isn) },
            next: 0,
            engine_next: 0,
            window: self.window,
            timestamps: false,
            clock: 1_000_000,
            heard_clock: 0,
        };
        Table::new(engine, peer, self)
    }

    /// An engine that listens on [`PORT`].
    pub(crate) fn listening(self) -> Table {
        let mut table = self.idle();
        table.listen();
        table
    }

    /// A connection that the peer has opened.
    pub(crate) fn established(self) -> Table {
        let syn = self.peer_syn();
        let mut table = self.listening();
        table.opens_passively(syn);
        table
    }

    /// A connection that the engine has opened.
    pub(crate) fn connected(self) -> Table {
        let syn_ack = Segment { flags: syn_ack().flags, ..self.peer_syn() };
        let mut table = self.idle();
        table.opens_actively(syn_ack);
        table
    }

    /// A connection that the engine is opening: its SYN has left.
    pub(crate) fn connecting(self) -> Table {
        let mut table = self.idle();
        table.connect();
        let seen = table.next();
        assert!(seen.is(syn().flags), "an open begins with a SYN, not with {seen:?}");
        table
    }

    /// The SYN of the peer.
    pub(crate) fn peer_syn(&self) -> Segment {
        let mut segment = syn();
        segment.options.mss = self.mss;
        segment.options.window_scale = self.scale;
        if self.timestamps { segment.clock(1_000_000) } else { segment }
    }
}
