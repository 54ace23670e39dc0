//! A bad network as text: `loss=1%,duplicate=2%,reorder=5%,overtaken=3,corrupt=0.1%,flips=1,truncate=1%,delay=20ms,jitter=5ms,
//! rate=10M,queue=64KiB,seed=7`. A name with `in.` or `out.` before it concerns that direction (seen from the engine), one
//! without concerns both.

use std::str::FromStr;

use crore_base::units::{parse_bytes, parse_count, parse_duration};
use crore_nic::{Chance, Faults};

/// What both directions do to frames, and the seed of their dice.
#[derive(Copy, Clone, Default, Debug)]
pub(crate) struct Both {
    pub(crate) incoming: Faults,
    pub(crate) outgoing: Faults,
    pub(crate) seed: u64,
}

impl FromStr for Both {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut both = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').ok_or_else(|| format!("{item:?} has not the form NAME=VALUE"))?;
            if name == "seed" {
                both.seed = value.parse().map_err(|_| format!("{value:?} is no seed, a number"))?;
            } else if let Some(name) = name.strip_prefix("in.") {
                set(&mut both.incoming, name, value)?;
            } else if let Some(name) = name.strip_prefix("out.") {
                set(&mut both.outgoing, name, value)?;
            } else {
                set(&mut both.incoming, name, value)?;
                set(&mut both.outgoing, name, value)?;
            }
        }
        Ok(both)
    }
}

fn set(faults: &mut Faults, name: &str, value: &str) -> Result<(), String> {
    match name {
        "loss" => faults.loss = chance(value)?,
        "duplicate" => faults.duplication = chance(value)?,
        "reorder" => faults.reordering = chance(value)?,
        "overtaken" => {
            faults.overtaken_by_max = value.parse().map_err(|_| format!("{value:?} is no number of frames"))?;
        }
        "corrupt" => faults.corruption = chance(value)?,
        "flips" => faults.flipped_bits_max = value.parse().map_err(|_| format!("{value:?} is no number of bits"))?,
        "truncate" => faults.truncation = chance(value)?,
        "delay" => faults.delay = parse_duration(value).map_err(|error| error.to_string())?,
        "jitter" => faults.jitter = parse_duration(value).map_err(|error| error.to_string())?,
        "rate" => faults.bits_per_second = parse_count(value).map_err(|error| error.to_string())?,
        "queue" => faults.queue_bytes_max = parse_bytes(value).map_err(|error| error.to_string())?,
        _ => return Err(format!("no fault is called {name:?}")),
    }
    Ok(())
}

/// `5%`, `0.25%`: exact to a part in a million.
fn chance(text: &str) -> Result<Chance, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    match number {
        Some(percent) if (0.0..=100.0).contains(&percent) => {
            Ok(Chance::per_million((percent * 10_000.0).round() as u32))
        }
        _ => Err(format!("{text:?} is no chance; give 0% to 100%")),
    }
}
