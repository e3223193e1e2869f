//! Why a call of Table I was refused.

use core::fmt;

/// Why a call was refused; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// All threads are in use, or a stack has no room for what the thread is to begin with.
    NoRoom,
    /// There is no such thread (any more): it has ended or was freed.
    NoThread,
    /// The thread is in use: it has been scheduled and has not ended.
    InUse,
    /// The thread has nothing to run yet.
    NoEntry,
    /// There is no such wait queue.
    NoQueue,
    /// The memory belongs to a virtual CPU already.
    Claimed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "no room for another thread",
            Self::NoThread => "no such thread",
            Self::InUse => "the thread is in use",
            Self::NoEntry => "the thread has nothing to run",
            Self::NoQueue => "no such wait queue",
            Self::Claimed => "the memory belongs to a virtual CPU already",
        })
    }
}
