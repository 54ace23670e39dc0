//! A capture of a world's frames, for Wireshark and tcpdump: the plain pcap format with microseconds.

use std::io::{self, Write};

use crore_base::time::Instant;

use crate::limits::CAPTURE_FRAMES_MAX;

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const LINKTYPE_ETHERNET: u32 = 1;
const SNAPLEN_BYTES: u32 = 65_535;

/// Frames with the time at which they were put on the wire.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    frames: Vec<(Instant, Vec<u8>)>,
}

impl Capture {
    /// Remembers a frame, as long as there is room. Copies it.
    pub(crate) fn frame(&mut self, now: Instant, bytes: &[u8]) {
        if self.frames.len() < CAPTURE_FRAMES_MAX {
            self.frames.push((now, bytes.to_vec()));
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let version = 2_u32 | 4 << 16;
        for word in [MAGIC_MICROSECONDS, version, 0, 0, SNAPLEN_BYTES, LINKTYPE_ETHERNET] {
            out.write_all(&word.to_le_bytes())?;
        }
        for (at, bytes) in &self.frames {
            let len = bytes.len() as u32;
            let (seconds, micros) = (at.as_micros() / 1_000_000, at.as_micros() % 1_000_000);
            for word in [seconds as u32, micros as u32, len, len] {
                out.write_all(&word.to_le_bytes())?;
            }
            out.write_all(bytes)?;
        }
        Ok(())
    }
}
