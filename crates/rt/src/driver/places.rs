//! Tables of a driver that are full, and those that are not.

use std::io;

use crate::limits::WATCHES_PER_CORE_MAX;

/// The lowest free place of a small table, which grows up to its limit.
pub(crate) fn free_place<T>(table: &mut Vec<Option<T>>, what: &str) -> io::Result<u32> {
    let place = table.iter().position(Option::is_none).unwrap_or(table.len());
    if place >= WATCHES_PER_CORE_MAX as usize {
        return Err(io::Error::other(format!("this core has {WATCHES_PER_CORE_MAX} {what}, the most there can be")));
    }
    if place == table.len() {
        table.push(None);
    }
    Ok(place as u32)
}

/// The error of a connect for which there is no slot.
pub(crate) fn no_slot(limit: u32) -> io::Error {
    io::Error::other(format!(
        "this core holds {limit} connections, the most it may have: close some, or raise the limit"
    ))
}
