//! One model in a process of its own, as the hidden `crore lab --serve` runs it: for this crate's tests, and for who wants to look at a
//! model without the rest of crore.
//!
//! `lab-model lab --serve NAME [--protocol echo|http] [--listen ADDR] [--workers N] [--io DEVICE] [--data FILE]`

use std::env::args;
use std::io;
use std::process::ExitCode;
use std::str::FromStr;

use crore_lab::{Place, Protocol, answer, serve};

fn main() -> ExitCode {
    match run(args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> io::Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["lab", "--answer"] => answer(),
        ["lab", "--serve", name, ref flags @ ..] => serve(name, &place(flags)?),
        _ => Err(invalid(
            "usage: lab-model lab --serve NAME [--protocol P] [--listen ADDR] [--workers N] [--io DEVICE] [--data FILE]",
        )),
    }
}

fn place(flags: &[&str]) -> io::Result<Place> {
    let mut place = Place {
        protocol: Protocol::Http,
        address: ([127, 0, 0, 1], 0).into(),
        workers: 2,
        io: None,
        data: "/dev/null".into(),
    };
    for flag in flags.chunks(2) {
        match flag {
            ["--protocol", value] => place.protocol = parse(value)?,
            ["--listen", value] => place.address = parse(value)?,
            ["--workers", value] => place.workers = parse(value)?,
            ["--io", value] => place.io = Some((*value).to_owned()),
            ["--data", value] => place.data = value.into(),
            [flag, ..] => return Err(invalid(&format!("{flag} is no flag, or has no value"))),
            [] => unreachable!("a chunk has something in it"),
        }
    }
    Ok(place)
}

fn parse<T: FromStr<Err: std::fmt::Display>>(value: &str) -> io::Result<T> {
    value.parse().map_err(|error| invalid(&format!("{value}: {error}")))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
