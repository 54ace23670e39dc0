//! What is loaded: the URL a user types, taken apart and resolved.

use std::fmt;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long one of several addresses of a name may take to answer at the start.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// What clients do with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// `ws://`, `wss://`: WebSocket, connect and subscribe, be pushed to.
    WebSocket,
    /// `sse+http://`, `sse+https://`: an event stream, be pushed to.
    Events,
    /// `http://`, `https://`: request after request.
    Requests,
}

/// A place of one server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// By TLS.
    pub(crate) is_secured: bool,
    /// What goes into `Host`.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
}

/// A URL that cannot be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TargetError {
    url: String,
    problem: String,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot be loaded: {}", self.url, self.problem)
    }
}

impl Target {
    /// Takes `url` apart and resolves its name. Of several addresses the first that answers is taken.
    pub(crate) fn parse(url: &str, channel: &str) -> Result<Target, TargetError> {
        let fail = |problem: String| TargetError { url: url.to_owned(), problem };
        let (kind, is_secured, rest) = scheme(url).map_err(&fail)?;
        let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        if path.contains('#') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(fail("its path holds a fragment, white space or bytes beyond ASCII: percent-encode it".into()));
        }
        let address = resolve(host, if is_secured { 443 } else { 80 }).map_err(&fail)?;
        Ok(Target { kind, address, is_secured, host: host.to_owned(), path: whole_path(kind, path, channel) })
    }

    /// The HTTP API at the same place.
    pub(crate) fn api(&self) -> Target {
        Target { kind: Kind::Requests, path: "/api".to_owned(), ..self.clone() }
    }
}

/// What a URL's scheme asks for, whether by TLS, and what follows it.
fn scheme(url: &str) -> Result<(Kind, bool, &str), String> {
    let wanted =
        "use ws://HOST:PORT[/PATH], sse+http://HOST:PORT/events or http://HOST:PORT/PATH, or wss, sse+https, https";
    let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("it has no scheme; {wanted}"))?;
    match scheme {
        "ws" | "wss" => Ok((Kind::WebSocket, scheme == "wss", rest)),
        "sse+http" | "sse+https" => Ok((Kind::Events, scheme == "sse+https", rest)),
        "http" | "https" => Ok((Kind::Requests, scheme == "https", rest)),
        _ => Err(format!("{scheme:?} is not a known scheme; {wanted}")),
    }
}

/// The path with what each kind of load needs when the user left it out.
fn whole_path(kind: Kind, path: &str, channel: &str) -> String {
    let (route, query) = path.split_once('?').map_or((path, None), |(route, query)| (route, Some(query)));
    let default = match kind {
        Kind::WebSocket => "/connection/websocket",
        Kind::Events => "/events",
        Kind::Requests => "/",
    };
    let route = if matches!(route, "" | "/") { default } else { route };
    let has_channel = query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("channel=")));
    let channel = (kind == Kind::Events && !has_channel).then(|| format!("channel={}", percent_encoded(channel)));
    let query: Vec<String> = query.map(str::to_owned).into_iter().chain(channel).collect();
    if query.is_empty() { route.to_owned() } else { format!("{route}?{}", query.join("&")) }
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn resolve(host: &str, default_port: u16) -> Result<SocketAddr, String> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let found =
        if has_port { host.to_socket_addrs() } else { (host.trim_matches(['[', ']']), default_port).to_socket_addrs() };
    let found: Vec<SocketAddr> = match found {
        Ok(found) => found.collect(),
        Err(error) => {
            return Err(format!("{host:?} is not HOST:PORT of something known here ({error})"));
        }
    };
    let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, PROBE_TIMEOUT).is_ok();
    match &found[..] {
        [] => Err(format!("{host:?} has no address")),
        [only] => Ok(*only),
        // A name like localhost has addresses of both families, and a server may listen on one of them.
        [first, ..] => Ok(*found.iter().find(answers).unwrap_or(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (Kind, String, String) {
        let target = Target::parse(url, "a b").unwrap();
        (target.kind, target.address.to_string(), target.path)
    }

    #[test]
    fn paths_that_were_left_out_are_filled_in() {
        let at = "127.0.0.1:8000".to_owned();
        let expect = |url: &str, kind, path: &str| assert_eq!(parsed(url), (kind, at.clone(), path.to_owned()));
        expect("ws://127.0.0.1:8000", Kind::WebSocket, "/connection/websocket");
        expect("ws://127.0.0.1:8000/other?x=1", Kind::WebSocket, "/other?x=1");
        expect("http://127.0.0.1:8000", Kind::Requests, "/");
        expect("http://127.0.0.1:8000/health", Kind::Requests, "/health");
        expect("sse+http://127.0.0.1:8000", Kind::Events, "/events?channel=a%20b");
        expect("sse+http://127.0.0.1:8000/e?channel=c", Kind::Events, "/e?channel=c");
        expect("sse+http://127.0.0.1:8000/e?since=1", Kind::Events, "/e?since=1&channel=a%20b");
    }

    #[test]
    fn schemes_with_an_s_are_spoken_by_tls() {
        for (url, kind, is_secured) in [
            ("wss://127.0.0.1:8000", Kind::WebSocket, true),
            ("sse+https://127.0.0.1:8000", Kind::Events, true),
            ("https://127.0.0.1:8000", Kind::Requests, true),
            ("ws://127.0.0.1:8000", Kind::WebSocket, false),
        ] {
            let target = Target::parse(url, "c").unwrap();
            assert_eq!((target.kind, target.is_secured, target.api().is_secured), (kind, is_secured, is_secured));
        }
    }

    #[test]
    fn literal_addresses_need_no_port() {
        assert_eq!(parsed("https://127.0.0.9/x").1, "127.0.0.9:443");
        assert_eq!(parsed("http://127.0.0.9/x").1, "127.0.0.9:80");
        assert_eq!(parsed("http://[::1]/x").1, "[::1]:80");
        assert_eq!(parsed("http://[::1]:81/x").1, "[::1]:81");
    }

    #[test]
    fn what_cannot_be_loaded_is_refused_with_the_value_and_the_way_out() {
        for (url, part) in [
            ("ftp://127.0.0.1", "\"ftp\" is not a known scheme"),
            ("127.0.0.1:8000", "no scheme"),
            ("http://127.0.0.1:8000/a b", "percent-encode"),
            ("http://:99999/", "not HOST:PORT"),
        ] {
            let error = Target::parse(url, "load").unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(url), "{error}");
        }
    }
}
