//! The smallest server: every request to `/` is answered with a line of text, on one core.
//!
//! `cargo run --release --example hello -- 127.0.0.1:8000`

use crore_rt::Runtime;
use crore_rt::net::{ListenOptions, TcpListener};
use crore_web::{Application, Response, Server, ServerOptions};

fn main() {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let address = address.parse().expect("the argument is an address and port, like 127.0.0.1:8000");
    Runtime::builder().workers(1).build().expect("a core and a few descriptors are free").block_on(async move {
        let listener = TcpListener::bind(address, &ListenOptions::default()).expect("the address is free");
        let application = Application::new(()).get("/", async |_| Response::text("Hello, world!"));
        Server::new(application, ServerOptions::default()).serve(listener).await.expect("the listener works");
    });
}
