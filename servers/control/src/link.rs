//! This end of the control line: bytes become command lines, messages become frames.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use anax_control::{
    Decoder, FrameError, MAX_FRAME, MAX_OUTPUT, NotTaken, Sequence, Stream, ToGuest, ToHost, VERSION, encode,
};
use anax_tty::BUFFER;

/// Bytes that a driver of the line can have taken and not sent: its buffer's, and more than a device holds.
const UNDER_WAY: usize = BUFFER + 64;

use crate::file::File;

/// A command line, and the number by which the tool knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The tool's number.
    pub id: u32,
    /// The line.
    pub commands: String,
    /// The file that came before it, for its programs.
    pub file: Option<Vec<u8>>,
}

/// The line's state. What is to be sent is gathered until [`take`](Self::take).
#[derive(Default)]
pub struct Link {
    decoder: Decoder,
    sequence: Sequence,
    /// The command line that was accepted.
    id: Option<u32>,
    /// The file that comes, or has come.
    file: Option<File>,
    outward: Vec<u8>,
    /// Frames that the line's driver may not have sent yet.
    recent: VecDeque<Vec<u8>>,
    recent_bytes: usize,
}

impl Link {
    /// Says that the system takes commands, `nanoseconds` since boot: the counter that it names is the kernel's clock. How much memory there is, is
    /// not known here, and said to be 0.
    pub fn greet(&mut self, cpus: u32, nanoseconds: u64) {
        self.send(&ToHost::Hello { version: VERSION });
        let (entry_tsc, ready_tsc, tsc_hz) = (0, nanoseconds, 1_000_000_000);
        self.send(&ToHost::Ready { cpus, memory_kib: 0, entry_tsc, ready_tsc, tsc_hz });
    }

    /// Takes a byte: a command line, if that completes one which was not accepted before.
    ///
    /// # Errors
    /// What is wrong with a frame. The tool sends it again until it is accepted.
    pub fn push(&mut self, byte: u8) -> Result<Option<Asked>, FrameError> {
        let Some(frame) = self.decoder.push(byte) else { return Ok(None) };
        let (id, taken) = match frame?.message()? {
            ToGuest::Exec { id, commands } => {
                let commands = commands.into();
                self.heard(id);
                // The acceptance may have crossed its repetition.
                self.send(&ToHost::Accepted { id });
                if self.id == Some(id) && cfg!(not(bite = "control-runs-twice")) {
                    return Ok(None);
                }
                self.id = Some(id);
                let file = self.file.take().filter(|file| file.is(id)).and_then(File::whole);
                return Ok(Some(Asked { id, commands, file }));
            }
            ToGuest::File { id, bytes, checksum } => {
                self.heard(id);
                (id, Self::announced(&mut self.file, id, bytes, checksum))
            }
            ToGuest::Part { id, offset, bytes } => (id, Self::part(&mut self.file, id, offset, bytes)),
        };
        match taken {
            Ok(bytes) => self.send(&ToHost::Taken { id, bytes }),
            Err(why) => {
                self.file = None;
                self.send(&ToHost::NotTaken { id, why });
            }
        }
        Ok(None)
    }

    /// Who sends something new has heard the greeting, which means a new beginning.
    fn heard(&mut self, id: u32) {
        if self.id != Some(id) {
            self.recent.clear();
            self.recent_bytes = 0;
        }
    }

    fn announced(file: &mut Option<File>, id: u32, bytes: u32, checksum: u32) -> Result<u32, NotTaken> {
        if let Some(file) = file.as_ref().filter(|file| file.is_same(id, bytes, checksum)) {
            return Ok(file.here());
        }
        // The memory of one that is forgotten is there for the next.
        *file = None;
        Ok(file.insert(File::announced(id, bytes, checksum)?).here())
    }

    fn part(file: &mut Option<File>, id: u32, offset: u32, bytes: &[u8]) -> Result<u32, NotTaken> {
        let file = file.as_mut().filter(|file| file.is(id)).ok_or(NotTaken::Unknown)?;
        file.part(offset, bytes)?;
        Ok(file.here())
    }

    /// What a command printed, for the command line that was accepted last.
    pub fn output(&mut self, stream: Stream, bytes: &[u8]) {
        let Some(id) = self.id else { return };
        for bytes in bytes.chunks(MAX_OUTPUT) {
            self.send(&ToHost::Output { id, stream, bytes });
        }
    }

    /// Says how that one ended.
    pub fn exit(&mut self, status: u8) {
        if let Some(id) = self.id {
            self.send(&ToHost::Exit { id, status });
        }
    }

    /// The bytes to be sent since this was last asked.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.outward)
    }

    /// The line's driver has died over what it had taken: all frames that may be lost are to be sent again, under their own numbers. Those that were not lost
    /// the tool has seen already, and knows that by the numbers.
    pub fn repeat(&mut self) {
        self.outward.clear();
        if cfg!(not(bite = "control-lost-stays-lost")) {
            self.recent.iter().for_each(|frame| self.outward.extend_from_slice(frame));
        }
    }

    fn send(&mut self, message: &ToHost<'_>) {
        let mut buffer = [0; MAX_FRAME];
        // Each fits: output is cut, and the others have no text.
        if let Ok(frame) = encode(self.sequence.take(), message, &mut buffer) {
            self.outward.extend_from_slice(frame);
            self.recent.push_back(frame.to_vec());
            self.recent_bytes += frame.len();
            while let Some(oldest) = self.recent.front()
                && self.recent_bytes - oldest.len() >= UNDER_WAY
            {
                self.recent_bytes -= oldest.len();
                self.recent.pop_front();
            }
        }
    }
}
