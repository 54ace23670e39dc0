//! What is counted of TLS: handshakes, and why sessions failed. The same reasons stand in counters and in the log.

use rustls::Error;

use crate::current;
use crate::stats::TLS;

/// Something that happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsEvent {
    /// A handshake was completed.
    Handshakes,
    /// It was one of the short ones, by a ticket.
    Resumed,
    /// The connection ended, from either side or by a deadline, before the handshake was complete.
    FailedAbandoned,
    /// What came is no TLS, or its records are malformed.
    FailedNotTls,
    /// No version, cipher suite, key exchange or protocol in common.
    FailedIncompatible,
    /// The peer sent an alert: it refuses us, or our certificate.
    FailedAlert,
    /// We refuse the peer's certificate.
    FailedCertificate,
    /// The peer broke the protocol, or its records were tampered with.
    FailedProtocol,
    /// An open session ended without a goodbye (close_notify): something may have been cut off.
    Truncated,
}

impl TlsEvent {
    /// All, in the order of their counters.
    pub(crate) const ALL: [TlsEvent; 9] = [
        TlsEvent::Handshakes,
        TlsEvent::Resumed,
        TlsEvent::FailedAbandoned,
        TlsEvent::FailedNotTls,
        TlsEvent::FailedIncompatible,
        TlsEvent::FailedAlert,
        TlsEvent::FailedCertificate,
        TlsEvent::FailedProtocol,
        TlsEvent::Truncated,
    ];

    /// Its name in metrics and in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            TlsEvent::Handshakes => "handshakes",
            TlsEvent::Resumed => "resumed",
            TlsEvent::FailedAbandoned => "failed_abandoned",
            TlsEvent::FailedNotTls => "failed_not_tls",
            TlsEvent::FailedIncompatible => "failed_incompatible",
            TlsEvent::FailedAlert => "failed_alert",
            TlsEvent::FailedCertificate => "failed_certificate",
            TlsEvent::FailedProtocol => "failed_protocol",
            TlsEvent::Truncated => "truncated",
        }
    }

    /// What an error of rustls counts as.
    pub(super) fn of(error: &Error) -> TlsEvent {
        match error {
            Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => TlsEvent::FailedNotTls,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => TlsEvent::FailedIncompatible,
            Error::AlertReceived(_) => TlsEvent::FailedAlert,
            Error::InvalidCertificate(_) | Error::NoCertificatesPresented | Error::UnsupportedNameType => {
                TlsEvent::FailedCertificate
            }
            _ => TlsEvent::FailedProtocol,
        }
    }

    pub(crate) fn counter(self) -> usize {
        TLS + self as usize
    }
}

/// What happened to TLS sessions on all cores, by names for metrics: `handshakes`, of them those `resumed`, `failed_` with the
/// reason, and `truncated`. As of a moment ago.
pub fn tls_stats() -> Vec<(&'static str, u64)> {
    current::with(|worker| {
        let counters = worker.counters();
        TlsEvent::ALL.iter().map(|event| (event.name(), counters.sum(event.counter()))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_counter_of_its_own() {
        for (place, event) in TlsEvent::ALL.iter().enumerate() {
            assert_eq!(event.counter(), TLS + place, "{}", event.name());
        }
    }
}
