//! The figures that a plan is made from, each with its source. Nothing else in the plan has a number that was measured or
//! assumed.
//!
//! | | |
//! |---|---|
//! | `figures/measured.rs` | by this project's own commands: one table, with machine, date and command. New figures go there |
//! | `figures/specified.rs` | in a standard, or in a document or a source file of this project |
//! | `figures/assumed.rs` | by nobody here: each says what would replace it |
//! | `figures/stack.rs` | which of them make up each way to hold connections |

mod assumed;
mod figure;
mod measured;
mod specified;
mod stack;

use std::collections::HashSet;

use assumed::KERNEL_PUSH;
pub(super) use assumed::{EFFICIENCY, RESERVE, ROUND_TRIP};
pub(super) use figure::{Figure, Origin};
pub(super) use measured::{
    CONNECT_DATA_IN, CONNECT_DATA_OUT, CONNECT_FRAMES_IN, CONNECT_FRAMES_OUT, CONNTRACK, HELD, PROGRAM,
};
pub(super) use specified::{ENVELOPE, ETHERNET, FRAME_MIN, IP_HEADER, MTU, TCP_HEADER};
#[cfg(test)]
pub(super) use stack::{EPOLL, OWN, SELECT, THREADS, URING};
pub(super) use stack::{STACKS, Stack};

/// All figures, for the list below a plan; one that several stacks rest on stands there once.
pub(super) fn all() -> Vec<Figure> {
    let mut figures = Vec::new();
    for stack in STACKS {
        figures.push(stack.user);
        figures.extend([stack.kernel, stack.core, stack.in_flight, stack.watched].into_iter().flatten());
        figures.extend(stack.time.iter().flat_map(|time| [time.connect, time.broadcast, time.ping]));
        figures.extend(stack.time.iter().filter_map(|time| time.push));
    }
    figures.extend([
        HELD,
        PROGRAM,
        RESERVE,
        EFFICIENCY,
        KERNEL_PUSH,
        ROUND_TRIP,
        ENVELOPE,
        ETHERNET,
        FRAME_MIN,
        IP_HEADER,
        TCP_HEADER,
        MTU,
    ]);
    figures.extend([CONNECT_FRAMES_IN, CONNECT_FRAMES_OUT, CONNECT_DATA_IN, CONNECT_DATA_OUT, CONNTRACK]);
    let mut seen = HashSet::new();
    figures.retain(|figure| seen.insert(figure.name));
    figures
}
