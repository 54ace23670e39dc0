//! The names that connections hold.

use super::*;

#[test]
fn connections_through_one_router_share_its_name() {
    let mut world = World::new();
    let first = world.link.hop(GATEWAY_MAC).expect("there is room");
    let second = world.link.hop(GATEWAY_MAC).expect("there is room");
    assert_eq!(first, second);
    assert_eq!(world.link.hop_mac(first), GATEWAY_MAC);
    assert_ne!(first, HopId::NONE);
    world.link.release_hop(first);
    assert_eq!(world.link.hop_mac(second), GATEWAY_MAC, "the other holds it still");
    world.link.release_hop(second);
    assert_eq!(world.link.names_held(), (0, 0));
}

#[test]
fn a_flow_follows_its_peer_to_another_router() {
    let mut world = World::new();
    let flow = world.link.hop(GATEWAY_MAC).expect("there is room");
    let other = world.link.hop(GATEWAY_MAC).expect("there is room");
    assert_eq!(world.link.follow(flow, GATEWAY_MAC), flow);
    let moved = world.link.follow(flow, PEER_MAC);
    assert_eq!(world.link.hop_mac(moved), PEER_MAC);
    assert_eq!(world.link.hop_mac(other), GATEWAY_MAC);
    world.link.release_hop(moved);
    world.link.release_hop(other);
    assert_eq!(world.link.names_held(), (0, 0));
}

#[test]
fn a_flow_without_a_neighbour_takes_the_first_that_it_hears() {
    let mut world = World::new();
    let hop = world.link.follow(HopId::NONE, PEER_MAC);
    assert_eq!(world.link.hop_mac(hop), PEER_MAC);
    world.link.release_hop(hop);
    assert_eq!(world.link.names_held(), (0, 0));
}

#[test]
fn when_all_names_are_taken_new_neighbours_are_refused_and_flows_stay_where_they_are() {
    let mut world = World::new();
    let mac = |n: u32| Mac([2, 1, 0, 0, (n >> 8) as u8, n as u8]);
    let hops: Vec<HopId> = (0..65_535).map(|n| world.link.hop(mac(n)).expect("there is room")).collect();
    assert_eq!(world.link.hop(PEER_MAC), None);
    assert_eq!(world.link.follow(hops[3], PEER_MAC), hops[3]);
    assert_eq!(world.link.counters().hops_full, 2);
    world.link.release_hop(hops[9]);
    assert!(world.link.hop(PEER_MAC).is_some());
}

#[test]
fn a_local_address_in_use_has_one_name() {
    let mut world = World::new();
    let local = world.link.local(&ip("10.9.1.2")).expect("there is room");
    assert_eq!(world.link.local(&ip("10.9.1.2")), Some(local));
    assert_eq!(world.link.address(local), ip("10.9.1.2"));
    world.link.acquire_local(local);
    assert_eq!(LocalId::from_number(local.get()), local);
    (0..3).for_each(|_| world.link.release_local(local));
    assert_eq!(world.link.names_held(), (0, 0));
}
