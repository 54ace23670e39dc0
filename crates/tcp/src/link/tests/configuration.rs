//! What a configuration may not say, and how it is told.

use super::*;

fn error(config: LinkConfig) -> String {
    config.validate().expect_err("this cannot be").to_string()
}

fn with_addresses(addresses: &[&str]) -> LinkConfig {
    let addresses = addresses.iter().map(|text| prefix(text)).collect();
    LinkConfig { addresses, owned: Vec::new(), gateways: Vec::new(), ..config() }
}

fn with_owned(owned: &str) -> LinkConfig {
    LinkConfig { owned: vec![prefix(owned)], ..config() }
}

fn with_gateways(gateways: &[&str]) -> LinkConfig {
    LinkConfig { gateways: gateways.iter().map(|text| ip(text)).collect(), ..config() }
}

#[test]
fn sensible_configurations_are_valid() {
    let valid = [
        config(),
        with_addresses(&["10.0.0.1"]),
        with_addresses(&["10.0.0.0/31"]),
        with_addresses(&["10.0.0.1/0"]),
        with_addresses(&["fe80::1/64", "2001:db8::/64"]),
        LinkConfig { addresses: Vec::new(), gateways: Vec::new(), ..config() },
        LinkConfig { mtu: 576, ..with_addresses(&["10.0.0.1/24"]) },
        with_gateways(&["fe80::1"]),
        with_owned("10.9.9.9"),
    ];
    for config in valid {
        assert_eq!(config.validate(), Ok(()), "{config:?}");
    }
}

#[test]
fn an_error_says_the_value_and_the_limit() {
    let mtu = LinkConfig { mtu: 2035, ..config() };
    assert_eq!(error(mtu), "mtu is 2035 bytes; it must be 1280 to 2034 with IPv6");
    let mtu = LinkConfig { mtu: 575, ..with_addresses(&["10.0.0.1/24"]) };
    assert_eq!(error(mtu), "mtu is 575 bytes; it must be 576 to 2034");
    let mac = LinkConfig { mac: Mac([1, 0, 0, 0, 0, 1]), ..config() };
    assert!(error(mac).starts_with("mac is 01:00:00:00:00:01; it must be one host's"));
    let many: Vec<String> = (1..=17).map(|n| format!("10.0.0.{n}/24")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(error(with_addresses(&many)), "addresses has 17 entries; there can be at most 16");
}

#[test]
fn what_cannot_be_is_refused() {
    let wrong = [
        (with_addresses(&[]), "addresses is empty"),
        (LinkConfig { mac: Mac::default(), ..config() }, "mac is 00:00:00:00:00:00"),
        (LinkConfig { mtu: 1279, ..config() }, "mtu is 1279"),
        (with_addresses(&["224.0.0.1/24"]), "which no host can have"),
        (with_addresses(&["127.0.0.1/8"]), "which no host can have"),
        (with_addresses(&["0.0.0.0/0"]), "which no host can have"),
        (with_addresses(&["ff02::1/64"]), "which no host can have"),
        (with_addresses(&["2001:db8::1/0"]), "all of IPv4"),
        (with_addresses(&["10.0.0.255/24"]), "the network or its broadcast"),
        (with_addresses(&["10.0.0.0/24"]), "the network or its broadcast"),
        (with_addresses(&["10.0.0.255/8", "10.0.0.1/24"]), "the network or its broadcast"),
        (with_addresses(&["10.0.0.1/24", "10.0.0.1/8"]), "twice"),
        (with_owned("10.9.0.1/16"), "did you mean 10.9.0.0"),
        (with_owned("128.0.0.0/1"), "no host can have those"),
        (with_owned("0.0.0.0/0"), "no host can have those"),
        (with_owned("127.1.0.0/16"), "no host can have those"),
        (with_owned("::/0"), "no host can have those"),
        (with_owned("ff02::/16"), "no host can have those"),
        (with_gateways(&["10.0.0.253", "10.0.0.254"]), "a second of its family"),
        (with_gateways(&["10.1.0.1"]), "on none of our networks"),
        (with_gateways(&["2600::1"]), "on none of our networks"),
        (with_gateways(&["10.0.0.1"]), "which is ours"),
        (LinkConfig { owned: vec![prefix("10.0.0.128/25")], ..config() }, "gateways has 10.0.0.254, which is ours"),
        (with_gateways(&["10.0.0.255"]), "no host"),
    ];
    for (config, part) in wrong {
        let error = error(config);
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}
