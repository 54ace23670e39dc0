//! Two sessions against each other, however their bytes are split, and against noise.

use std::sync::Arc;

use crore_base::random::Rng;
use rcgen::CertifiedKey;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, SupportedProtocolVersion};

use super::*;

/// A client and a server that trust each other.
fn pair(version: &'static SupportedProtocolVersion) -> (Session, Session) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[version]).unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let server = server.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let name = "localhost".try_into().unwrap();
    (Session::client(Arc::new(client), name).unwrap(), Session::server(Arc::new(server)).unwrap())
}

/// Gives `to` what is under way to it in pieces of `size`; what it answers, and what it decrypted.
fn deliver(to: &mut Session, records: &[u8], size: usize) -> Output {
    let mut output = Output::default();
    for piece in records.chunks(size.min(LEASE_BYTES)) {
        to.on_ciphertext(&mut piece.to_vec(), &mut output).expect("the other end keeps to the rules");
    }
    output
}

fn shake_hands(client: &mut Session, server: &mut Session, size: usize) {
    let mut output = Output::default();
    client.begin(&mut output).unwrap();
    let mut to_server = output.records;
    while !to_server.is_empty() {
        let from_server = deliver(server, &to_server, size);
        to_server = deliver(client, &from_server.records, size).records;
    }
    assert!(client.is_open() && server.is_open());
}

#[test]
fn any_split_of_the_records_gives_the_same_bytes_and_keeps_nothing() {
    for version in [&TLS12, &TLS13] {
        for size in [1, 2, 3, 5, 6, 7, 100, 1000, 4096, LEASE_BYTES] {
            let (mut client, mut server) = pair(version);
            shake_hands(&mut client, &mut server, size);
            let mut records = Output::default();
            let lengths = [1_usize, 10, TLS_ALERT_BYTES, 5000, 16_384, 16_385, 40_000];
            for length in lengths {
                client.encrypt(&vec![length as u8; length], &mut records).unwrap();
            }
            let received = deliver(&mut server, &records.records, size).plaintext;
            let sent: Vec<u8> = lengths.iter().flat_map(|&length| vec![length as u8; length]).collect();
            assert!(received == sent, "in pieces of {size}");
            assert!(!server.has_ended() && server.incoming.capacity() == 0, "an idle session has no buffer");
        }
    }
}

#[test]
fn sealed_bytes_are_never_more_than_was_reckoned() {
    for version in [&TLS12, &TLS13] {
        let (mut client, mut server) = pair(version);
        shake_hands(&mut client, &mut server, LEASE_BYTES);
        for length in [1, 100, 16_383, 16_384, 16_385, 32_768, 65_536] {
            let mut output = Output::default();
            client.encrypt(&vec![7; length], &mut output).unwrap();
            let (made, reckoned) = (output.records.len(), crate::tls::sealed_bytes(length));
            assert!(made > length && made <= reckoned, "{length}: {made} of {reckoned}");
        }
    }
}

#[test]
fn each_direction_ends_for_itself() {
    for version in [&TLS12, &TLS13] {
        let (mut client, mut server) = pair(version);
        shake_hands(&mut client, &mut server, LEASE_BYTES);
        let mut output = Output::default();
        client.encrypt(b"last", &mut output).unwrap();
        client.say_goodbye(&mut output).unwrap();
        output.records.extend_from_slice(b"what follows a goodbye");
        let received = deliver(&mut server, &output.records, 7);
        assert!(received.plaintext == b"last" && server.has_ended() && !client.has_ended());
        let mut output = Output::default();
        server.encrypt(b"heard", &mut output).unwrap();
        server.say_goodbye(&mut output).unwrap();
        assert_eq!(deliver(&mut client, &output.records, 7).plaintext, b"heard");
        assert!(client.has_ended());
    }
}

#[test]
fn a_handshakes_end_and_data_and_a_goodbye_may_come_together() {
    let (mut client, mut server) = pair(&TLS13);
    let mut output = Output::default();
    client.begin(&mut output).unwrap();
    let answer = deliver(&mut server, &output.records, LEASE_BYTES);
    let mut output = Output::default();
    client.on_ciphertext(&mut answer.records.clone(), &mut output).unwrap();
    client.encrypt(b"short", &mut output).unwrap();
    client.say_goodbye(&mut output).unwrap();
    let received = deliver(&mut server, &output.records, LEASE_BYTES);
    assert!(received.plaintext == b"short" && server.is_open() && server.has_ended());
}

#[test]
fn a_changed_byte_anywhere_is_noticed_by_one_end_and_no_panic() {
    let mut rng = Rng::from_seed(5);
    for version in [&TLS12, &TLS13] {
        for _ in 0..60 {
            let (mut client, mut server) = pair(version);
            let mut output = Output::default();
            client.begin(&mut output).unwrap();
            let mut hello = output.records;
            let at = rng.below(hello.len() as u64) as usize;
            hello[at] ^= 1 + rng.below(255) as u8;
            let mut answer = Output::default();
            if server.on_ciphertext(&mut hello, &mut answer).is_err() {
                assert!(!server.is_open(), "byte {at}");
                continue;
            }
            // What is in random, session id and the like is noticed by who compares transcripts: the client.
            let mut reply = Output::default();
            let refused = client.on_ciphertext(&mut answer.records.clone(), &mut reply).is_err();
            assert!(refused || !server.is_open(), "byte {at}");
        }
        let (mut client, mut server) = pair(version);
        shake_hands(&mut client, &mut server, LEASE_BYTES);
        let mut output = Output::default();
        client.encrypt(b"untouched", &mut output).unwrap();
        *output.records.last_mut().unwrap() ^= 1;
        let mut answer = Output::default();
        server.on_ciphertext(&mut output.records, &mut answer).expect_err("it was tampered with");
        assert!(answer.plaintext.is_empty() && !answer.records.is_empty());
    }
}

#[test]
fn a_message_in_crumbs_is_refused_before_it_takes_much_memory() {
    let (_, mut server) = pair(&TLS13);
    // A ClientHello of 60,000 bytes, a byte in each record.
    let header = [1, 0, 0xea, 0x60];
    let mut output = Output::default();
    let crumbs = header.into_iter().chain(std::iter::repeat_n(0, 60_000));
    let bytes: Vec<u8> = crumbs.flat_map(|byte| [22, 3, 1, 0, 1, byte]).collect();
    let refused =
        bytes.chunks(LEASE_BYTES).any(|piece| server.on_ciphertext(&mut piece.to_vec(), &mut output).is_err());
    assert!(refused && server.incoming.len() <= TLS_INCOMING_BYTES_MAX + LEASE_BYTES);
}
