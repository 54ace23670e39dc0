//! What holds in the end, and how mistakes are told.

use super::*;

fn from(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let layer: Layer = toml::from_str(file).map_err(|error| error.to_string())?;
    let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Layer::from_environment(environment).map_err(|error| error.to_string())?;
    Config::decide(layer.under(environment), true).map_err(|error| error.to_string())
}

#[test]
fn without_a_configuration_it_is_a_playground_on_loopback() {
    let config = Config::load(None, [], Layer::default()).expect("the defaults hold");
    assert!(config.playground && config.allow_anonymous && !config.insecure);
    assert_eq!(config.listen, [DEFAULT_LISTEN.parse().expect("an address")]);
    let namespace = config.namespace_of("anything:goes").expect("any namespace exists");
    assert!(namespace.allow_publish && namespace.recovers() && namespace.history_size == 100);
    assert!(!config.may_subscribe("$private", namespace), "a private channel still needs a token");
}

#[test]
fn a_playground_does_not_listen_elsewhere_unless_it_is_told_to_be_insecure() {
    let flags = |insecure| Layer {
        listen: Some(values::Addresses(vec!["0.0.0.0:8000".parse().expect("an address")])),
        insecure,
        ..Layer::default()
    };
    let error = Config::load(None, [], flags(None)).expect_err("it would be open to all").to_string();
    assert!(error.contains("0.0.0.0:8000") && error.contains("--insecure"), "{error}");
    assert!(Config::load(None, [], flags(Some(true))).is_ok());
}

#[test]
fn with_a_configuration_nothing_is_permitted_that_is_not_said() {
    let config = from("api_key = \"k\"\n[namespace.chat]\nallow_subscribe = true\n", &[]).expect("it is right");
    assert!(!config.playground && !config.allow_anonymous);
    assert!(config.namespace_of("other:room").is_none());
    let chat = config.namespace_of("chat:room").expect("it is configured");
    assert!(config.may_subscribe("chat:room", chat) && !config.may_publish(chat) && !chat.recovers());
    assert!(!config.may_subscribe("room", &config.without_namespace));
}

#[test]
fn the_environment_is_stronger_than_the_file_and_reads_every_kind_of_value() {
    let environment = [
        ("CRORE_PING_INTERVAL", "5s"),
        ("CRORE_PONG_TIMEOUT", "0"),
        ("CRORE_WORKERS", "3"),
        ("CRORE_ACCEPT", "handover"),
        ("CRORE_INSECURE", "true"),
        ("CRORE_API_KEY", "12345"),
        ("CRORE_QUEUE_BYTES", "64KiB"),
        ("CRORE_LISTEN", "127.0.0.1:1, [::1]:2"),
        ("CRORE_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let config = from("ping_interval = \"30s\"\naccept_rate = 500\n", &environment).expect("it is right");
    assert_eq!(config.ping_interval, Duration::from_secs(5));
    assert_eq!((config.pong_timeout, config.workers, config.accept_rate), (Duration::ZERO, 3, 500));
    assert_eq!(config.accept, crore_rt::net::Accept::Handover);
    assert_eq!((config.insecure, config.queue_bytes), (true, 65_536));
    assert_eq!((config.api_key.as_deref(), config.listen.len()), (Some("12345"), 2));
}

#[test]
fn tls_takes_a_certificate_and_its_key() {
    let folder = std::env::temp_dir().join(format!("crore-gateway-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it can be made");
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("it can be written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
    let text = |path: &Path| path.display().to_string();
    let file = format!("tls_certificate = {:?}\n", text(&chain));
    let config = from(&file, &[("CRORE_TLS_KEY", &text(&key))]).expect("they fit");
    assert_eq!(config.tls, Some(TlsFiles { certificate: chain.clone(), key: key.clone() }));
    let alone = from(&file, &[]).expect_err("a key is missing");
    assert!(alone.contains("chain.pem and tls_key is not given"), "{alone}");
    let swapped = from(&format!("tls_certificate = {:?}\ntls_key = {:?}", text(&key), text(&chain)), &[]);
    let swapped = swapped.expect_err("the key is no certificate");
    assert!(swapped.contains("key.pem: no certificate in it"), "{swapped}");
    std::fs::remove_dir_all(&folder).expect("it was just made");
}

#[test]
fn a_mistake_is_named_with_its_line() {
    for (file, parts) in [
        ("listen = \"127.0.0.1:1\"\npign_interval = \"5s\"\n", ["line 2", "pign_interval"]),
        ("ping_interval = \"5 lightyears\"\n", ["line 1", "lightyears"]),
        ("\n\n[namespace.chat]\nhistory_sice = 3\n", ["line 4", "history_sice"]),
        ("listen = \"localhost\"\n", ["line 1", "localhost"]),
        ("ping_interval = \"5s\"\npong_timeout = \"6s\"\n", ["pong_timeout is 6s", "5s"]),
        ("accept = \"fifo\"\n", ["line 1", "per-worker, handover or shared"]),
        ("accept = \"shared\"\nio = \"wire:a\"\n", ["accept is shared", "per-worker"]),
        ("workers = 1000\n", ["1000", "128"]),
        ("io = \"kqueue9\"\n", ["kqueue9", "epoll"]),
    ] {
        let error = from(file, &[]).expect_err("it is wrong");
        assert!(parts.iter().all(|part| error.contains(part)), "{file:?}: {error}");
    }
    let error = from("", &[("CRORE_WORKERS", "many")]).expect_err("it is no count");
    assert!(error.contains("CRORE_WORKERS") && error.contains("many"), "{error}");
    let names = ["CRORE_LISTN", "CRORE_LISTEN", "CRORE_LOG", "PATH"];
    assert_eq!(unknown_variables(names), ["CRORE_LISTN"]);
}
