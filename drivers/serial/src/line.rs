//! The line: what waits in both directions, and who waits for it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_device::{Broken, Ports};
use anax_proto::{Answered, Caller, Later};
use anax_tty::{PIECE, Piece, Statistics, Terminal};

use crate::uart::{Came, Ends, Uart};

/// Beyond that a writer waits, and what comes in stays in the device.
pub use anax_tty::BUFFER;

/// Writers that can wait for room, and callers for the end of what is under way.
pub const MOST_WAITING: usize = 16;

/// Nanoseconds between two looks at a device that has no interrupt for what is awaited: the last bit's departure.
const SOON: u64 = 200_000;

/// Nanoseconds after which a device is looked at that was to interrupt: should it have failed to, it costs this long and not the line.
const LATE: u64 = 20_000_000;

/// A serial line with its driver's state.
#[derive(Debug)]
pub struct Line<P> {
    uart: Uart<P>,
    buffers: Buffers,
    reader: Option<Later<(u8, [u64; PIECE / 8]), Error>>,
    writers: VecDeque<(Piece, Later<(), Error>)>,
    drainers: Vec<Later<(), Error>>,
    answers: Vec<Answered>,
}

#[derive(Debug, Default)]
struct Buffers {
    inward: VecDeque<u8>,
    outward: VecDeque<u8>,
    statistics: Statistics,
}

impl Ends for Buffers {
    fn has_room(&self) -> bool {
        self.inward.len() < BUFFER
    }

    fn take(&mut self, came: Came) {
        match came {
            Came::Byte(byte) => {
                self.inward.push_back(byte);
                self.statistics.received += 1;
            }
            Came::Damaged => self.statistics.damaged += 1,
            Came::Overrun => self.statistics.overruns += 1,
        }
    }

    fn give(&mut self) -> Option<u8> {
        let byte = self.outward.pop_front()?;
        self.statistics.sent += 1;
        Some(byte)
    }
}

impl<P: Ports> Line<P> {
    /// Prepares the device behind these eight ports.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub fn open(ports: P) -> Result<Self, Broken> {
        let (uart, buffers) = (Uart::open(ports)?, Buffers::default());
        let (writers, drainers, answers) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut line = Self { uart, buffers, reader: None, writers, drainers, answers };
        line.look();
        Ok(line)
    }

    /// Looks at the device: after its interrupt, and when [`patience`](Self::patience) has passed.
    pub fn look(&mut self) {
        self.uart.serve(&mut self.buffers);
        // Room that the device has made lets writers in, whose bytes may fit into it at once.
        while self.let_writers_in() {
            self.uart.serve(&mut self.buffers);
        }
        self.feed_the_reader();
        if self.buffers.outward.is_empty() && self.uart.is_empty() {
            let done = self.drainers.drain(..).map(|later| later.answer(Ok(())));
            self.answers.extend(done);
        }
        self.uart.listen(self.buffers.has_room(), !self.buffers.outward.is_empty());
    }

    /// How long to wait for the device's interrupt before looking without it, in nanoseconds; for ever, if nothing depends on it.
    #[must_use]
    pub fn patience(&self) -> Option<u64> {
        if !self.buffers.outward.is_empty() {
            Some(LATE)
        } else if self.drainers.is_empty() {
            None
        } else {
            Some(SOON)
        }
    }

    /// Answers to those who have waited; to be sent after whatever happened.
    pub fn answers(&mut self) -> Vec<Answered> {
        core::mem::take(&mut self.answers)
    }

    /// Whether anybody's bytes have found room.
    fn let_writers_in(&mut self) -> bool {
        let mut any = false;
        while let Some((piece, later)) =
            self.writers.pop_front_if(|(piece, _)| self.buffers.outward.len() + piece.bytes().len() <= BUFFER)
        {
            self.buffers.outward.extend(piece.bytes());
            self.answers.push(later.answer(Ok(())));
            any = true;
        }
        any
    }

    fn feed_the_reader(&mut self) {
        if self.buffers.inward.is_empty() {
            return;
        }
        let Some(later) = self.reader.take() else { return };
        let length = self.buffers.inward.len().min(PIECE);
        let bytes: Vec<u8> = self.buffers.inward.drain(..length).collect();
        self.answers.push(later.answer(Ok(Piece::beginning(&bytes).words())));
    }
}

impl<P: Ports> Terminal for Line<P> {
    fn write(&mut self, _: Caller, length: u8, bytes: [u64; PIECE / 8], later: Later<(), Error>) {
        let piece = Piece::from_words(length, bytes).ok_or(Error::BadArgument);
        match piece {
            Ok(piece) if self.writers.len() < MOST_WAITING => {
                self.writers.push_back((piece, later));
                self.look();
            }
            refused => self.answers.push(later.answer(Err(refused.err().unwrap_or(Error::Full)))),
        }
    }

    fn read(&mut self, _: Caller, later: Later<(u8, [u64; PIECE / 8]), Error>) {
        if let Some(earlier) = self.reader.replace(later) {
            self.answers.push(earlier.answer(Err(Error::Aborted)));
        }
        // What is taken away makes room for what the device has kept.
        self.look();
    }

    fn drain(&mut self, _: Caller, later: Later<(), Error>) {
        if self.drainers.len() < MOST_WAITING {
            self.drainers.push(later);
            self.look();
        } else {
            self.answers.push(later.answer(Err(Error::Full)));
        }
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        Ok(self.buffers.statistics)
    }
}
