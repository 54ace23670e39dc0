//! Where a response says to go instead, and what is sent there (RFC 9110, section 15.4).

use crore_http::{FieldError, Fields, ResponseHead, Status};

use super::{ClientError, Url};

/// Headers that are for one origin only.
const OF_ONE_ORIGIN: &[&str] = &["authorization", "proxy-authorization", "cookie"];

/// What a redirect asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) url: Url,
    /// The method becomes `GET`, without a body.
    pub(super) becomes_get: bool,
    pub(super) changes_origin: bool,
}

/// The redirect that a response is, if it is one.
///
/// # Errors
/// A `Location` that is no URL, or that leads from `https` to `http`.
pub(super) fn of(head: &ResponseHead, method: &str, from: &Url) -> Result<Option<Redirect>, ClientError> {
    let status = head.status();
    let keeps_method = match status {
        Status::MOVED_PERMANENTLY | Status::FOUND => method != "POST",
        Status::SEE_OTHER => matches!(method, "GET" | "HEAD"),
        Status::TEMPORARY_REDIRECT | Status::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let Some(location) = head.header("location") else { return Ok(None) };
    let url = from.join(location)?;
    if from.is_https() && !url.is_https() {
        return Err(ClientError::Downgrade(location.to_owned()));
    }
    let changes_origin = url.origin != from.origin;
    Ok(Some(Redirect { url, becomes_get: !keeps_method, changes_origin }))
}

impl Redirect {
    /// The headers that may go on to the new place.
    ///
    /// # Errors
    /// None that can happen: they were headers before.
    pub(super) fn fields(&self, fields: &Fields) -> Result<Fields, FieldError> {
        let stays = |name: &str| {
            let name = name.to_ascii_lowercase();
            !(self.changes_origin && OF_ONE_ORIGIN.contains(&name.as_str())
                || self.becomes_get && name.starts_with("content-"))
        };
        let text = String::from_utf8_lossy(fields.as_bytes());
        let mut kept = Fields::new();
        for (name, value) in text.split("\r\n").filter_map(|line| line.split_once(": ")) {
            if stays(name) {
                kept.push(name, value)?;
            }
        }
        Ok(kept)
    }
}
