//! TCP that says back what it hears: `cargo run --release --example echo`, then `nc 127.0.0.1 8000`.

mod arguments;

use std::io;
use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), accept)
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    loop {
        let stream = listener.accept().await?;
        // A core that has no room for another task drops the connection, which closes it.
        let _ = crore::spawn_detached(echo(stream));
    }
}

/// While it waits, this task owns its stream and nothing else: the buffer is the core's, lent for as long as there are bytes.
async fn echo(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.send(&bytes[..]).is_err() || stream.sendable().await.is_err() {
            break;
        }
    }
}
