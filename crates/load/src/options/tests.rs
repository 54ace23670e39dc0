use super::*;

fn options(connections: u64) -> Options {
    Options { connections, ..Options::new("ws://127.0.0.1:8000") }
}

fn refused(options: &Options, parts: &[&str]) {
    match options.prepare().map(|prepared| prepared.plans.len()) {
        Err(LoadError::Usage(problem)) => {
            assert!(parts.iter().all(|part| problem.contains(part)), "{problem:?} lacks one of {parts:?}");
        }
        other => panic!("{other:?} instead of a refusal with {parts:?}"),
    }
}

#[test]
fn lanes_share_all_connections_and_one_of_them_publishes() {
    let options = Options { processes: Some(3), publish_rate: Some(5), ..options(1_000) };
    let prepared = options.prepare().unwrap();
    let counts: Vec<u64> = prepared.plans.iter().map(|plan| plan.connections).collect();
    assert_eq!(counts, [334, 333, 333]);
    assert_eq!(prepared.plans.iter().filter(|plan| plan.publisher.is_some()).count(), 1);
    assert_eq!(prepared.plans[0].publisher.as_ref().unwrap().api.path, "/api");
}

#[test]
fn processes_follow_from_the_limit_of_descriptors() {
    assert_eq!(options(19_936).lanes(20_000), Ok(1));
    assert_eq!(options(19_937).lanes(20_000), Ok(2));
    assert_eq!(options(100_000).lanes(20_000), Ok(6));
    let error = Options { processes: Some(2), ..options(100_000) }.lanes(20_000).unwrap_err().to_string();
    assert!(error.contains("--processes 2") && error.contains("need 6"), "{error}");
    assert!(options(10_000_000).lanes(1_024).is_err());
    assert_eq!(options(10_000_000).lanes(12_000_000), Ok(1));
}

#[test]
fn requests_take_the_rate_for_themselves() {
    let options = Options { rate: Some(77), ..Options::new("http://127.0.0.1:8000/health") };
    let plan = &options.prepare().unwrap().plans[0];
    assert_eq!((plan.request_rate, plan.connect_rate), (Some(77), CONNECT_RATE_DEFAULT));
}

#[test]
fn what_cannot_be_done_is_refused_with_value_and_limit() {
    refused(&options(0), &["--connections 0", "at least 1"]);
    refused(&options(CONNECTIONS_MAX + 1), &["--connections", "at most"]);
    refused(&Options { rate: Some(0), ..options(1) }, &["--rate 0", "at least 1"]);
    refused(&Options { payload_bytes: PAYLOAD_BYTES_MAX + 1, ..options(1) }, &["--payload", "at most 8388608"]);
    refused(&Options { processes: Some(9), ..options(8) }, &["--processes 9", "at most 8"]);
}

#[test]
fn words_and_addresses_that_mean_nothing_here_are_refused_by_name() {
    refused(&Options { channel: String::new(), ..options(1) }, &["--channel"]);
    refused(&Options { io: "magic".into(), ..options(1) }, &["--io \"magic\"", "epoll"]);
    refused(&Options { server_pid: Some(u32::MAX), ..options(1) }, &["--server-pid 4294967295"]);
    refused(&Options { sources: vec!["127.0.0.9".into()], ..options(1_000_000) }, &["--source", "1 source"]);
    refused(&Options { publish_rate: Some(1), ..Options::new("http://127.0.0.1:1") }, &["--publish-rate"]);
    refused(&Options { publish_rate: Some(1), api_url: Some("ws://x".into()), ..options(1) }, &["--api-url"]);
    refused(&Options { publish_rate: Some(1), api_key: Some("a\nb".into()), ..options(1) }, &["--api-key"]);
}

#[test]
fn an_event_stream_asks_the_api_where_the_channel_is() {
    let prepared = Options::new("sse+http://127.0.0.1:8000").prepare().unwrap();
    assert_eq!(prepared.plans[0].publisher.as_ref().map(|plan| plan.rate), Some(None));
}
