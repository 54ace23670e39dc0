//! One TLS session without I/O: ciphertext in, plaintext out, and back.
//!
//! It owns what a record or a handshake message needs to become whole, and nothing when the session is idle: rustls is used by
//! its unbuffered interface, which keeps no buffers of its own. Who calls it sends what it leaves in [`Output::records`], in
//! order, and gives it no further ciphertext before it has taken the plaintext.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ClientConfig, Error, HandshakeKind, InvalidMessage, ServerConfig};

use crate::limits::{LEASE_BYTES, TLS_ALERT_BYTES, TLS_INCOMING_BYTES_MAX};

/// The two ends of TLS.
enum Side {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What a step of a session makes.
#[derive(Default)]
pub(super) struct Output {
    /// Decrypted bytes.
    pub(super) plaintext: Vec<u8>,
    /// Records for the peer.
    pub(super) records: Vec<u8>,
}

impl Output {
    /// Empty again; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.plaintext.clear();
        self.records.clear();
    }
}

/// What to write as soon as the session may.
#[derive(Clone, Copy)]
enum Writing<'a> {
    Nothing,
    Data(&'a [u8]),
    Goodbye,
}

/// Where a step has led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// There is more to do.
    Again,
    /// The handshake waits for the peer.
    Blocked,
    /// The handshake is over, and what was to be written is.
    Open,
    /// The peer has said goodbye.
    PeerClosed,
    /// So have we.
    Closed,
}

pub(super) struct Session {
    side: Side,
    /// Ciphertext of a record, or of a handshake message, that is not whole yet.
    incoming: Vec<u8>,
    is_open: bool,
    has_ended: bool,
}

impl Session {
    /// A server's end, which waits for the client.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Session, Error> {
        Ok(Session::new(Side::Server(UnbufferedServerConnection::new(config)?)))
    }

    /// A client's end; its first step makes the ClientHello.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(super) fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Session, Error> {
        Ok(Session::new(Side::Client(UnbufferedClientConnection::new(config, name)?)))
    }

    fn new(side: Side) -> Session {
        Session { side, incoming: Vec::new(), is_open: false, has_ended: false }
    }

    /// The handshake is over: data may be encrypted.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The peer has said goodbye: no plaintext follows.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The handshake was short, by a ticket of an earlier session.
    pub(super) fn is_resumed(&self) -> bool {
        let kind = match &self.side {
            Side::Server(connection) => connection.handshake_kind(),
            Side::Client(connection) => connection.handshake_kind(),
        };
        kind == Some(HandshakeKind::Resumed)
    }

    /// Takes ciphertext, which is changed in place. The plaintext it makes is not longer than what was given and held.
    ///
    /// # Errors
    /// The peer broke TLS, or refuses us. The session is of no use then; the alert for the peer is among the records.
    pub(super) fn on_ciphertext(&mut self, bytes: &mut [u8], output: &mut Output) -> Result<(), Error> {
        assert!(bytes.len() <= LEASE_BYTES, "ciphertext comes a lease at a time");
        if self.incoming.is_empty() {
            let used = self.digest(bytes, output)?;
            self.incoming.extend_from_slice(&bytes[used..]);
        } else {
            let mut incoming = std::mem::take(&mut self.incoming);
            incoming.extend_from_slice(bytes);
            let used = self.digest(&mut incoming, output)?;
            if used < incoming.len() {
                incoming.drain(..used);
                self.incoming = incoming;
            }
        }
        if self.has_ended {
            // What follows a goodbye is nobody's (RFC 8446, section 6.1).
            self.incoming = Vec::new();
        }
        match self.incoming.len() <= TLS_INCOMING_BYTES_MAX {
            true => Ok(()),
            // A handshake message in records of a byte each.
            false => Err(InvalidMessage::HandshakePayloadTooLarge.into()),
        }
    }

    /// The first step: a client's ClientHello.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(super) fn begin(&mut self, output: &mut Output) -> Result<(), Error> {
        assert!(!self.is_open && self.incoming.is_empty(), "a session begins once");
        self.on_ciphertext(&mut [], output)
    }

    /// Encrypts `data` into records of at most 16 KiB.
    ///
    /// # Errors
    /// The keys are used up, after some 2^24 records of TLS 1.2.
    pub(super) fn encrypt(&mut self, data: &[u8], output: &mut Output) -> Result<(), Error> {
        assert!(self.is_open, "data is encrypted once the handshake is over");
        assert!(!data.is_empty());
        self.write(Writing::Data(data), output)
    }

    /// Says goodbye (close_notify); nothing may be encrypted after it.
    ///
    /// # Errors
    /// As [`encrypt`](Session::encrypt).
    pub(super) fn say_goodbye(&mut self, output: &mut Output) -> Result<(), Error> {
        assert!(self.is_open, "before the handshake is over there is nobody to say goodbye to");
        self.write(Writing::Goodbye, output)
    }

    fn write(&mut self, writing: Writing<'_>, output: &mut Output) -> Result<(), Error> {
        // All that was whole was digested when it came, so this finds nothing but what it is to write.
        let mut incoming = std::mem::take(&mut self.incoming);
        let written = loop {
            let (used, step) = self.step(&mut incoming, writing, output);
            incoming.drain(..used);
            match step {
                Ok(Step::Open | Step::Closed) => break Ok(()),
                Ok(Step::Again | Step::PeerClosed) => {}
                Ok(Step::Blocked) => unreachable!("an open session may write"),
                Err(error) => break Err(error),
            }
        };
        self.incoming = incoming;
        written
    }

    /// Takes whole records from the head of `bytes`, and says how many bytes of it are done with.
    fn digest(&mut self, bytes: &mut [u8], output: &mut Output) -> Result<usize, Error> {
        let mut at = 0;
        loop {
            let (used, step) = self.step(&mut bytes[at..], Writing::Nothing, output);
            at += used;
            match step {
                Ok(Step::Again) => {}
                // The end of a handshake, data and a goodbye may come together.
                Ok(Step::PeerClosed) => self.has_ended = true,
                Ok(Step::Blocked | Step::Closed) => return Ok(at),
                Ok(Step::Open) => {
                    self.is_open = true;
                    return Ok(at);
                }
                Err(error) => {
                    self.take_alert(output);
                    return Err(error);
                }
            }
        }
    }

    fn step(&mut self, bytes: &mut [u8], writing: Writing<'_>, output: &mut Output) -> (usize, Result<Step, Error>) {
        match &mut self.side {
            Side::Server(connection) => act(connection.process_tls_records(bytes), writing, output),
            Side::Client(connection) => act(connection.process_tls_records(bytes), writing, output),
        }
    }

    /// After an error rustls still has a word for the peer. It is asked no further: without the bytes that the error was about it
    /// would lose its place in them.
    fn take_alert(&mut self, output: &mut Output) {
        while self.wants_write() {
            let before = output.records.len();
            let (_, step) = self.step(&mut [], Writing::Nothing, output);
            if step.is_err() || output.records.len() == before {
                return;
            }
        }
    }

    fn wants_write(&self) -> bool {
        match &self.side {
            Side::Server(connection) => connection.wants_write(),
            Side::Client(connection) => connection.wants_write(),
        }
    }
}

