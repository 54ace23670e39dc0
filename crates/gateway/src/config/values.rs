//! The values of settings, as people write them: `25s`, `1MiB`, `5000/s`, `4`, one address or several.

use std::fmt;
use std::net::SocketAddr;

use crore_base::time::Duration;
use crore_base::units;
use crore_rt::net::{self, Prefix};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// A span of time: `"25s"`, `"500ms"`, `0`.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub Duration);

/// A size below 4 GiB: `"1MiB"`, `65536`.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u32);

/// A number of events a second: `"5000/s"`, `5000`.
#[derive(Debug, Clone, Copy)]
pub struct Rate(pub u64);

/// A count below 2^32: `100`, `"10k"`.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub usize);

/// An address with the length of its network: `"192.0.2.7/24"`.
#[derive(Debug, Clone, Copy)]
pub struct Network(pub Prefix);

/// How cores share an address: `"per-worker"`, `"handover"`, `"shared"`.
#[derive(Debug, Clone, Copy)]
pub struct Accept(pub net::Accept);

/// One address or a list.
#[derive(Debug, Clone, Default)]
pub struct Addresses(pub Vec<SocketAddr>);

/// Reads a value from text, or from a bare number where that means the same.
struct TextOrNumber<T> {
    expects: &'static str,
    read: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expects)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        (self.read)(&number.to_string()).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        (self.read)(&number.to_string()).map_err(E::custom)
    }
}

macro_rules! text_or_number {
    ($type:ident, $expects:literal, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                deserializer.deserialize_any(TextOrNumber { expects: $expects, read: $read })
            }
        }
    };
}

text_or_number!(Span, "a span of time such as \"25s\", \"500ms\" or 0", |text| {
    units::parse_duration(text).map(Span).map_err(|error| error.to_string())
});
text_or_number!(Bytes, "a size such as \"1MiB\" or 65536", |text| {
    let bytes = units::parse_bytes(text).map_err(|error| error.to_string())?;
    u32::try_from(bytes).map(Bytes).map_err(|_| format!("{text} is too large: below 4GiB, please"))
});
text_or_number!(Network, "an address with the length of its network such as \"192.0.2.7/24\"", |text| {
    text.parse().map(Network).map_err(|_| format!("{text:?} is not an address with the length of its network"))
});
text_or_number!(Accept, "a way to accept: \"per-worker\", \"handover\" or \"shared\"", |text| text.parse().map(Accept));
text_or_number!(Rate, "a rate such as \"5000/s\"", |text| {
    units::parse_rate(text).map(Rate).map_err(|error| error.to_string())
});
text_or_number!(Count, "a count such as 100 or \"10k\"", |text| {
    let count = units::parse_count(text).map_err(|error| error.to_string())?;
    u32::try_from(count)
        .map(|count| Count(count as usize))
        .map_err(|_| format!("{text} is too large: below 2^32, please"))
});

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Addresses, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Addresses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as \"127.0.0.1:8000\", or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Addresses, E> {
        let one = |part: &str| {
            let part = part.trim();
            part.parse()
                .map_err(|_| E::custom(format!("{part:?} is no address: write IP:PORT, such as 127.0.0.1:8000")))
        };
        text.split(',').map(one).collect::<Result<_, E>>().map(Addresses)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Addresses, A::Error> {
        let mut addresses = Vec::new();
        while let Some(address) = list.next_element()? {
            addresses.push(address);
        }
        Ok(Addresses(addresses))
    }
}
