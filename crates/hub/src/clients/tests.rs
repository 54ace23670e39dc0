//! The memory of a subscriber, and the list of its subscriptions.

use super::*;
use crate::local::Member;

#[test]
fn a_client_and_its_first_subscription_stay_within_the_budget() {
    let client = size_of::<Client>();
    let subscription = size_of::<Subscription>();
    let member = size_of::<Member>();
    println!("hub, bytes of an idle subscriber (generations of the slabs, 4 bytes a slot, come on top)");
    println!("| client record             | {client:>3} |");
    println!("| subscription record       | {subscription:>3} |");
    println!("| entry in the array        | {member:>3} |");
    println!("| **client + first**        | {:>3} |", client + subscription + member);
    println!("| **each further one**      | {:>3} |", subscription + member);
    assert!(client <= 32);
    assert!(subscription + member <= 32);
    assert!(client + subscription + member <= 64);
    assert_eq!(size_of::<Option<ClientKey>>(), 8);
}

fn clients() -> Clients {
    Clients::new(&Limits { clients: 4, subscriptions: 8, subscriptions_per_client: 3, ..Limits::default() })
}

#[test]
fn a_subscription_is_found_until_it_is_removed() {
    let mut clients = clients();
    let key = clients.connect(7, 0).expect("room");
    let channels = [Index(10), Index(11), Index(12)];
    for channel in channels {
        assert!(clients.begin(key, channel).is_some());
    }
    assert_eq!(clients.channels(key).collect::<Vec<_>>(), [Index(12), Index(11), Index(10)]);
    assert_eq!(clients.find(key, Index(11)), Some(false));
    assert!(clients.remove(key.index(), Index(11)).is_some());
    assert!(clients.remove(key.index(), Index(11)).is_none());
    assert_eq!(clients.find(key, Index(11)), None);
    assert_eq!(clients.channels(key).collect::<Vec<_>>(), [Index(12), Index(10)]);
    assert_eq!(clients.count(key), 2);
    while clients.remove_first(key).is_some() {}
    clients.disconnect(key);
    assert_eq!((clients.len(), clients.subscriptions_len()), (0, 0));
}

#[test]
fn limits_hold_for_one_client_and_for_all() {
    let mut clients = clients();
    let keys: Vec<ClientKey> = (0..4).map(|sink| clients.connect(sink, 0).expect("room")).collect();
    assert!(clients.connect(9, 0).is_none());
    let begun = |clients: &mut Clients, key| (0..5).filter(|n| clients.begin(key, Index(*n)).is_some()).count();
    assert_eq!(begun(&mut clients, keys[0]), 3);
    assert_eq!(begun(&mut clients, keys[1]), 3);
    assert_eq!(begun(&mut clients, keys[2]), 2);
    assert_eq!(begun(&mut clients, keys[3]), 0);
}

#[test]
fn a_key_survives_its_trip_as_a_number_and_dies_with_its_client() {
    let mut clients = clients();
    let key = clients.connect(7, 0).expect("room");
    assert_eq!(ClientKey::from_bits(key.to_bits()), Some(key));
    clients.disconnect(key);
    let next = clients.connect(8, 0).expect("room");
    assert_eq!(next.index(), key.index());
    assert!(clients.get(key).is_none());
    assert_eq!(clients.count(key), 0);
}
