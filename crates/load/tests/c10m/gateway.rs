//! The gateway of a run, started as `crore serve` is: good, lossy (behind a proxy that swallows one publication), or mute.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use crore_gateway::values::Addresses;
use crore_gateway::{Config, Gateway, Layer};
use crore_rt::Runtime;
use crore_rt::signal::{SIGTERM, Signals};

/// Serves until SIGTERM, and drains.
pub(crate) fn serve(arguments: &[OsString]) -> ExitCode {
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.to_str().map(str::to_owned)
    };
    if arguments[0] == "mute" {
        eprintln!("no voice");
        return ExitCode::FAILURE;
    }
    let file = PathBuf::from(value("--config").unwrap());
    let listen: SocketAddr = value("--listen").unwrap().parse().unwrap();
    let flags = Layer { listen: Some(Addresses(vec![listen])), ..Layer::default() };
    let config = Config::load(Some(&file), [], flags).unwrap();
    let is_lossy = arguments[0] == "lossy";
    let runtime = Runtime::builder().workers(1).driver(&value("--io").unwrap()).build().unwrap();
    runtime.block_on(async move {
        let mut signals = Signals::new(&[SIGTERM]).unwrap();
        let gateway = Gateway::start(config, 7).await.unwrap();
        let address = gateway.listening()[0];
        println!("listening on http://{}", if is_lossy { proxy(address) } else { address });
        println!("console, API and metrics on http://{}", gateway.admin().unwrap());
        signals.next().await;
        gateway.drain().await;
    });
    ExitCode::SUCCESS
}

/// Passes everything on but the first publication to the first connection.
fn proxy(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let server = TcpStream::connect(to).unwrap();
            let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, into, |bytes| bytes));
            let mut is_due = number == 0;
            let swallow = move |mut bytes: Vec<u8>| {
                // A publication of the broadcast comes whole in one read: nothing else is under way then.
                if is_due && let Some(at) = bytes.windows(6).position(|window| window == b"\"pub\":") {
                    let begin = bytes[..at].iter().rposition(|byte| *byte == 0x81).unwrap();
                    let length = usize::from(u16::from_be_bytes([bytes[begin + 2], bytes[begin + 3]])) + 4;
                    bytes.drain(begin..begin + length);
                    is_due = false;
                }
                bytes
            };
            thread::spawn(move || pass(server, client, swallow));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut into: TcpStream, mut change: impl FnMut(Vec<u8>) -> Vec<u8>) {
    let mut bytes = [0; 16 * 1_024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if into.write_all(&change(bytes[..read].to_vec())).is_err() {
            break;
        }
    }
    let _ = into.shutdown(Shutdown::Write);
}
