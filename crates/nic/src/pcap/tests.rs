use super::*;
use crate::wire::Wire;
use crore_base::time::Duration;

/// One frame of a capture, as read back.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Packet {
    nanos: u64,
    inbound: bool,
    bytes: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}

/// Reads a capture by the letter of the draft, independently of the writer: blocks, their kinds, the packets in them.
fn read(mut file: &[u8]) -> (Vec<u32>, Vec<Packet>) {
    let (mut kinds, mut packets) = (Vec::new(), Vec::new());
    while !file.is_empty() {
        let (kind, len) = (word(file, 0), word(file, 4) as usize);
        assert!(len.is_multiple_of(4) && len >= 12);
        assert_eq!(word(file, len - 4) as usize, len, "a block ends with its length");
        let body = &file[8..len - 4];
        match kind {
            0x0a0d_0d0a => assert_eq!((word(body, 0), word(body, 4)), (0x1a2b_3c4d, 1)),
            1 => {
                assert_eq!((body[0], word(body, 4)), (1, 0), "Ethernet, not cut");
                assert!(options(&body[8..]).contains(&(9, vec![9])), "times are nanoseconds");
            }
            6 => {
                let captured = word(body, 12) as usize;
                assert_eq!((word(body, 0), word(body, 16) as usize), (0, captured));
                let flags = options(&body[20 + captured.next_multiple_of(4)..]);
                assert_eq!((flags.len(), flags[0].0), (1, 2));
                packets.push(Packet {
                    nanos: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                    inbound: word(&flags[0].1, 0) & 3 == 1,
                    bytes: body[20..20 + captured].to_vec(),
                });
            }
            other => panic!("block of kind {other}"),
        }
        kinds.push(kind);
        file = &file[len..];
    }
    (kinds, packets)
}

fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        let (code, len) = (word(bytes, 0) as u16, (word(bytes, 0) >> 16) as usize);
        if code == 0 {
            assert_eq!(bytes.len(), 4, "nothing follows the end of the options");
            return found;
        }
        found.push((code, bytes[4..4 + len].to_vec()));
        bytes = &bytes[4 + len.next_multiple_of(4)..];
    }
}

/// A captured end of a wire, its other end, and one pool for both.
struct Tapped<'a> {
    near: Pcap<Wire, &'a mut Vec<u8>>,
    far: Wire,
    frames: FramePool,
}

impl<'a> Tapped<'a> {
    fn new(file: &'a mut Vec<u8>, bytes_max: u64) -> Self {
        let (mut one, mut other) = Wire::pair(1, 1).unwrap();
        let near = Pcap::new(one.pop().unwrap(), file, bytes_max, 1_700_000_000_000_000_000).unwrap();
        Self { near, far: other.pop().unwrap(), frames: FramePool::new(4_000, 0).unwrap() }
    }

    fn burst(&mut self, lens: &[usize]) -> Vec<Frame> {
        let frame = |len: &usize| {
            let mut frame = self.frames.alloc().unwrap();
            self.frames.buffer_mut(&mut frame)[..*len].fill(*len as u8);
            frame.set_len(*len);
            frame
        };
        lens.iter().map(frame).collect()
    }
}

#[test]
fn both_directions_are_read_back_with_their_times_and_bytes() {
    let mut file = Vec::new();
    let mut wire = Tapped::new(&mut file, u64::MAX);
    let mut burst = wire.burst(&[60, 61, 62, 63, 1514]);
    wire.near.on_time(Instant::ZERO + Duration::from_nanos(5_000_000_123));
    wire.near.transmit(&mut wire.frames, &mut burst).unwrap();
    wire.near.on_time(Instant::ZERO + Duration::from_nanos(6_000_000_456));
    let mut burst = wire.burst(&[100]);
    wire.far.transmit(&mut wire.frames, &mut burst).unwrap();
    wire.near.receive(&mut wire.frames, &mut burst, 64).unwrap();
    assert_eq!((burst.len(), wire.near.captured(), wire.near.missed()), (1, 6, 0));
    drop(wire);

    let (kinds, packets) = read(&file);
    assert_eq!(kinds[..2], [0x0a0d_0d0a, 1]);
    let lens: Vec<usize> = packets.iter().map(|packet| packet.bytes.len()).collect();
    assert_eq!(lens, [60, 61, 62, 63, 1514, 100]);
    assert!(packets.iter().all(|packet| packet.bytes.iter().all(|byte| *byte == packet.bytes.len() as u8)));
    assert_eq!((packets[0].nanos, packets[0].inbound), (1_700_000_005_000_000_123, false));
    assert_eq!((packets[5].nanos, packets[5].inbound), (1_700_000_006_000_000_456, true));
}

