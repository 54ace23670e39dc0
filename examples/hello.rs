//! The smallest HTTP server: `cargo run --release --example hello`, then `curl http://127.0.0.1:8000/`.

mod arguments;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::web::{Application, Response, Server, ServerOptions};

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), |listener| {
        let application = Application::new(()).get("/", async |_| Response::text("Hello, World!"));
        Server::new(application, ServerOptions::default()).serve(listener)
    })
}
