//! Two models.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use crate::service::Protocol;

/// Where a model serves.
#[derive(Clone, Debug)]
pub struct Place {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// Threads or processes, where the model has a number of them.
    pub workers: usize,
    /// The device, for the models that need one.
    pub io: Option<String>,
    /// The file that `GET /disk` reads.
    pub data: PathBuf,
}

/// A model.
#[derive(Debug)]
pub struct Model {
    /// The name it is chosen by.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A paragraph.
    pub story: &'static str,
    /// What it serves.
    pub serves: &'static [Protocol],
    /// Serves until the end of standard input.
    pub serve: fn(&Place) -> io::Result<()>,
    /// Why it cannot be run here, if so.
    pub refusal: fn() -> Option<String>,
}

/// Serves the model of this name.
///
/// # Errors
/// There is no such model; what it meets.
pub fn serve(name: &str, place: &Place) -> io::Result<()> {
    let model = MODELS.iter().find(|model| model.name == name);
    let unknown = || io::Error::new(io::ErrorKind::InvalidInput, format!("there is no model {name:?}"));
    (model.ok_or_else(unknown)?.serve)(place)
}

/// All models.
pub const MODELS: &[Model] = &[
    Model {
        name: "thread",
        title: "a thread a connection",
        story: "Each connection has a thread that blocks in read.",
        serves: &[Protocol::Echo],
        serve: threads,
        refusal: || None,
    },
    Model {
        name: "iterative",
        title: "one blocking thread",
        story: "One connection is served to its end, then the next.",
        serves: &[Protocol::Echo],
        serve: iterative,
        refusal: || None,
    },
];

fn listen(place: &Place) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(place.address)?;
    println!("listening on {}", listener.local_addr()?);
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    Ok(listener)
}

fn threads(place: &Place) -> io::Result<()> {
    for stream in listen(place)?.incoming() {
        let stream = stream?;
        thread::spawn(move || echo(stream));
    }
    Ok(())
}

fn iterative(place: &Place) -> io::Result<()> {
    for stream in listen(place)?.incoming() {
        let _ = echo(stream?);
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
