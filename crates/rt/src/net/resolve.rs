//! Names into addresses, as the system knows them: `/etc/hosts`, DNS, and what else its resolver asks (getaddrinfo(3)).
//!
//! Not a resolver of our own, and no cache: the system's has one where it is wanted.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use crate::limits::{ADDRESSES_PER_NAME_MAX, HOST_NAME_BYTES_MAX};
use crate::pool::blocking;
use crate::sim;

/// The addresses of a host, in the order in which they are to be tried (RFC 6724), each once, at most 64.
///
/// An address as text (`192.0.2.7`, `2001:db8::7`, `[2001:db8::7]`) is answered at once. A name costs a hop to the pool of
/// [`blocking`] and waits for as long as the system's resolver does, which may be many seconds: set a
/// [deadline](crate::time::deadline). A name that was given up is still asked for, on a thread of the pool, until the system
/// answers.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use crore_rt::net::{ConnectOptions, TcpStream, resolve};
///
/// let addresses = resolve("example.org", 80).await?;
/// let stream = TcpStream::connect(addresses[0], &ConnectOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// In a simulated world there is no resolver: it knows addresses, and `localhost` as 127.0.0.1.
///
/// # Errors
/// A name that is empty, longer than 253 bytes or holds a zero byte ([`io::ErrorKind::InvalidInput`]); a name without an address
/// ([`io::ErrorKind::NotFound`], or what the system says).
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = literal(host) {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    check(host)?;
    if sim::is_running() {
        return simulated(host, port);
    }
    let name = host.to_owned();
    let found = blocking(move || Ok::<_, io::Error>((name.as_str(), port).to_socket_addrs()?.collect())).await??;
    distinct(host, found)
}

/// An address as text, IPv6 also in the brackets that it has in a URL (RFC 3986, section 3.2.2).
fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

fn check(host: &str) -> io::Result<()> {
    let text = if host.is_empty() {
        "a host's name is empty".to_owned()
    } else if host.len() > HOST_NAME_BYTES_MAX {
        format!("a host's name has {} bytes, at most {HOST_NAME_BYTES_MAX} can be", host.len())
    } else if host.contains('\0') {
        format!("the host's name {host:?} holds a zero byte")
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn simulated(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host == "localhost" {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
    }
    let text = format!("a simulated world has no resolver: it does not know {host:?}");
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}

/// Each address once, in order, at most as many as a name may have.
fn distinct(host: &str, found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < ADDRESSES_PER_NAME_MAX {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host:?} has no address")));
    }
    Ok(addresses)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_text_are_known_with_and_without_brackets() {
        let known = |host: &str| literal(host).map(|address| address.to_string());
        assert_eq!(known("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(known("2001:db8::7").as_deref(), Some("2001:db8::7"));
        assert_eq!(known("[2001:db8::7]").as_deref(), Some("2001:db8::7"));
        for name in ["", "localhost", "[192.0.2.7]", "[::1", "::1]", "[]", "1.2.3", "192.0.2.7:80"] {
            assert_eq!(known(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_no_resolver_could_know_are_refused_with_the_limit() {
        assert!(check(&"a".repeat(253)).is_ok());
        let error = check(&"a".repeat(254)).expect_err("it is too long").to_string();
        assert!(error.contains("254") && error.contains("253"), "{error}");
        assert!(check("").is_err() && check("a\0b").is_err());
    }

    #[test]
    fn an_answer_is_each_address_once_and_bounded() {
        let address = |n: u16| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80));
        let twice: Vec<_> = [3, 1, 3, 2, 1].map(address).into();
        assert_eq!(distinct("x", twice).expect("it has some"), [3, 1, 2].map(address));
        let many = distinct("x", (0..1000).map(address).collect()).expect("it has some");
        assert_eq!(many.len(), ADDRESSES_PER_NAME_MAX);
        assert_eq!(distinct("x", Vec::new()).expect_err("it has none").kind(), io::ErrorKind::NotFound);
    }
}
