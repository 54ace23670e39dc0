//! Two engines that are connected, and what carries frames from one to the other.

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_tcp::{Config, ConnId, Connect, Engine, Event, LinkConfig, Listen, Options, Source};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;

/// See the module.
pub(crate) struct Pair {
    pub(crate) client: Engine,
    pub(crate) server: Engine,
    /// The client's names of the connections.
    pub(crate) clients: Vec<ConnId>,
    now: Instant,
}

impl Pair {
    /// Two engines with `count` established connections between them.
    pub(crate) fn new(count: usize) -> Self {
        let (client, server) = (engine(1), engine(2));
        let mut pair = Self { client, server, clients: Vec::new(), now: Instant::from_nanos(1_000_000_000) };
        let options = Options { receive_bytes_max: 1 << 20, send_bytes_max: 4 << 20, ..Options::default() };
        let local = "10.0.0.2".parse().expect("the address is one");
        let listener =
            pair.server.listen(Listen { local, port: 7, backlog: 1024, options }).expect("nobody listens yet");
        let remote = Ip::v4([10, 0, 0, 2]);
        for _ in 0..count {
            let connect = Connect { source: Source::Any, source_port: None, remote, remote_port: 7, options };
            pair.clients.push(pair.client.connect(pair.now, connect).expect("there is room"));
        }
        for _ in 0..10 {
            let mut burst = pair.to_server();
            let now = pair.tick();
            pair.server.on_input(now, &mut burst);
            let mut out = Vec::new();
            pair.server.poll_output(now, &mut out, 4096);
            pair.to_client(out);
        }
        let accepted = std::iter::from_fn(|| pair.server.accept(listener)).count();
        assert_eq!(accepted, count, "every connection was established");
        while pair.server.poll_event().is_some() || pair.client.poll_event().is_some() {}
        pair
    }

    /// A tenth of a millisecond passes.
    pub(crate) fn tick(&mut self) -> Instant {
        self.now += Duration::from_micros(100);
        self.now
    }

    /// What the client has to say, in frames of the server.
    pub(crate) fn to_server(&mut self) -> Vec<Frame> {
        self.to_server_at_most(4096)
    }

    pub(crate) fn to_server_at_most(&mut self, max: usize) -> Vec<Frame> {
        let now = self.tick();
        let mut out = Vec::new();
        self.client.poll_output(now, &mut out, max);
        carry(out, &mut self.client, &mut self.server)
    }

    /// Hands the client what the server said.
    pub(crate) fn to_client(&mut self, out: Vec<Frame>) {
        let mut burst = carry(out, &mut self.server, &mut self.client);
        let now = self.tick();
        self.client.on_input(now, &mut burst);
    }

    /// The client's application takes all that came.
    pub(crate) fn drain_client(&mut self) {
        while let Some(event) = self.client.poll_event() {
            let Event::Connection { conn, .. } = event else { continue };
            while let Some(received) = self.client.recv(conn) {
                self.client.give_back(received);
            }
        }
    }
}

fn carry(out: Vec<Frame>, from: &mut Engine, to: &mut Engine) -> Vec<Frame> {
    let mut burst = Vec::with_capacity(out.len());
    for frame in out {
        let bytes = from.frames().bytes(&frame);
        let mut copy = to.frames_mut().alloc().expect("the pool is large enough");
        to.frames_mut().buffer_mut(&mut copy)[..bytes.len()].copy_from_slice(bytes);
        copy.set_len(bytes.len());
        from.frames_mut().free(frame);
        burst.push(copy);
    }
    burst
}

fn engine(last: u8) -> Engine {
    let link = LinkConfig {
        mac: Mac([2, 0, 0, 0, 0, last]),
        mtu: 1500,
        addresses: vec![format!("10.0.0.{last}/24").parse().expect("the address is one")],
        owned: Vec::new(),
        gateways: Vec::new(),
    };
    let config = Config { connections_max: 1024, ..Config::new(link) };
    let frames = FramePool::new(8192, 64).expect("there is memory");
    Engine::new(config, frames, u64::from(last), Instant::ZERO).expect("the settings are right")
}
