//! The messages of the control line.
//!
//! Their order in the enums is the wire format: add at the end, and raise [`VERSION`] for any other change.

use serde::{Deserialize, Serialize};

/// Changes whenever an old end would misunderstand a new one; the guest's first message carries it.
pub const VERSION: u32 = 1;

/// The most bytes that one [`ToHost::Output`] can carry.
pub const MAX_OUTPUT: usize = crate::MAX_MESSAGE - 16;

/// The longest [`ToGuest::Exec`] command line, in bytes.
pub const MAX_COMMANDS: usize = crate::MAX_MESSAGE - 16;

/// The most bytes that one [`ToGuest::Part`] can carry.
pub const MAX_PART: usize = crate::MAX_MESSAGE - 16;

/// The longest file, in bytes.
pub const MAX_FILE: u32 = 4 << 20;

/// From the build tool to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToGuest<'a> {
    /// Run `commands`. Sent again every half second until [`ToHost::Accepted`] with the same id comes, because
    /// the guest may not listen yet; the guest acts on the first one only.
    Exec {
        /// Chosen by the tool; all answers carry it.
        id: u32,
        /// A command line such as `echo a && true; prog x`.
        commands: &'a str,
    },
    /// A file is to come, for the [`ToGuest::Exec`] of the same id; one that came before is forgotten. Sent again, as parts are, until
    /// [`ToHost::Taken`] or [`ToHost::NotTaken`] comes.
    File {
        /// Chosen by the tool; all answers carry it.
        id: u32,
        /// Its length, at most [`MAX_FILE`].
        bytes: u32,
        /// CRC-32 of all of it.
        checksum: u32,
    },
    /// A part of it: they come one behind the other.
    Part {
        /// Of the [`ToGuest::File`].
        id: u32,
        /// Where it belongs, in bytes from the beginning.
        offset: u32,
        /// At most [`MAX_PART`] of them.
        bytes: &'a [u8],
    },
}

/// From the guest to the build tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToHost<'a> {
    /// The first message: the protocol version the guest speaks.
    Hello {
        /// The guest's [`VERSION`].
        version: u32,
    },
    /// The kernel is up and takes commands.
    Ready {
        /// CPUs that run.
        cpus: u32,
        /// Usable memory in KiB.
        memory_kib: u64,
        /// Time stamp counter at the kernel's first instructions.
        entry_tsc: u64,
        /// Time stamp counter when the kernel was ready.
        ready_tsc: u64,
        /// The counter's frequency in Hz, as calibrated.
        tsc_hz: u64,
    },
    /// The command line arrived; it need not be sent again.
    Accepted {
        /// Of the [`ToGuest::Exec`].
        id: u32,
    },
    /// Bytes that a command printed.
    Output {
        /// Of the [`ToGuest::Exec`].
        id: u32,
        /// Where the command printed them.
        stream: Stream,
        /// At most [`MAX_OUTPUT`] of them.
        bytes: &'a [u8],
    },
    /// A kernel test begins.
    TestStarted {
        /// Its name, unique in the run.
        name: &'a str,
    },
    /// A kernel test is over.
    TestEnded {
        /// Its name.
        name: &'a str,
        /// How it ended.
        outcome: Outcome,
        /// Why it failed or was skipped; empty if it passed.
        detail: &'a str,
    },
    /// A figure measured inside the guest.
    Benchmark {
        /// Group and name, for example `boot.entry_to_ready`.
        name: &'a str,
        /// Thousandths of `unit`.
        value: u64,
        /// For example `instructions`.
        unit: &'a str,
        /// Whether the measured operation's result was checked.
        verified: Verified,
    },
    /// The last command ended; the guest powers off.
    Exit {
        /// Of the [`ToGuest::Exec`].
        id: u32,
        /// Exit status of the last command that ran.
        status: u8,
    },
    /// The kernel does not believe what it was booted with and stops.
    Refused {
        /// The status to end with.
        status: u8,
        /// For people.
        reason: &'a str,
    },
    /// The kernel broke one of its invariants and stops.
    Panicked {
        /// For people; the details are on the console.
        reason: &'a str,
    },
    /// So much of a file is here. The checksum of a file that is all here was right.
    Taken {
        /// Of the [`ToGuest::File`].
        id: u32,
        /// Bytes from the beginning.
        bytes: u32,
    },
    /// A file is not taken, and forgotten.
    NotTaken {
        /// Of the [`ToGuest::File`].
        id: u32,
        /// Why.
        why: NotTaken,
    },
}

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotTaken {
    /// It is empty, or longer than [`MAX_FILE`].
    Length,
    /// There is no memory for it.
    Memory,
    /// No such file is under way: the guest's end was restarted, or another file came.
    Unknown,
    /// A part reaches beyond its end.
    Part,
    /// All of it came, and it is not what was announced.
    Checksum,
}

impl core::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "it is empty or too long",
            Self::Memory => "the guest has no memory for it",
            Self::Unknown => "the guest knows of no such file any more",
            Self::Part => "a part of it lies beyond its end",
            Self::Checksum => "it did not arrive as it was sent (wrong checksum)",
        })
    }
}

/// Where a command's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a kernel test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Everything it asserts held.
    Passed,
    /// Something did not hold.
    Failed,
    /// This machine lacks what the test needs.
    Skipped,
}

/// Whether the operation behind a figure was seen to do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verified {
    /// Its result was checked and right.
    Yes,
    /// It was wrong or not checked: the figure is worth nothing.
    No,
}
