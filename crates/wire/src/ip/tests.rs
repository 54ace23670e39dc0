use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> Ip {
    text.parse().expect(text)
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect(text)
}

#[test]
fn both_families_are_shown_and_parsed_as_the_standard_library_does() {
    for text in ["0.0.0.0", "192.0.2.7", "255.255.255.255", "::", "::1", "2001:db8::a", "fe80::1"] {
        assert_eq!(ip(text).to_string(), text);
        assert_eq!(format!("{:?}", ip(text)), text);
    }
    assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
    assert!("10.0.0".parse::<Ip>().is_err());
}

#[test]
fn an_ipv4_address_is_kept_as_ipv6_writes_it() {
    let address = ip("192.0.2.7");
    assert_eq!(address.octets(), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]);
    assert_eq!(address.v4_octets(), [192, 0, 2, 7]);
    assert!(address.is_v4());
    for text in ["::", "::1", "::fffe:192.0.2.7", "::1:ffff:c000:207", "1::ffff:192.0.2.7"] {
        assert!(!ip(text).is_v4(), "{text}");
    }
    assert_eq!(Ip::default(), Ip::UNSPECIFIED_V6);
}

#[test]
fn addresses_know_their_class() {
    let classes = |text: &str| {
        let address = ip(text);
        [
            address.is_unspecified(),
            address.is_multicast(),
            address.is_limited_broadcast(),
            address.is_loopback(),
            address.is_link_local(),
        ]
    };
    let none = [false; 5];
    let only = |index: usize| std::array::from_fn(|class| class == index);
    for (text, expected) in [
        ("0.0.0.0", only(0)),
        ("::", only(0)),
        ("224.0.0.1", only(1)),
        ("239.255.255.255", only(1)),
        ("ff02::1", only(1)),
        ("255.255.255.255", only(2)),
        ("127.0.0.1", only(3)),
        ("127.255.0.1", only(3)),
        ("::1", only(3)),
        ("169.254.3.4", only(4)),
        ("fe80::1", only(4)),
        ("febf::1", only(4)),
        ("fec0::1", none),
        ("223.255.255.255", none),
        ("240.0.0.1", none),
        ("::2", none),
        ("::7f00:1", none),
        ("10.0.0.255", none),
    ] {
        assert_eq!(classes(text), expected, "{text}");
    }
}

#[test]
fn an_ipv6_address_has_a_group_for_those_who_ask_for_it() {
    assert_eq!(ip("2001:db8::aa:bbcc:ddee").solicited_node(), ip("ff02::1:ffcc:ddee"));
}

#[test]
fn prefixes_are_parsed_and_shown_in_the_terms_of_their_family() {
    for (text, bits, shown) in [
        ("10.0.0.0/8", 104, "10.0.0.0/8"),
        ("10.0.0.7/24", 120, "10.0.0.7/24"),
        ("0.0.0.0/0", 96, "0.0.0.0/0"),
        ("192.0.2.1", 128, "192.0.2.1"),
        ("192.0.2.1/32", 128, "192.0.2.1"),
        ("2001:db8::/32", 32, "2001:db8::/32"),
        ("::/0", 0, "::/0"),
        ("::1", 128, "::1"),
        ("::ffff:1.2.3.4/64", 64, "::ffff:1.2.3.4/64"),
        ("::ffff:0:0/96", 96, "0.0.0.0/0"),
    ] {
        assert_eq!(prefix(text).bits(), bits, "{text}");
        assert_eq!(prefix(text).to_string(), shown);
    }
    assert_eq!(Prefix::ALL, prefix("::/0"));
    assert_eq!(Prefix::from(ip("::1")), prefix("::1/128"));
    assert!(prefix("::1").is_host() && !prefix("10.0.0.0/31").is_host());
}

