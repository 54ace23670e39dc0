//! URLs as a client of HTTP needs them: whom to connect to, what to ask for, and where a redirect leads (RFC 3986).
//!
//! Not a general URL: no user and password (they would end in logs), no fragment (it is not sent), and names of hosts in ASCII only: an
//! international name is written as it is in DNS (`xn--...`), which spares the Unicode tables of IDNA.

use std::fmt;
use std::net::Ipv6Addr;

use crate::limits::URL_BYTES_MAX;

#[cfg(test)]
mod tests;

/// A server as a client names it: scheme, host and port (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) is_https: bool,
    /// In lower case; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A URL of `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub(crate) origin: Origin,
    /// Path and query, as they are sent.
    pub(crate) target: String,
}

/// Why a text is no URL that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with `http://` or `https://`.
    Scheme(String),
    /// There is no host, or one that is neither a name in ASCII nor an address.
    Host(String),
    /// What follows the colon is no port from 1 to 65535.
    Port(String),
    /// It holds a user or password.
    UserInfo,
    /// It holds a control character.
    Control,
    /// It is longer than a URL may be.
    TooLong {
        /// Its bytes.
        length: usize,
        /// As many may be.
        limit: usize,
    },
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Scheme(url) => write!(f, "{url:?} is no URL that begins with http:// or https://"),
            UrlError::Host(host) => {
                write!(f, "{host:?} is no host: a name in ASCII (xn--... for others), an address, or [an IPv6 address]")
            }
            UrlError::Port(port) => write!(f, "{port:?} is no port from 1 to 65535"),
            UrlError::UserInfo => f.write_str("user and password do not belong in a URL: use the header Authorization"),
            UrlError::Control => f.write_str("the URL holds a control character"),
            UrlError::TooLong { length, limit } => write!(f, "a URL of {length} bytes: at most {limit} can be"),
        }
    }
}

impl std::error::Error for UrlError {}

impl Origin {
    /// What `Host` says: the port only where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.is_https) { host } else { format!("{host}:{}", self.port) }
    }

    fn parse(is_https: bool, authority: &str) -> Result<Origin, UrlError> {
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(|| UrlError::Host(authority.into()))?;
                host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host(authority.into()))?;
                let port = match after.strip_prefix(':') {
                    Some(port) => port,
                    None if after.is_empty() => "",
                    None => return Err(UrlError::Host(authority.into())),
                };
                (host, port)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(UrlError::Host(host.into()));
        }
        let port = match port {
            "" => default_port(is_https),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or_else(|| UrlError::Port(digits.into()))?
            }
            other => return Err(UrlError::Port(other.into())),
        };
        Ok(Origin { is_https, host: host.to_ascii_lowercase(), port })
    }
}

impl Url {
    /// Reads a URL. Bytes of path and query that may not be sent as they are (spaces, what is not ASCII) are percent-encoded.
    ///
    /// # Errors
    /// What [`UrlError`] names.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        check(text)?;
        let (is_https, rest) = split_scheme(text).ok_or_else(|| UrlError::Scheme(text.into()))?;
        let rest = rest.strip_prefix("//").ok_or_else(|| UrlError::Scheme(text.into()))?;
        Url::after_slashes(is_https, rest)
    }

    /// Where a reference found under this URL leads: `Location` (RFC 3986, section 5.2).
    ///
    /// # Errors
    /// What [`UrlError`] names.
    pub fn join(&self, reference: &str) -> Result<Url, UrlError> {
        check(reference)?;
        if let Some((is_https, rest)) = split_scheme(reference)
            && let Some(rest) = rest.strip_prefix("//")
        {
            return Url::after_slashes(is_https, rest);
        }
        if has_scheme(reference) {
            return Err(UrlError::Scheme(reference.into()));
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::after_slashes(self.origin.is_https, rest);
        }
        let reference = without_fragment(reference);
        let own_path = self.target.split('?').next().unwrap_or("/");
        let target = match reference.as_bytes().first() {
            None => self.target.clone(),
            Some(b'/') => normal(reference),
            Some(b'?') => encoded(&format!("{own_path}{reference}")),
            Some(_) => {
                let folder = own_path.rfind('/').map_or("/", |last| &own_path[..=last]);
                normal(&format!("{folder}{reference}"))
            }
        };
        Ok(Url { origin: self.origin.clone(), target })
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.origin.is_https
    }

    /// The name or address of the server, in lower case, without brackets.
    pub fn host(&self) -> &str {
        &self.origin.host
    }

    /// The port, the scheme's own if the URL had none.
    pub fn port(&self) -> u16 {
        self.origin.port
    }

    /// Path and query, as they are sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    fn after_slashes(is_https: bool, rest: &str) -> Result<Url, UrlError> {
        let rest = without_fragment(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let origin = Origin::parse(is_https, &rest[..end])?;
        let target = match rest[end..].starts_with('/') {
            true => normal(&rest[end..]),
            false => normal(&format!("/{}", &rest[end..])),
        };
        Ok(Url { origin, target })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.origin.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.origin.authority(), self.target)
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn check(text: &str) -> Result<(), UrlError> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong { length: text.len(), limit: URL_BYTES_MAX });
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(UrlError::Control);
    }
    Ok(())
}

/// Whether it is `https`, and what follows the colon.
fn split_scheme(text: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Some((false, rest)),
        _ if scheme.eq_ignore_ascii_case("https") => Some((true, rest)),
        _ => None,
    }
}

/// Whether a reference names a scheme: a colon before any slash, question mark or number sign.
fn has_scheme(reference: &str) -> bool {
    reference.find([':', '/', '?', '#']).is_some_and(|at| reference.as_bytes()[at] == b':')
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or("")
}

/// A target whose path begins with a slash, without its dot segments (RFC 3986, section 5.2.4), encoded.
fn normal(target: &str) -> String {
    assert!(target.starts_with('/'), "the caller gives a whole path");
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => {
                kept.push(other);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    encoded(&format!("/{}{query}", kept.join("/")))
}

fn encoded(target: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte.is_ascii_graphic() {
            true => out.push(char::from(byte)),
            false => write!(out, "%{byte:02X}").expect("writing to a String does not fail"),
        }
    }
    out
}
