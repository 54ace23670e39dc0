//! Every model as a process of its own: what it serves, whom it survives, how it ends, and which system calls it makes.

mod behaviour;
mod client;
mod datagrams;
mod own_stack;
mod process;
mod system_calls;

use crore_lab::models::{self, MODELS};

/// The tests of every model that listens for connections, under its name.
macro_rules! models {
    ($($module:ident = $name:literal: $($test:ident)+;)+) => {
        $(mod $module {
            $(#[test]
            fn $test() {
                crate::run($name, crate::behaviour::$test);
            })+
        })+

        /// The models whose behaviour is tested here.
        const TESTED: &[&str] = &[$($name),+];
    };
}

/// The same, with the tests that are everybody's.
macro_rules! all_models {
    ($($module:ident = $name:literal: $($own:ident)*;)+) => {
        models! {
            $($module = $name:
                answers_http_in_order_to_several_clients
                survives_clients_that_reset
                serves_a_client_that_sends_byte_by_byte
                holds_little_for_a_client_that_never_reads
                serves_many_more_connections_than_workers
                answers_a_client_that_has_ended_its_direction
                lets_a_client_read_why_it_was_refused
                takes_its_children_with_it
                makes_the_calls_that_it_is_known_for
                $($own)*;)+
        }
    };
}

all_models! {
    iterative = "iterative": echoes_to_several_clients_in_order;
    fork = "fork": echoes_to_several_clients_in_order;
    cgi = "cgi": ;
    fastcgi = "fastcgi": goes_on_when_a_worker_dies;
    prefork = "prefork": echoes_to_several_clients_in_order replaces_children_that_die;
    thread = "thread": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    thread_pool = "thread-pool": echoes_to_several_clients_in_order;
    busy_poll = "busy-poll": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    sigio = "sigio": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    aio = "aio": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    single_reactor = "single-reactor": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    multi_process = "multi-process": echoes_to_several_clients_in_order replaces_children_that_die refuses_clients_when_no_descriptor_is_left;
    acceptor_threads = "acceptor-threads": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    half_async = "half-async": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    callbacks = "callbacks": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    stackful = "stackful": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    generator = "generator": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    tasks = "tasks": echoes_to_several_clients_in_order;
    preemptive = "preemptive": echoes_to_several_clients_in_order refuses_clients_when_no_descriptor_is_left;
    select = "select": echoes_to_several_clients_in_order;
    poll = "poll": echoes_to_several_clients_in_order;
    epoll_lt = "epoll-lt": echoes_to_several_clients_in_order;
    epoll = "epoll": echoes_to_several_clients_in_order;
    uring = "uring": echoes_to_several_clients_in_order;
    portable = "portable": echoes_to_several_clients_in_order;
}

/// Runs a test unless the model refuses to run here, and says why.
fn run(name: &str, test: fn(&str)) {
    let model = models::find(name).unwrap();
    match (model.refusal)() {
        Some(reason) => println!("skipped: {name}: {reason}"),
        None => test(name),
    }
}

#[test]
fn every_model_is_tested_or_has_a_reason_not_to_be() {
    // The first two have tests of their own, in `datagrams` and `own_stack`; the others need an interface or a card.
    let elsewhere = ["udp", "wire", "tap", "xdp", "dpdk"];
    for model in MODELS {
        let tested = TESTED.contains(&model.name);
        assert!(tested != elsewhere.contains(&model.name), "{}: tested here or elsewhere", model.name);
        assert!(!model.title.is_empty() && model.story.len() > 200, "{} has a title and a story", model.name);
        assert!(!model.serves.is_empty());
    }
    assert_eq!(MODELS.len(), TESTED.len() + elsewhere.len());
}
