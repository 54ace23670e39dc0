//! Messages from bytes.
//!
//! A frame that lies whole in the input is unmasked in place and lent, without a copy; only what comes in parts is
//! collected, in a buffer that grows with the bytes that really came and never by what a header declares. So a
//! connection that waits needs no decoder: when [`Decoder::is_idle`], drop it, and make another when bytes come.
//!
//! A compressed message is collected as it comes, and inflated in one go when it is complete; so one [`Inflater`] serves all
//! connections of a core, and none owns one while it waits.
//!
//! Not here: answering pings, the closing handshake, time. Text is checked as it comes, so a bad byte is found in the
//! middle of a frame that never ends.

use super::deflate::{Inflating, compressed_bytes_max};
use super::header::{self, HEADER_BYTES_MAX, Header};
use super::message::Message;
use super::{Opcode, Role, WsError, is_close_code, mask};
use crate::WsLimits;
use crate::limits::WS_CONTROL_BYTES_MAX;

#[cfg(test)]
mod tests;

/// A message or control frame, lent until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping; answer with a pong of the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer closes: answer with a close frame, then end the stream. What follows it is consumed and ignored.
    Close {
        /// Why, if it says so.
        code: Option<u16>,
        /// For people.
        reason: &'a str,
    },
}

/// Decodes one direction of a connection. About 100 bytes, and nothing allocated while idle.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    limits: WsLimits,
    /// The first bytes of a frame whose header is not complete.
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: u8,
    /// A frame whose payload is not complete.
    frame: Option<Frame>,
    /// What has come of a fragmented control frame.
    control: Vec<u8>,
    message: Option<Message>,
    /// The finished message in `lent` is what the last call returned.
    lent: Vec<u8>,
    is_closed: bool,
}

/// The payload that is coming in.
#[derive(Clone, Copy, Debug)]
struct Frame {
    header: Header,
    received: u64,
}

impl Decoder {
    /// A decoder at the start of a frame. Cheap: allocates nothing.
    pub fn new(role: Role, limits: &WsLimits) -> Self {
        Decoder {
            role,
            limits: *limits,
            header: [0; HEADER_BYTES_MAX],
            header_bytes: 0,
            frame: None,
            control: Vec::new(),
            message: None,
            lent: Vec::new(),
            is_closed: false,
        }
    }

    /// Whether nothing is buffered and no message is under way, so that this decoder may be dropped and a new one made
    /// when more bytes come. Not after a close frame, since a new one would not know of it.
    pub fn is_idle(&self) -> bool {
        self.header_bytes == 0 && self.frame.is_none() && self.message.is_none() && !self.is_closed
    }

