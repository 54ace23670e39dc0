//! Any value that may be written, for properties.

use crore_wire::emit::Path;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags, Header, Options, Timestamps};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// An Ethernet address of one station.
pub(crate) fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(|mut octets| {
        octets[0] &= !1;
        Mac(octets)
    })
}

/// An IPv4 address that somebody can have.
pub(crate) fn v4() -> impl Strategy<Value = Ip> {
    any::<[u8; 4]>()
        .prop_map(Ip::v4)
        .prop_filter("of nobody", |ip| !ip.is_multicast() && !ip.is_limited_broadcast() && !ip.is_unspecified())
}

/// An IPv6 address that somebody can have.
pub(crate) fn v6() -> impl Strategy<Value = Ip> {
    any::<[u8; 16]>()
        .prop_map(Ip::from_octets)
        .prop_filter("of nobody", |ip| !ip.is_multicast() && !ip.is_v4() && !ip.is_unspecified())
}

/// A way between two addresses of one family.
pub(crate) fn path_v4() -> impl Strategy<Value = Path> {
    path_between(v4().boxed(), v4().boxed())
}

/// A way between two addresses of one family.
pub(crate) fn path_v6() -> impl Strategy<Value = Path> {
    path_between(v6().boxed(), v6().boxed())
}

/// A way in either family.
pub(crate) fn path() -> impl Strategy<Value = Path> {
    prop_oneof![path_v4(), path_v6()]
}

fn path_between(source: BoxedStrategy<Ip>, destination: BoxedStrategy<Ip>) -> impl Strategy<Value = Path> {
    (mac(), mac(), source, destination, any::<u8>(), 0u8..64).prop_map(
        |(source_mac, destination_mac, source, destination, hop_limit, dscp)| Path {
            source_mac,
            destination_mac,
            source,
            destination,
            hop_limit,
            dscp,
        },
    )
}

fn options(syn: bool) -> impl Strategy<Value = Options> {
    let timestamps = option::of(any::<(u32, u32)>());
    (option::of(any::<u16>()), option::of(any::<u8>()), any::<bool>(), timestamps).prop_map(
        move |(mss, window_scale, sack_permitted, timestamps)| Options {
            mss: mss.filter(|_| syn),
            window_scale: window_scale.filter(|_| syn),
            sack_permitted: sack_permitted && syn,
            timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
        },
    )
}

/// A TCP header that may be written.
pub(crate) fn header() -> impl Strategy<Value = Header> {
    let fields = any::<(u16, u16, u32, u32, u16, u16)>();
    (any::<u8>(), fields).prop_flat_map(|(flags, fields)| {
        let flags = Flags(flags);
        options(flags.contains(Flags::SYN)).prop_map(move |options| {
            let (source_port, destination_port, seq, ack, window, urgent) = fields;
            let (seq, ack) = (Seq(seq), Seq(ack));
            Header { source_port, destination_port, seq, ack, flags, window, urgent, options }
        })
    })
}

/// Bytes of a payload.
pub(crate) fn payload() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..1400)
}