/// Does what rustls asks for, and says how many bytes of its input are used up.
fn act<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    writing: Writing<'_>,
    output: &mut Output,
) -> (usize, Result<Step, Error>) {
    let mut used = status.discard;
    let state = match status.state {
        Ok(state) => state,
        Err(error) => return (used, Err(error)),
    };
    let step = match state {
        ConnectionState::ReadTraffic(mut traffic) => loop {
            match traffic.next_record() {
                Some(Ok(record)) => {
                    used += record.discard;
                    output.plaintext.extend_from_slice(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Again),
            }
        },
        ConnectionState::EncodeTlsData(mut data) => encode(&mut data, &mut output.records).map(|()| Step::Again),
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Ok(Step::Again)
        }
        ConnectionState::BlockedHandshake => Ok(Step::Blocked),
        ConnectionState::WriteTraffic(mut traffic) => {
            write(&mut traffic, writing, &mut output.records).map(|()| Step::Open)
        }
        ConnectionState::PeerClosed => Ok(Step::PeerClosed),
        ConnectionState::Closed => Ok(Step::Closed),
        // Nobody is offered to send data with its first flight.
        _ => Err(Error::General("data of a first flight that was not asked for".to_owned())),
    };
    (used, step)
}

fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, records: &mut Vec<u8>) -> Result<(), Error> {
    let at = records.len();
    let needed = match data.encode(&mut []) {
        Ok(_) => return Ok(()),
        Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => required_size,
        Err(error) => return Err(Error::General(error.to_string())),
    };
    records.resize(at + needed, 0);
    let written = data.encode(&mut records[at..]).map_err(|error| Error::General(error.to_string()))?;
    records.truncate(at + written);
    Ok(())
}

fn write<Data>(traffic: &mut WriteTraffic<'_, Data>, writing: Writing<'_>, records: &mut Vec<u8>) -> Result<(), Error> {
    let at = records.len();
    let mut room = match writing {
        Writing::Nothing => return Ok(()),
        Writing::Data(data) => super::sealed_bytes(data.len()),
        Writing::Goodbye => TLS_ALERT_BYTES,
    };
    loop {
        records.resize(at + room, 0);
        let written = match writing {
            Writing::Data(data) => traffic.encrypt(data, &mut records[at..]),
            Writing::Goodbye | Writing::Nothing => traffic.queue_close_notify(&mut records[at..]),
        };
        match written {
            Ok(written) => {
                records.truncate(at + written);
                return Ok(());
            }
            // A key update goes first.
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                assert!(required_size > room, "rustls asks for more room, not for less");
                room = required_size;
            }
            Err(error @ EncryptError::EncryptExhausted) => return Err(Error::General(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
