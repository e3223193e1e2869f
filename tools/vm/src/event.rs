//! What a running machine reports, in the order it happened.
//!
//! The messages of the control line, owned so that they can cross threads, and what only the host can see:
//! console lines, damage on the line, the emulator's end.

use anax_control::{NotTaken, Outcome, Stream, ToHost, Verified};

/// Something a machine reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest speaks this version of the control protocol.
    Hello {
        /// The guest's version.
        version: u32,
    },
    /// The kernel is up.
    Ready(crate::Ready),
    /// The guest took the command line with this id.
    Accepted {
        /// Chosen by the tool.
        id: u32,
    },
    /// A command printed something.
    Output {
        /// Of the command line.
        id: u32,
        /// To which stream.
        stream: Stream,
        /// What.
        bytes: Vec<u8>,
    },
    /// A kernel test began.
    TestStarted {
        /// Its name.
        name: String,
    },
    /// A kernel test is over.
    TestEnded {
        /// Its name.
        name: String,
        /// How it ended.
        outcome: Outcome,
        /// Why, if it did not pass.
        detail: String,
    },
    /// A figure measured in the guest.
    Benchmark {
        /// Group and name.
        name: String,
        /// Thousandths of `unit`.
        value: u64,
        /// Its unit.
        unit: String,
        /// Whether the work behind it was checked.
        verified: Verified,
    },
    /// The last command ended.
    Exit {
        /// Of the command line.
        id: u32,
        /// Its status.
        status: u8,
    },
    /// The kernel refused what it was booted with.
    Refused {
        /// The status to end with.
        status: u8,
        /// Why.
        reason: String,
    },
    /// The kernel panicked.
    Panicked {
        /// Why.
        reason: String,
    },
    /// So much of a file arrived.
    Taken {
        /// Chosen by the tool.
        id: u32,
        /// Bytes from the beginning.
        bytes: u32,
    },
    /// A file is not taken.
    NotTaken {
        /// Chosen by the tool.
        id: u32,
        /// Why.
        why: NotTaken,
    },
    /// The control line lost or changed something: what the guest says from here on proves nothing.
    Garbled {
        /// What was seen.
        complaint: String,
    },
    /// A line on the console, without its end.
    Line(String),
    /// The user pressed the key that quits.
    Quit,
    /// The emulator ended; always the last event.
    Ended {
        /// Its exit status; `None` if a signal ended it.
        code: Option<i32>,
    },
}

impl From<ToHost<'_>> for Event {
    fn from(message: ToHost<'_>) -> Self {
        match message {
            ToHost::Hello { version } => Self::Hello { version },
            ToHost::Ready { cpus, memory_kib, entry_tsc, ready_tsc, tsc_hz } => {
                Self::Ready(crate::Ready { cpus, memory_kib, entry_tsc, ready_tsc, tsc_hz })
            }
            ToHost::Accepted { id } => Self::Accepted { id },
            ToHost::Output { id, stream, bytes } => Self::Output { id, stream, bytes: bytes.to_vec() },
            ToHost::TestStarted { name } => Self::TestStarted { name: name.to_owned() },
            ToHost::TestEnded { name, outcome, detail } => {
                Self::TestEnded { name: name.to_owned(), outcome, detail: detail.to_owned() }
            }
            ToHost::Benchmark { name, value, unit, verified } => {
                Self::Benchmark { name: name.to_owned(), value, unit: unit.to_owned(), verified }
            }
            ToHost::Exit { id, status } => Self::Exit { id, status },
            ToHost::Refused { status, reason } => Self::Refused { status, reason: reason.to_owned() },
            ToHost::Taken { id, bytes } => Self::Taken { id, bytes },
            ToHost::NotTaken { id, why } => Self::NotTaken { id, why },
            ToHost::Panicked { reason } => Self::Panicked { reason: reason.to_owned() },
        }
    }
}
