//! The agent's pool, retries and redirects, in simulated worlds.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::{Fields, Status};
use crore_rt::net::{ListenOptions, TcpListener, TcpStream};
use crore_rt::{JoinHandle, spawn, time};
use crore_web::client::{Agent, AgentCounts, AgentOptions, ClientError, ClientOptions};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const IDLE: AgentCounts = AgentCounts { busy: 0, kept: 0, waiting: 0 };

/// What a server of a test has seen.
#[derive(Default)]
struct Seen {
    connections: Cell<usize>,
    open: Cell<usize>,
    open_max: Cell<usize>,
    requests: RefCell<Vec<String>>,
}

/// A server that answers each request after a while with what `answer` says for its head; without an answer it ends the connection.
fn serve(pause: Duration, answer: impl Fn(usize, &str) -> Option<String> + 'static) -> (SocketAddr, Rc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let (address, seen) = (listener.local_addr(), Rc::new(Seen::default()));
    let (watched, answer) = (Rc::clone(&seen), Rc::new(answer));
    spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let (seen, answer) = (Rc::clone(&watched), Rc::clone(&answer));
            seen.connections.set(seen.connections.get() + 1);
            seen.open.set(seen.open.get() + 1);
            seen.open_max.set(seen.open_max.get().max(seen.open.get()));
            spawn(async move {
                serve_connection(stream, pause, &seen, &*answer).await;
                seen.open.set(seen.open.get() - 1);
            })
            .detach();
        }
    })
    .detach();
    (address, seen)
}

async fn serve_connection(
    mut stream: TcpStream,
    pause: Duration,
    seen: &Seen,
    answer: &impl Fn(usize, &str) -> Option<String>,
) {
    for served in 0.. {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.recv().await {
                Ok(lease) if !lease.is_empty() => head.extend_from_slice(&lease),
                _ => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        seen.requests.borrow_mut().push(head.clone());
        time::sleep(pause).await;
        let Some(answer) = answer(served, &head) else { return };
        if stream.send(answer).is_err() {
            return;
        }
    }
}

fn agent(connections_per_host: usize, connections: usize) -> Agent {
    Agent::new(AgentOptions { connections_per_host, connections, ..AgentOptions::default() })
}

fn get(agent: &Agent, url: String) -> JoinHandle<Result<String, ClientError>> {
    let agent = agent.clone();
    spawn(async move { Ok(agent.get(&url).await?.text()) })
}

#[crore_rt::test(seeds = 20)]
async fn a_host_has_as_many_connections_as_it_may_and_requests_wait_in_order() {
    let (address, seen) = serve(Duration::from_secs(1), |_, _| Some(OK.into()));
    let agent = agent(4, 100);
    let started = time::now();
    let mut asked = Vec::new();
    for number in 0..20 {
        asked.push(get(&agent, format!("http://{address}/{number}")));
        // In this order they come to the queue.
        crore_rt::yield_now().await;
    }
    time::sleep(Duration::from_millis(500)).await;
    assert_eq!(agent.counts(), AgentCounts { busy: 4, kept: 0, waiting: 16 });
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap(), "ok");
    }
    let took = (time::now() - started).as_millis();
    assert!((5000..5200).contains(&took), "five rounds of a second each, not {took} ms");
    assert_eq!((seen.open_max.get(), seen.connections.get()), (4, 4));
    let number = |head: &String| head.split(['/', ' ']).nth(2).unwrap().parse::<usize>().unwrap();
    let rounds: Vec<Vec<usize>> =
        seen.requests.borrow().chunks(4).map(|round| round.iter().map(number).collect()).collect();
    for (round, mut numbers) in rounds.into_iter().enumerate() {
        numbers.sort_unstable();
        assert_eq!(numbers, (round * 4..round * 4 + 4).collect::<Vec<_>>());
    }
    assert_eq!(agent.counts(), AgentCounts { busy: 0, kept: 4, waiting: 0 });
}

#[crore_rt::test(seeds = 20)]
async fn all_hosts_together_have_a_limit_and_none_is_starved() {
    let (one, seen_one) = serve(Duration::from_secs(1), |_, _| Some(OK.into()));
    let (two, seen_two) = serve(Duration::from_secs(1), |_, _| Some(OK.into()));
    let agent = agent(10, 3);
    let mut asked: Vec<_> = (0..9).map(|_| get(&agent, format!("http://{one}/"))).collect();
    crore_rt::yield_now().await;
    let late = get(&agent, format!("http://{two}/"));
    crore_rt::yield_now().await;
    asked.extend((0..9).map(|_| get(&agent, format!("http://{one}/"))));
    assert_eq!(late.await.unwrap().unwrap(), "ok");
    assert!(seen_one.requests.borrow().len() <= 13, "the other host is served in its turn");
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    assert!(seen_one.open_max.get() <= 3 && seen_two.open_max.get() == 1);
    let AgentCounts { busy, kept, waiting } = agent.counts();
    assert!(busy == 0 && kept <= 3 && waiting == 0);
}

#[crore_rt::test(seeds = 20)]
async fn a_connection_that_was_ended_meanwhile_costs_no_request() {
    // The server answers once, says nothing about the end, and ends with the second request in its hands.
    let (address, seen) = serve(Duration::ZERO, |served, _| (served == 0).then(|| OK.into()));
    let agent = agent(1, 1);
    let url = format!("http://{address}/");
    for _ in 0..3 {
        assert_eq!(agent.get(&url).await.unwrap().text(), "ok");
    }
    assert_eq!(seen.connections.get(), 3);
    let posted = agent.request("POST", &url, &Fields::new(), b"").await;
    assert!(
        matches!(posted, Err(ClientError::Ended | ClientError::Io(_))),
        "what may not be done twice is not sent twice"
    );
    assert_eq!(agent.counts(), IDLE);
}