#[test]
fn a_frame_that_the_device_did_not_take_is_captured_when_it_does() {
    let mut file = Vec::new();
    let mut wire = Tapped::new(&mut file, u64::MAX);
    let mut burst = wire.burst(&[1500; 1_500]);
    let mut sent = 0;
    while !burst.is_empty() {
        sent += wire.near.transmit(&mut wire.frames, &mut burst).unwrap();
        assert_eq!(wire.near.captured(), sent as u64);
        let mut arrived = Vec::new();
        wire.far.receive(&mut wire.frames, &mut arrived, 64).unwrap();
        arrived.into_iter().for_each(|frame| wire.frames.free(frame));
    }
    drop(wire);
    assert_eq!(read(&file).1.len(), 1_500);
}

#[test]
fn a_capture_ends_before_it_is_too_large_and_says_what_it_missed() {
    let mut file = Vec::new();
    let mut wire = Tapped::new(&mut file, 5_000);
    for _ in 0..10 {
        let mut burst = wire.burst(&[1000]);
        wire.near.transmit(&mut wire.frames, &mut burst).unwrap();
        let mut burst = wire.burst(&[60]);
        wire.far.transmit(&mut wire.frames, &mut burst).unwrap();
        wire.near.receive(&mut wire.frames, &mut burst, 64).unwrap();
        assert_eq!(burst.len(), 1, "the traffic goes on");
        burst.into_iter().for_each(|frame| wire.frames.free(frame));
    }
    assert_eq!(wire.near.captured() + wire.near.missed(), 20);
    let captured = wire.near.captured();
    drop(wire);
    assert!(file.len() <= 5_000 && file.len() > 3_500, "{} bytes", file.len());
    assert_eq!(read(&file).1.len() as u64, captured, "nothing comes after the gap");
}

#[test]
fn a_file_that_cannot_be_written_ends_the_capture_and_not_the_traffic() {
    /// Takes the header and nothing else.
    struct Full(bool);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (mut one, _other) = Wire::pair(1, 1).unwrap();
    let mut near = Pcap::new(one.pop().unwrap(), Full(false), u64::MAX, 0).unwrap();
    let mut frames = FramePool::new(100, 0).unwrap();
    let mut send = |near: &mut Pcap<Wire, Full>| {
        let mut frame = frames.alloc().unwrap();
        frame.set_len(60);
        near.transmit(&mut frames, &mut vec![frame]).unwrap()
    };
    assert_eq!(send(&mut near), 1);
    assert_eq!(near.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!((send(&mut near), near.missed()), (1, 1));
}

#[test]
fn tcpdump_reads_a_capture_where_it_is_installed() {
    let path = std::env::temp_dir().join(format!("crore-nic-{}.pcapng", std::process::id()));
    let mut file = Vec::new();
    let mut wire = Tapped::new(&mut file, u64::MAX);
    wire.near.on_time(Instant::ZERO + Duration::from_nanos(123_456_789));
    let mut burst = wire.burst(&[60, 1514]);
    wire.near.transmit(&mut wire.frames, &mut burst).unwrap();
    drop(wire);
    std::fs::write(&path, &file).unwrap();
    let mut tcpdump = std::process::Command::new("tcpdump");
    tcpdump.args(["-e", "-n", "-tt", "--nano", "-r"]).arg(&path);
    let output = tcpdump.output();
    std::fs::remove_file(&path).unwrap();
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            // Below each line, tcpdump dumps what it does not know.
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('\t')).collect();
            assert_eq!(lines.len(), 2, "{text}{}", String::from_utf8_lossy(&output.stderr));
            assert!(lines[0].starts_with("1700000000.123456789 ") && lines[0].contains("length 60"), "{text}");
        }
        Err(error) => println!("skipped: needs tcpdump ({error})"),
    }
}
