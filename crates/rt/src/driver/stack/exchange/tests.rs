use super::*;
use crate::executor::shared::PlaceGuard;

fn frame_of(pool: &mut FramePool, bytes: &[u8]) -> Frame {
    let mut frame = pool.alloc().expect("there is room");
    pool.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    frame
}

/// The start of a TCP segment over IPv4 from 10.0.0.1 to 10.0.0.2, as far as steering looks.
fn segment(source_port: u16, destination_port: u16) -> Vec<u8> {
    let mut bytes = vec![0; 54];
    bytes[12..14].copy_from_slice(&[0x08, 0x00]);
    bytes[14] = 0x45;
    bytes[23] = 6;
    bytes[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    bytes[34..36].copy_from_slice(&source_port.to_be_bytes());
    bytes[36..38].copy_from_slice(&destination_port.to_be_bytes());
    bytes
}

fn arp(operation: u8) -> Vec<u8> {
    let mut bytes = vec![0; 42];
    bytes[12..14].copy_from_slice(&[0x08, 0x06]);
    bytes[ARP_OPERATION] = operation;
    bytes
}

struct Core {
    exchange: Exchange,
    pool: FramePool,
}

impl Core {
    fn sort(&mut self, came: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut frames: Vec<Frame> = came.iter().map(|bytes| frame_of(&mut self.pool, bytes)).collect();
        self.exchange.sort(&mut self.pool, &mut frames, 0);
        let bytes = frames.iter().map(|frame| self.pool.bytes(frame).to_vec()).collect();
        frames.into_iter().for_each(|frame| self.pool.free(frame));
        assert_eq!(self.pool.in_use(), 0, "no frame is lost");
        bytes
    }
}

fn cores(count: usize, in_software: bool) -> (PlaceGuard, Vec<Core>) {
    let place = PlaceGuard::take(count).expect("a place is free");
    let shared: Vec<_> = (0..count).map(|core| place.core(core)).collect();
    let core = |exchange| Core { exchange, pool: FramePool::new(4096, 1).expect("there is memory") };
    (place, mesh(&shared, in_software).into_iter().map(core).collect())
}

#[test]
fn a_flow_goes_to_the_core_that_its_hash_names_in_both_directions_and_in_order() {
    let (_place, mut cores) = cores(3, true);
    let mut homes = [0; 3];
    for port in 1000..1300 {
        let (there, back) = (segment(port, 80), segment(80, port));
        let mut back_again = back.clone();
        back_again[26..34].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
        let came = [there.clone(), back_again.clone(), there.clone()];
        let kept = cores[0].sort(&came);
        let others: Vec<Vec<Vec<u8>>> = (1..3).map(|core| cores[core].sort(&[])).collect();
        let all: Vec<&Vec<Vec<u8>>> = std::iter::once(&kept).chain(&others).collect();
        let home = all.iter().position(|frames| !frames.is_empty()).expect("somebody has it");
        assert_eq!(*all[home], came, "all frames of a flow are at one core");
        homes[home] += 1;
    }
    assert!(homes.iter().all(|&flows| flows > 50), "{homes:?}");
    assert_eq!(cores[0].exchange.handed_over(), 3 * (homes[1] + homes[2]));
    assert_eq!((cores[1].exchange.handed_over(), cores[0].exchange.lost()), (0, 0));
}

#[test]
fn a_device_that_spreads_by_our_hash_is_not_second_guessed() {
    let (_place, mut cores) = cores(2, false);
    let came: Vec<Vec<u8>> = (1..100).map(|port| segment(port, 80)).collect();
    assert_eq!(cores[0].sort(&came), came);
    assert!(cores[1].sort(&[]).is_empty());
}

#[test]
fn what_a_neighbour_says_of_itself_reaches_every_core_and_what_it_asks_only_one() {
    let (_place, mut cores) = cores(3, false);
    assert_eq!(cores[1].sort(&[arp(1), arp(2)]), [arp(1), arp(2)]);
    assert_eq!(cores[0].sort(&[]), [arp(2)]);
    assert_eq!(cores[2].sort(&[]), [arp(2)]);
}

#[test]
fn a_ring_that_is_full_loses_frames_and_counts_them() {
    let (_place, mut cores) = cores(2, true);
    let elsewhere = (1..).map(|port| segment(port, 80));
    let own = |bytes: &Vec<u8>| Flow::of_frame(bytes).expect("it is one").queue(2) == 1;
    let came: Vec<Vec<u8>> = elsewhere.filter(own).take(EXCHANGE_FRAMES + 7).collect();
    assert!(cores[0].sort(&came).is_empty());
    assert_eq!((cores[0].exchange.handed_over(), cores[0].exchange.lost()), (came.len() as u64, 7));
    assert_eq!(cores[1].sort(&[]), came[..EXCHANGE_FRAMES]);
}
