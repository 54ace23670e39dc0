//! Who compresses how: the offer of a client and the answer of a server (RFC 7692, sections 5 and 7.1).
//!
//! A server takes the first offer that it understands whole and can keep; one that is malformed, has a parameter twice, an
//! unknown one, or a value out of its range is declined, and so is one that limits us to a window of 256 bytes, which our
//! compressor has not. A header that is malformed declines all. A client takes nothing but an answer to what it has offered.

use core::fmt::Write as _;

use super::extension::{self, Extension};
use super::{DeflateOptions, DeflateSide, DeflateTerms, FIELD, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use crate::{Headers, RequestHead};

#[cfg(test)]
mod tests;

const NAME: &[u8] = b"permessage-deflate";

/// The parameters of one offer or answer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// An offer may have it without a value.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// None if one is unknown, comes twice, or has a value that it cannot have.
    fn read(extension: &Extension<'_>) -> Option<Parameters> {
        let mut read = Parameters::default();
        for (at, &(name, value)) in extension.parameters.iter().enumerate() {
            if extension.parameters[..at].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) {
                return None;
            }
            match (&name.to_ascii_lowercase()[..], value) {
                (b"server_no_context_takeover", None) => read.server_no_context_takeover = true,
                (b"client_no_context_takeover", None) => read.client_no_context_takeover = true,
                (b"server_max_window_bits", Some(bits)) => read.server_max_window_bits = Some(window_bits(bits)?),
                (b"client_max_window_bits", Some(bits)) => read.client_max_window_bits = Some(Some(window_bits(bits)?)),
                (b"client_max_window_bits", None) => read.client_max_window_bits = Some(None),
                _ => return None,
            }
        }
        Some(read)
    }
}

/// 8 to 15, without leading zeros.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// What a server makes of a request's offers; none if there is none that it takes.
pub(in crate::ws) fn agree(head: &RequestHead, options: &DeflateOptions) -> Option<DeflateTerms> {
    let mut chosen = None;
    for value in head.headers().values(FIELD) {
        let offers = extension::parse(value)?;
        let mut terms = offers.iter().filter(|offer| offer.name.eq_ignore_ascii_case(NAME));
        chosen = chosen.or_else(|| terms.find_map(|offer| take(&Parameters::read(offer)?, options)));
    }
    chosen
}

fn take(offer: &Parameters, options: &DeflateOptions) -> Option<DeflateTerms> {
    let window_bits = offer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX);
    if window_bits < WINDOW_BITS_MIN {
        return None;
    }
    let keeps = options.context_takeover;
    let server = DeflateSide { window_bits, keeps_context: keeps && !offer.server_no_context_takeover };
    // A client that names a size keeps to it, whether it is asked to or not (section 7.1.2.2).
    let window_bits = offer.client_max_window_bits.flatten().unwrap_or(WINDOW_BITS_MAX);
    let client = DeflateSide { window_bits, keeps_context: keeps && !offer.client_no_context_takeover };
    Some(DeflateTerms { server, client, names_server_window: offer.server_max_window_bits.is_some() })
}

/// The server's answer.
pub(in crate::ws) fn response(terms: &DeflateTerms) -> String {
    let mut value = String::from("permessage-deflate");
    if !terms.server.keeps_context {
        value.push_str("; server_no_context_takeover");
    }
    if !terms.client.keeps_context {
        value.push_str("; client_no_context_takeover");
    }
    if terms.names_server_window {
        write!(value, "; server_max_window_bits={}", terms.server.window_bits).expect("a string takes any text");
    }
    value
}

/// What a client asks for.
pub(in crate::ws) fn offer(options: &DeflateOptions) -> &'static str {
    match options.context_takeover {
        true => "permessage-deflate; client_max_window_bits",
        false => "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
    }
}

/// What a client makes of the server's answer.
///
/// # Errors
/// The header, if it is no answer to the [offer]: `offered` is none if there was none.
pub(in crate::ws) fn check<'a>(
    headers: &'a Headers,
    offered: Option<&DeflateOptions>,
) -> Result<Option<DeflateTerms>, &'a [u8]> {
    let mut values = headers.values(FIELD);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(value);
    }
    match (extension::parse(value).as_deref(), offered) {
        (Some([only]), Some(options)) if only.name.eq_ignore_ascii_case(NAME) => {
            let terms = Parameters::read(only).and_then(|answer| conclude(&answer, options));
            terms.map(Some).ok_or(value)
        }
        _ => Err(value),
    }
}

fn conclude(answer: &Parameters, options: &DeflateOptions) -> Option<DeflateTerms> {
    if !options.context_takeover && !answer.server_no_context_takeover {
        return None;
    }
    let server = DeflateSide {
        window_bits: answer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX),
        keeps_context: !answer.server_no_context_takeover,
    };
    let window_bits = match answer.client_max_window_bits {
        None => WINDOW_BITS_MAX,
        // An answer has to name a size.
        Some(bits) => bits?,
    };
    let client =
        DeflateSide { window_bits, keeps_context: options.context_takeover && !answer.client_no_context_takeover };
    Some(DeflateTerms { server, client, names_server_window: answer.server_max_window_bits.is_some() })
}