    /// Takes bytes that follow those consumed before, and may change them. Returns how many were consumed, and the
    /// event they led to; without an event everything was. Call again with the rest until there is no event.
    ///
    /// Copies only what is incomplete; each byte is unmasked and checked once.
    ///
    /// # Errors
    /// Whatever [`WsError`] names. Close the connection with its code; the decoder is of no use afterwards.
    pub fn on_input<'a>(&'a mut self, input: &'a mut [u8]) -> Result<(usize, Option<Event<'a>>), WsError> {
        self.take(input, None)
    }

    /// As [`Decoder::on_input`], on a connection whose peer may compress its messages; always with the same history, if there is
    /// one. A message's bytes are inflated once, when it is complete.
    ///
    /// # Errors
    /// As [`Decoder::on_input`]; besides, what is no DEFLATE or becomes too long.
    pub fn on_compressed_input<'a>(
        &'a mut self,
        input: &'a mut [u8],
        inflating: Inflating<'a>,
    ) -> Result<(usize, Option<Event<'a>>), WsError> {
        self.take(input, Some(inflating))
    }

    fn take<'a>(
        &'a mut self,
        input: &'a mut [u8],
        inflating: Option<Inflating<'a>>,
    ) -> Result<(usize, Option<Event<'a>>), WsError> {
        self.lent = Vec::new();
        if self.is_closed {
            return Ok((input.len(), None));
        }
        let mut at = 0;
        while at < input.len() {
            if self.frame.is_none() {
                at += self.begin_frame(&input[at..], inflating.is_some())?;
            }
            let Some(frame) = self.frame else { break };
            let left = frame.header.length - frame.received;
            let taken = usize::try_from(left).map_or(input.len() - at, |left| left.min(input.len() - at));
            if taken == 0 && left > 0 {
                break;
            }
            let payload = at..at + taken;
            mask::apply(&mut input[payload.clone()], frame.header.key, frame.received);
            at += taken;
            if taken as u64 == left && frame.received == 0 && self.may_lend(&frame.header) {
                self.frame = None;
                return Ok((at, Some(self.lend(&frame.header, &input[payload], inflating)?)));
            }
            self.collect(frame, &input[payload])?;
            if taken as u64 == left {
                self.frame = None;
                if frame.header.is_final {
                    return Ok((at, Some(self.finish(frame.header.opcode, inflating)?)));
                }
            }
        }
        assert!(at == input.len(), "without an event everything is consumed");
        Ok((at, None))
    }

    /// Takes bytes of a header; sets `frame` when it is complete and allowed. Returns how many were taken.
    fn begin_frame(&mut self, input: &[u8], deflates: bool) -> Result<usize, WsError> {
        let before = usize::from(self.header_bytes);
        assert!(before < HEADER_BYTES_MAX, "a header of 14 bytes is complete");
        let (header, taken) = if before == 0 {
            let header = header::parse(input, self.role, deflates)?;
            (header, header.map_or(input.len(), |header| header.bytes))
        } else {
            let room = input.len().min(HEADER_BYTES_MAX - before);
            self.header[before..before + room].copy_from_slice(&input[..room]);
            let header = header::parse(&self.header[..before + room], self.role, deflates)?;
            (header, header.map_or(room, |header| header.bytes - before))
        };
        match header {
            None => {
                self.header[before..before + taken].copy_from_slice(&input[..taken]);
                self.header_bytes = (before + taken) as u8;
            }
            Some(header) => {
                self.header_bytes = 0;
                self.admit(&header)?;
                self.frame = Some(Frame { header, received: 0 });
            }
        }
        Ok(taken)
    }

    /// Checks a header against the message under way and the limits, before anything is allocated for it.
    fn admit(&mut self, header: &Header) -> Result<(), WsError> {
        if header.opcode.is_control() {
            assert!(header.length <= WS_CONTROL_BYTES_MAX as u64, "the header's parser has checked control frames");
            return Ok(());
        }
        let before = match (&self.message, header.opcode) {
            (None, Opcode::Continuation) => return Err(WsError::NothingToContinue),
            (Some(message), Opcode::Continuation) if message.frames >= self.limits.fragments => {
                return Err(WsError::TooManyFragments { limit: self.limits.fragments });
            }
            (Some(message), Opcode::Continuation) => message.bytes.len() as u64,
            (Some(_), _) => return Err(WsError::MessageUnfinished),
            (None, _) => 0,
        };
        let is_compressed = self.message.as_ref().map_or(header.is_compressed, |message| message.is_compressed);
        let (length, limit) = (before + header.length, bytes_max(&self.limits, is_compressed));
        if length > u64::from(limit) {
            return Err(WsError::TooLarge { length, limit });
        }
        Ok(())
    }

    /// Whether a frame that lies whole in the input is an event by itself.
    fn may_lend(&self, header: &Header) -> bool {
        header.opcode.is_control() || (header.is_final && header.opcode != Opcode::Continuation)
    }

    fn collect(&mut self, frame: Frame, payload: &[u8]) -> Result<(), WsError> {
        let received = frame.received + payload.len() as u64;
        assert!(received <= frame.header.length, "no more than the frame declared");
        self.frame = Some(Frame { received, ..frame });
        let opcode = frame.header.opcode;
        if opcode.is_control() {
            self.control.extend_from_slice(payload);
            return Ok(());
        }
        let is_compressed = frame.header.is_compressed;
        let message = self.message.get_or_insert_with(|| Message::new(opcode == Opcode::Text, is_compressed));
        message.frames += u32::from(received == frame.header.length);
        message.push(payload, bytes_max(&self.limits, message.is_compressed))
    }

    /// The event of a final frame whose payload was collected.
    fn finish<'a>(&'a mut self, opcode: Opcode, inflating: Option<Inflating<'a>>) -> Result<Event<'a>, WsError> {
        assert!(self.lent.is_empty(), "on_input() drops what was lent before");
        if opcode.is_control() {
            self.lent = core::mem::take(&mut self.control);
            return event(opcode, &self.lent, &mut self.is_closed);
        }
        let message = self.message.take().expect("collect() has made the message that is finished");
        let opcode = if message.is_text { Opcode::Text } else { Opcode::Binary };
        let is_compressed = message.is_compressed;
        let bytes = message.finish()?;
        if is_compressed {
            return self.inflate(opcode, &bytes, inflating);
        }
        self.lent = bytes;
        event(opcode, &self.lent, &mut self.is_closed)
    }

    fn lend<'a>(
        &mut self,
        header: &Header,
        payload: &'a [u8],
        inflating: Option<Inflating<'a>>,
    ) -> Result<Event<'a>, WsError> {
        if header.is_compressed {
            return self.inflate(header.opcode, payload, inflating);
        }
        event(header.opcode, payload, &mut self.is_closed)
    }

    /// The event of a complete compressed message, lent by the inflater.
    fn inflate<'a>(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        inflating: Option<Inflating<'a>>,
    ) -> Result<Event<'a>, WsError> {
        let Inflating { inflater, history } =
            inflating.expect("only a decoder with an inflater lets a compressed message begin, and keeps having it");
        let message = inflater.inflate(payload, history, self.limits.message_bytes)?;
        event(opcode, message, &mut self.is_closed)
    }
}

/// Bytes of a message as it comes.
fn bytes_max(limits: &WsLimits, is_compressed: bool) -> u32 {
    if is_compressed { compressed_bytes_max(limits.message_bytes) } else { limits.message_bytes }
}

fn event<'a>(opcode: Opcode, payload: &'a [u8], is_closed: &mut bool) -> Result<Event<'a>, WsError> {
    Ok(match opcode {
        Opcode::Text => Event::Text(str::from_utf8(payload).map_err(|_| WsError::Utf8)?),
        Opcode::Binary => Event::Binary(payload),
        Opcode::Ping => Event::Ping(payload),
        Opcode::Pong => Event::Pong(payload),
        Opcode::Close => {
            *is_closed = true;
            close(payload)?
        }
        Opcode::Continuation => {
            unreachable!("a continuation is an event only with its message's opcode")
        }
    })
}

fn close(payload: &[u8]) -> Result<Event<'_>, WsError> {
    match payload {
        [] => Ok(Event::Close { code: None, reason: "" }),
        [_] => Err(WsError::CloseCode { code: 0 }),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !is_close_code(code) {
                return Err(WsError::CloseCode { code });
            }
            let reason = str::from_utf8(reason).map_err(|_| WsError::Utf8)?;
            Ok(Event::Close { code: Some(code), reason })
        }
    }
}
