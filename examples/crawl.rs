//! Fetches ten thousand pages at once, with limits per host. Each page takes its own time, up to a second; with enough connections all of
//! them together take little longer than the slowest, and with fewer the rest wait in order.
//!
//! ```text
//! cargo run --release --example crawl
//! cargo run --release --example crawl -- --per-host 50
//! ```
//!
//! The pages are served by a second process, because each connection takes a descriptor at both ends. The hosts are loopback addresses.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use clap::Parser;
use crore::net::{ListenOptions, TcpListener};
use crore::time::{self, Duration};
use crore::web::client::{Agent, AgentOptions, ClientError, ClientOptions};
use crore::web::{Application, Request, Response, Server, ServerOptions};

/// Fetches many pages at once from servers on this machine.
#[derive(Parser)]
struct Arguments {
    /// Pages to fetch
    #[arg(long, default_value_t = 10_000)]
    pages: usize,
    /// Hosts that serve them, 1 to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=200))]
    hosts: u8,
    /// Connections to one host at a time
    #[arg(long, default_value_t = 500)]
    per_host: usize,
    /// Time of the slowest page, in milliseconds
    #[arg(long, default_value_t = 1000)]
    slowest_ms: u64,
    /// Serve the pages (what the second process does)
    #[arg(long, hide = true)]
    serve: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let descriptors = crore::raise_descriptor_limit();
    let needed = arguments.pages.min(usize::from(arguments.hosts) * arguments.per_host) + 100;
    if (needed as u64) > descriptors {
        let text = format!("{needed} descriptors are needed, and {descriptors} may be: lower --per-host or --pages");
        return Err(text.into());
    }
    let runtime = crore::Runtime::builder().workers(1).pin(false).build()?;
    match arguments.serve {
        true => runtime.block_on(serve(arguments)),
        false => runtime.block_on(crawl(arguments)),
    }
}

/// The server: one port on so many addresses. A page takes a time that follows from its number, and says how many milliseconds it is.
async fn serve(Arguments { hosts, slowest_ms, .. }: Arguments) -> Result<(), Box<dyn Error>> {
    let mut port = 0;
    let mut servers = Vec::new();
    for host in 1..=hosts {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), port));
        let listener = TcpListener::bind(address, &ListenOptions::default())?;
        port = listener.local_addr().port();
        let application = Application::new(slowest_ms).get("/page/{number}", page);
        servers.push(crore::spawn(Server::new(application, ServerOptions::default()).serve(listener)));
    }
    println!("{port}");
    for server in servers {
        server.await??;
    }
    Ok(())
}

async fn page(request: Request<u64>) -> Response {
    let number: u64 = request.parameter("number").parse().unwrap_or(0);
    let takes_ms = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (**request.state() + 1);
    time::sleep(Duration::from_millis(takes_ms)).await;
    Response::text(takes_ms.to_string())
}

/// The second process; it ends with this value.
struct Pages(Child);

impl Drop for Pages {
    fn drop(&mut self) {
        // One that has ended by itself needs neither.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn crawl(Arguments { pages, hosts, per_host, slowest_ms, .. }: Arguments) -> Result<(), Box<dyn Error>> {
    let mut server = Command::new(std::env::current_exe()?);
    server.args(["--serve", "--hosts", &hosts.to_string(), "--slowest-ms", &slowest_ms.to_string()]);
    let mut server = Pages(server.stdout(Stdio::piped()).spawn()?);
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().ok_or("the server has no output")?).read_line(&mut port)?;
    let port: u16 = port.trim().parse().map_err(|_| "the server did not begin")?;

    let agent = Agent::new(AgentOptions {
        connections_per_host: per_host,
        connections: usize::from(hosts) * per_host,
        waiting: pages,
        client: ClientOptions {
            connect_timeout: Duration::from_secs(60),
            response_timeout: Duration::from_secs(600),
            ..ClientOptions::default()
        },
        ..AgentOptions::default()
    });
    let began = time::precise_now();
    let fetch = |number: usize| {
        let (agent, host) = (agent.clone(), number % usize::from(hosts) + 1);
        crore::spawn(async move {
            let page = agent.get(&format!("http://127.0.0.{host}:{port}/page/{number}")).await?;
            Ok::<u64, ClientError>(page.text().parse().unwrap_or(0))
        })
    };
    let fetched: Vec<_> = (0..pages).map(fetch).collect();
    let mut times = Vec::with_capacity(pages);
    for page in fetched {
        times.push(page.await??);
    }
    let took = time::precise_now() - began;
    drop(server);
    let (slowest, sum) = (times.iter().max().copied().unwrap_or(0), times.iter().sum::<u64>());
    println!("{pages} pages of {hosts} hosts over at most {} connections", usize::from(hosts) * per_host);
    println!("all of them      {:>8.2} s", took.as_nanos() as f64 / 1e9);
    println!("the slowest page {:>8.2} s", slowest as f64 / 1e3);
    println!("one by one       {:>8.2} s", sum as f64 / 1e3);
    Ok(())
}
