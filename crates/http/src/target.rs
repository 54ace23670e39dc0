//! Request targets: authority, path and query as ranges, still encoded.

use crate::HttpError;
use crate::framing::is_authority;
use crate::headers::Span;

/// Authority, path and query of a target in one of its four forms (RFC 9112, section 3.2).
pub(crate) fn split(method: &str, target: &str, span: Span) -> Result<(Span, Span, Option<Span>), HttpError> {
    let (nothing, _) = span.split(0, 0);
    if method == "CONNECT" {
        let is_good = !target.is_empty() && is_authority(target.as_bytes());
        return if is_good { Ok((span, nothing, None)) } else { Err(HttpError::Target) };
    }
    if target == "*" {
        return if method == "OPTIONS" { Ok((nothing, span, None)) } else { Err(HttpError::Target) };
    }
    let scheme = ["http://", "https://"].into_iter().find(|scheme| starts_with_ignoring_case(target, scheme));
    let (authority, rest) = match scheme {
        _ if target.starts_with('/') => (nothing, span),
        None => return Err(HttpError::Target),
        Some(scheme) => {
            let (_, after) = span.split(scheme.len(), 0);
            let text = &target[scheme.len()..];
            let (authority, rest) = after.split(text.find(['/', '?']).unwrap_or(text.len()), 0);
            let host = &text[..authority.len()];
            if host.is_empty() || !is_authority(host.as_bytes()) {
                return Err(HttpError::Target);
            }
            (authority, rest)
        }
    };
    let text = &target[target.len() - rest.len()..];
    match text.find('?') {
        None => Ok((authority, rest, None)),
        Some(at) => {
            let (path, query) = rest.split(at, 1);
            Ok((authority, path, Some(query)))
        }
    }
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}
