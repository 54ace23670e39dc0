//! What is refused before a model runs, and why.

use super::{MODELS, Place, find, serve};
use crate::service::Protocol;

fn place() -> Place {
    Place {
        protocol: Protocol::Http,
        address: ([127, 0, 0, 1], 0).into(),
        workers: 1,
        io: None,
        data: "/nowhere/at-all".into(),
    }
}

fn refusal(name: &str, place: &Place) -> String {
    serve(name, place).unwrap_err().to_string()
}

#[test]
fn an_unknown_model_is_refused_with_the_names_of_all() {
    let text = refusal("kqueue", &place());
    assert!(text.contains("\"kqueue\"") && MODELS.iter().all(|model| text.contains(model.name)), "{text}");
}

#[test]
fn no_two_models_have_one_name() {
    for model in MODELS {
        assert_eq!(find(model.name).unwrap().title, model.title);
        assert_eq!(MODELS.iter().filter(|other| other.name == model.name).count(), 1, "{}", model.name);
    }
}

#[test]
fn workers_out_of_range_are_refused_with_the_range() {
    for workers in [0, 1_025] {
        let text = refusal("iterative", &Place { workers, ..place() });
        assert!(text.contains(&workers.to_string()) && text.contains("1 to 1024"), "{text}");
    }
}

#[test]
fn a_protocol_that_a_model_does_not_speak_is_refused() {
    assert!(refusal("udp", &place()).contains("http"));
    assert!(refusal("cgi", &Place { protocol: Protocol::Echo, ..place() }).contains("echo"));
}

#[test]
fn a_data_file_that_is_not_there_is_named() {
    for name in ["iterative", "cgi", "epoll"] {
        assert!(refusal(name, &place()).contains("/nowhere/at-all"), "{name}");
    }
}

#[test]
fn an_address_that_is_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = refusal("iterative", &Place { protocol: Protocol::Echo, address, ..place() });
    assert!(text.contains(&address.to_string()), "{text}");
}

#[test]
fn a_model_that_needs_a_device_says_so() {
    let without = refusal("wire", &place());
    assert!(without.contains("wire:NAME"), "{without}");
    let other = refusal("wire", &Place { io: Some("tap:lab0".to_owned()), ..place() });
    assert!(other.contains("tap:lab0"), "{other}");
}

#[test]
fn who_would_fork_with_several_threads_is_refused() {
    // The test's own thread is not the only one here.
    let text = refusal("fork", &Place { protocol: Protocol::Echo, ..place() });
    assert!(text.contains("threads"), "{text}");
}