#[crore_rt::test(seeds = 10)]
async fn a_kept_connection_is_closed_when_its_time_is_over() {
    let (address, seen) = serve(Duration::ZERO, |_, _| Some(OK.into()));
    let agent = agent(4, 4);
    agent.get(&format!("http://{address}/")).await.unwrap();
    time::sleep(Duration::from_secs(14)).await;
    assert_eq!((agent.counts().kept, seen.open.get()), (1, 1));
    time::sleep(Duration::from_secs(2)).await;
    assert_eq!((agent.counts().kept, seen.open.get()), (0, 0));
    agent.get(&format!("http://{address}/")).await.unwrap();
    drop(agent);
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(seen.open.get(), 0, "an agent takes its connections with it");
}

#[crore_rt::test(seeds = 10)]
async fn who_gives_up_leaves_the_queue_and_frees_the_place() {
    let (address, _) = serve(Duration::from_secs(1000), |_, _| Some(OK.into()));
    let agent = Agent::new(AgentOptions {
        connections_per_host: 1,
        waiting: 2,
        client: ClientOptions { response_timeout: Duration::from_secs(5), ..ClientOptions::default() },
        ..AgentOptions::default()
    });
    let url = format!("http://{address}/");
    let asked: Vec<_> = (0..4).map(|_| get(&agent, url.clone())).collect();
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!((agent.counts().busy, agent.counts().waiting), (1, 2));
    let mut errors = Vec::new();
    for answer in asked {
        errors.push(answer.await.unwrap().unwrap_err().to_string());
    }
    assert_eq!(errors[..3], ["no complete answer in time"; 3]);
    assert!(errors[3].starts_with("2 requests wait for a connection already"), "{}", errors[3]);
    assert_eq!(agent.counts(), IDLE);
    // A request that is dropped counts as given up.
    let asked = get(&agent, url.clone());
    let waiting = get(&agent, url);
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!((agent.counts().busy, agent.counts().waiting), (1, 1));
    drop((waiting, asked));
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.counts(), IDLE);
}

fn redirecting(status: &'static str, to: &'static str) -> impl Fn(usize, &str) -> Option<String> {
    move |_, head| match head.contains(" /from") {
        true => Some(format!("HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")),
        false => Some(OK.into()),
    }
}

#[crore_rt::test(seeds = 5)]
async fn redirects_are_followed_as_their_status_says() {
    for (method, status, then) in [
        ("GET", "301", "GET"),
        ("POST", "302", "GET"),
        ("PUT", "303", "GET"),
        ("HEAD", "303", "HEAD"),
        ("POST", "307", "POST"),
        ("DELETE", "308", "DELETE"),
    ] {
        // A body would hold the answer up for no purpose here: `serve` reads heads only.
        let (address, seen) = serve(Duration::ZERO, redirecting(status, "../to?x"));
        let agent = agent(1, 1);
        let mut fields = Fields::new();
        fields.push("Authorization", "Bearer x").unwrap();
        fields.push("Content-Type", "text/plain").unwrap();
        let answer = agent.request(method, &format!("http://{address}/from/here"), &fields, &[]).await.unwrap();
        assert_eq!(answer.head.status(), Status::OK);
        let last = seen.requests.borrow().last().unwrap().clone();
        assert!(last.starts_with(&format!("{then} /to?x HTTP/1.1\r\n")), "{last}");
        assert!(last.contains("Authorization"), "the same host may know");
        assert_eq!(last.contains("Content-Type"), then != "GET" || method == "GET", "{last}");
        assert_eq!(seen.connections.get(), 1);
    }
}

#[crore_rt::test(seeds = 5)]
async fn redirects_have_an_end_and_secrets_stay_where_they_belong() {
    let (circle, seen) = serve(Duration::ZERO, redirecting("302", "/from"));
    let agent = agent(8, 8);
    let url = format!("http://{circle}/from");
    assert!(matches!(agent.get(&url).await, Err(ClientError::TooManyRedirects { limit: 10 })));
    assert_eq!((seen.requests.borrow().len(), seen.connections.get()), (11, 1));
    let (other, seen) = serve(Duration::ZERO, |_, _| Some(OK.into()));
    let location = format!("http://{other}/");
    let (address, _) = serve(Duration::ZERO, move |_, _| {
        Some(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
    });
    let mut fields = Fields::new();
    fields.push("Authorization", "Bearer x").unwrap();
    fields.push("Accept", "text/html").unwrap();
    agent.request("GET", &format!("http://{address}/"), &fields, &[]).await.unwrap();
    let head = seen.requests.borrow()[0].clone();
    assert!(!head.contains("Bearer") && head.contains("Accept: text/html"), "{head}");
    let plain = Agent::new(AgentOptions { redirects: 0, ..AgentOptions::default() });
    assert_eq!(plain.get(&url).await.unwrap().head.status(), Status::FOUND);
}

#[crore_rt::test]
async fn what_cannot_be_asked_for_is_refused_with_a_reason() {
    let agent = agent(1, 1);
    for (url, error) in [
        ("https://localhost/", "https needs TLS, which this client was not given: set ClientOptions::tls"),
        ("localhost/", "\"localhost/\" is no URL that begins with http:// or https://"),
    ] {
        assert_eq!(agent.get(url).await.unwrap_err().to_string(), error);
    }
    assert_eq!(agent.counts(), IDLE);
}