#[test]
fn a_wrong_prefix_says_what_is_wrong() {
    let error = |text: &str| text.parse::<Prefix>().expect_err(text);
    assert_eq!(error("10.0.0/8"), PrefixError::Address("10.0.0".into()));
    assert_eq!(error(""), PrefixError::Address(String::new()));
    assert_eq!(error("10.0.0.0/"), PrefixError::Bits(String::new()));
    assert_eq!(error("10.0.0.0/+8"), PrefixError::Bits("+8".into()));
    assert_eq!(error("10.0.0.0/8/8"), PrefixError::Bits("8/8".into()));
    assert_eq!(error("10.0.0.0/33"), PrefixError::TooManyBits { bits: 33, max: 32 });
    assert_eq!(error("::/129"), PrefixError::TooManyBits { bits: 129, max: 128 });
    assert!(error("10.0.0.0/33").to_string().contains("33 bits"));
    assert!(error(&"x".repeat(1000)).to_string().len() < 200);
}

#[test]
fn a_prefix_holds_its_network_and_nothing_else() {
    assert!(prefix("10.0.0.7/24").contains(ip("10.0.0.255")));
    assert!(!prefix("10.0.0.7/24").contains(ip("10.0.1.0")));
    assert!(prefix("0.0.0.0/0").contains(ip("203.0.113.9")));
    assert!(!prefix("0.0.0.0/0").contains(ip("2001:db8::1")));
    assert!(Prefix::ALL.contains(ip("203.0.113.9")) && Prefix::ALL.contains(ip("2001:db8::1")));
    assert!(prefix("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
    assert!(!prefix("2001:db8::/33").contains(ip("2001:db8:8000::1")));
}

#[test]
fn a_prefix_counts_its_addresses() {
    assert_eq!(prefix("10.0.0.0/8").size(), 1 << 24);
    assert_eq!(prefix("10.0.0.1").size(), 1);
    assert_eq!(prefix("2001:db8::/64").size(), 1 << 64);
    assert_eq!(Prefix::ALL.size(), u128::MAX);
    assert_eq!(prefix("10.0.0.7/24").network(), ip("10.0.0.0"));
    assert_eq!(prefix("10.0.0.7/24").nth(0), ip("10.0.0.0"));
    assert_eq!(prefix("10.0.0.7/8").nth((1 << 24) - 1), ip("10.255.255.255"));
    assert_eq!(Prefix::ALL.nth(u128::MAX).octets(), &[0xff; 16]);
}

#[test]
#[should_panic(expected = "there is no number 256")]
fn a_prefix_has_no_address_behind_its_last() {
    let _ = prefix("10.0.0.0/24").nth(256);
}

#[test]
fn only_ipv4_networks_of_more_than_two_have_a_broadcast_address() {
    assert_eq!(prefix("10.0.0.7/24").broadcast(), Some(ip("10.0.0.255")));
    assert_eq!(prefix("10.0.0.7/30").broadcast(), Some(ip("10.0.0.7")));
    assert_eq!(prefix("10.0.0.7/31").broadcast(), None);
    assert_eq!(prefix("10.0.0.7").broadcast(), None);
    assert_eq!(prefix("2001:db8::/32").broadcast(), None);
}

proptest! {
    #[test]
    fn every_address_survives_the_standard_library(octets: [u8; 16], v4: [u8; 4]) {
        for address in [Ip::from_octets(octets), Ip::v4(v4)] {
            prop_assert_eq!(Ip::from(address.to_std()), address);
            prop_assert_eq!(address.to_string().parse::<Ip>().unwrap(), address);
            prop_assert_eq!(address.is_v4(), address.to_std().is_ipv4());
            prop_assert_eq!(address.is_multicast(), address.to_std().is_multicast());
            prop_assert_eq!(address.is_loopback(), address.to_std().is_loopback());
            prop_assert_eq!(address.is_unspecified(), address.to_std().is_unspecified());
        }
    }

    #[test]
    fn every_prefix_survives_text_and_holds_its_own(octets: [u8; 16], v4: [u8; 4], bits in 0u8..=128, n: u128) {
        for prefix in [Prefix::new(Ip::from_octets(octets), bits), Prefix::new(Ip::v4(v4), 96 + bits % 33)] {
            prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
            prop_assert!(prefix.contains(prefix.address()));
            let last = if prefix.bits() == 0 { u128::MAX } else { prefix.size() - 1 };
            let n = n & last;
            prop_assert!(prefix.contains(prefix.nth(n)));
            prop_assert!(prefix.nth(0) <= prefix.nth(n) && prefix.nth(n) <= prefix.nth(last));
            prop_assert_eq!(prefix.nth(0), prefix.network());
        }
    }
}
