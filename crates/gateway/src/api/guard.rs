//! Who may use the API: whoever has the key; in the open, whoever is on this machine and is no page of somebody else's.

use crore_http::Status;
use crore_web::Response;

use super::Request;

/// Checks a request to the API.
///
/// # Errors
/// The answer that says why not.
pub(crate) fn authorize(request: &Request) -> Result<(), Response> {
    let config = &request.state().config;
    let given = key_of(request)?;
    if let Some(key) = &config.api_key {
        return match given.is_some_and(|given| same(given.as_bytes(), key.as_bytes())) {
            true => Ok(()),
            false => Err(Response::error(
                Status::UNAUTHORIZED,
                "the API wants its key: send it as X-API-Key, as Authorization: apikey KEY, or as ?api_key=KEY",
            )),
        };
    }
    if !(config.playground || config.insecure) {
        let text = "no api_key is configured, so the API is closed: set one";
        return Err(Response::error(Status::UNAUTHORIZED, text));
    }
    open_to_this_machine(request)
}

fn key_of(request: &Request) -> Result<Option<String>, Response> {
    if let Some(key) = request.head().header("x-api-key") {
        return Ok(Some(key.to_owned()));
    }
    if let Some(value) = request.head().header("authorization") {
        let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("apikey") {
            return Ok(Some(key.trim().to_owned()));
        }
    }
    let in_query = request.query("api_key").map_err(Response::from)?;
    Ok(in_query.map(std::borrow::Cow::into_owned))
}

/// Compares in a time that does not tell how much was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn open_to_this_machine(request: &Request) -> Result<(), Response> {
    let forbidden = |text: &str| Err(Response::error(Status::FORBIDDEN, text));
    let peer = request.stream().peer_addr();
    if !peer.is_ok_and(|peer| peer.ip().is_loopback()) {
        return forbidden("without an api_key the API answers only this machine: configure one");
    }
    // A page from elsewhere, or one whose name was made to point here, must not use the API through the browser.
    if !is_local_name(request.head().host()) {
        return forbidden("without an api_key the API is reached by address or as localhost, not by a public name");
    }
    let origin = request.head().header("origin");
    if origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, host)| host != request.head().host())) {
        return forbidden("without an api_key the API does not answer pages of another origin");
    }
    Ok(())
}

fn is_local_name(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // Names without a dot are this network's own; those that a stranger can buy and point anywhere have one.
    let is_name_of_ours = !host.is_empty() && !host.contains(['.', ':']);
    is_name_of_ours || address.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_names_without_a_dot_are_local() {
        for local in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "gateway:80", "[::1]:8000", "[::1]"] {
            assert!(is_local_name(local), "{local}");
        }
        for foreign in ["example.com", "example.com:8000", "127.0.0.1.example.com:80", ""] {
            assert!(!is_local_name(foreign), "{foreign}");
        }
    }

    #[test]
    fn keys_compare_whole() {
        assert!(same(b"secret", b"secret"));
        assert!(!same(b"secret", b"secreT") && !same(b"secret", b"secre") && !same(b"", b"s"));
    }
}
