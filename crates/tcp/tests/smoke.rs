use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_tcp::*;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;

fn engine(last: u8) -> Engine {
    let link = LinkConfig {
        mac: Mac([2, 0, 0, 0, 0, last]),
        mtu: 1500,
        addresses: vec![format!("10.0.0.{last}/24").parse().unwrap()],
        owned: vec![],
        gateways: vec![],
    };
    let config = Config { connections_max: 1000, ..Config::new(link) };
    Engine::new(config, FramePool::new(512, 64).unwrap(), u64::from(last), Instant::ZERO).unwrap()
}

fn carry(from: &mut Engine, to: &mut Engine, now: Instant) -> usize {
    let mut out: Vec<Frame> = Vec::new();
    from.poll_output(now, &mut out, 1000);
    let mut burst = Vec::new();
    for frame in out {
        let mut copy = to.frames_mut().alloc().unwrap();
        let bytes = from.frames().bytes(&frame).to_vec();
        to.frames_mut().buffer_mut(&mut copy)[..bytes.len()].copy_from_slice(&bytes);
        copy.set_len(bytes.len());
        from.frames_mut().free(frame);
        burst.push(copy);
    }
    let n = burst.len();
    to.on_input(now, &mut burst);
    n
}

#[test]
fn a_connection_opens_carries_bytes_and_closes() {
    let mut a = engine(1);
    let mut b = engine(2);
    let listener = b.listen(Listen { local: "10.0.0.2".parse().unwrap(), port: 80, backlog: 8, options: Options::default() }).unwrap();
    let now = Instant::ZERO + Duration::from_secs(1);
    let conn = a
        .connect(now, Connect { source: Source::Any, source_port: None, remote: Ip::v4([10, 0, 0, 2]), remote_port: 80, options: Options::default() })
        .unwrap();
    let mut now = now;
    let mut step = |a: &mut Engine, b: &mut Engine| {
        for _ in 0..10 {
            now += Duration::from_millis(1);
            a.on_timeout(now);
            b.on_timeout(now);
            carry(a, b, now);
            carry(b, a, now);
        }
    };
    step(&mut a, &mut b);
    assert!(matches!(a.poll_event(), Some(Event::Connection { ready, .. }) if ready.contains(Ready::OPENED)));
    assert!(matches!(b.poll_event(), Some(Event::Acceptable(_))));
    let server = b.accept(listener).unwrap();
    a.send(conn, vec![7u8; 100_000].into()).unwrap();
    let mut got = 0;
    for _ in 0..100 {
        step(&mut a, &mut b);
        while let Some(r) = b.recv(server) {
            got += r.len();
            b.give_back(r);
        }
    }
    assert_eq!(got, 100_000);
    a.shutdown(conn);
    step(&mut a, &mut b);
    b.close(server);
    step(&mut a, &mut b);
    a.close(conn);
    step(&mut a, &mut b);
    assert_eq!((a.connection_count(), b.connection_count()), (0, 0));
    assert_eq!((a.frames().in_use(), b.frames().in_use()), (0, 0));
    for e in [&a, &b] {
        for (c, v) in e.counters().all().filter(|(_, v)| *v > 0) { println!("{} {v}", c.name()); }
    }
}
