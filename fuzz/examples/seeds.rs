//! Writes one valid input of every kind to `corpus/TARGET`, for a fuzzer to start from. Run it in the folder `fuzz`.

use std::fs;
use std::path::Path;

use crore_fuzz::{lives, messages, seeds};

fn main() -> std::io::Result<()> {
    for (target, inputs) in [
        ("frame", seeds::frames()),
        ("tcp_header", seeds::tcp_headers()),
        ("connection", lives::connections()),
        ("pair", lives::pairs()),
        ("request", messages::requests()),
        ("response", messages::responses()),
        ("body", messages::bodies()),
        ("websocket", messages::websockets()),
        ("sse", messages::streams()),
        ("query", messages::queries()),
    ] {
        let folder = Path::new("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), input)?;
        }
        println!("{}: {} seeds", folder.display(), inputs.len());
    }
    Ok(())
}
