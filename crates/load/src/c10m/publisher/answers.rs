//! The answers to publications: read as they come, in the order of the requests.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use super::Beat;
use crate::c10m::pilot::Interrupts;
use crate::error::LoadError;
use crate::lane::http::{Answer, Answers};
use crate::limits::API_DEADLINE;
use crate::stamp::Stamp;

/// What writing and reading know of each other.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) sent: AtomicU64,
    pub(super) answered: AtomicU64,
    /// Nothing more is written.
    pub(super) written: AtomicBool,
    /// Nothing more is read.
    pub(super) over: AtomicBool,
}

impl Flight {
    /// Reads an answer for each request: the last offset of each channel.
    pub(super) fn read(
        &self,
        mut input: TcpStream,
        mut answers: Answers,
        beat: &Beat,
        interrupts: &Interrupts,
    ) -> Result<BTreeMap<u32, u32>, LoadError> {
        let mut tops = BTreeMap::new();
        let (mut taken, mut since) = (0, Stamp::of_machine());
        loop {
            interrupts.check()?;
            let (written, sent) = (self.written.load(SeqCst), self.sent.load(SeqCst));
            if taken == sent {
                if written {
                    return Ok(tops);
                }
                since = Stamp::of_machine(); // nothing is due
            }
            let before = taken;
            read_some(&mut input, &mut answers, since, |offset| {
                tops.insert(beat.channel(taken), offset);
                taken += 1;
            })?;
            if taken > before {
                since = Stamp::of_machine();
                self.answered.store(taken, SeqCst);
            }
        }
    }
}

/// Reads what is there, at most for a moment, and hands over the offset of each answer.
pub(super) fn read_some(
    stream: &mut TcpStream,
    answers: &mut Answers,
    since: Stamp,
    mut each: impl FnMut(u32),
) -> Result<(), LoadError> {
    let mut bytes = [0; 16 * 1_024];
    let read = match stream.read(&mut bytes) {
        Ok(0) => return Err(broken("closed by the gateway")),
        Ok(read) => read,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            return match Stamp::of_machine().since(since) > API_DEADLINE {
                true => Err(broken(format!("no answer within {API_DEADLINE}"))),
                false => Ok(()),
            };
        }
        Err(error) => return Err(broken(error)),
    };
    let mut problem = None;
    let taken = answers.take(&bytes[..read], |answer| match offset(answer) {
        Ok(offset) => each(offset),
        Err(why) => problem = Some(why),
    });
    taken.map_err(broken)?;
    problem.map_or(Ok(()), |why| Err(broken(why)))
}

/// The offset in an answer: every channel of the run has a log.
fn offset(answer: &Answer<'_>) -> Result<u32, String> {
    let offset = answer.offset()?.ok_or_else(|| "an answer without an offset".to_owned())?;
    u32::try_from(offset).map_err(|_| format!("offset {offset} is beyond {}, which a run never gets to", u32::MAX))
}

/// Publishing cannot go on.
pub(super) fn broken(why: impl std::fmt::Display) -> LoadError {
    LoadError::Broken(format!("publishing: {why}"))
}
