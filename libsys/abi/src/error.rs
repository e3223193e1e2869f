//! Why a message failed: the same small set of values for kernel and servers.

use core::fmt;

macro_rules! errors {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// An error as a reply carries it: a negative result.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i64)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Error {
            /// The error behind a negative result; an unknown code is the peer's mistake.
            #[must_use]
            pub const fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::$name,)+
                    _ => Self::PeerMisbehaved,
                }
            }

            /// As a result.
            #[must_use]
            pub const fn code(self) -> i64 {
                self as i64
            }
        }

        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)+ })
            }
        }
    };
}

errors! {
    /// The handle's slot is out of range, empty, or in another use.
    BadHandle = -1, "no such handle";
    /// The handle does not carry the right that this needs.
    NoRights = -2, "the handle does not allow this";
    /// The object does not know the command.
    BadCommand = -3, "unknown command";
    /// An argument is out of its range.
    BadArgument = -4, "bad argument";
    /// An address range is not the caller's to use.
    BadAddress = -5, "bad address";
    /// No memory, or the quota of pages for regions and page tables is used up.
    NoMemory = -6, "out of memory";
    /// The quota for handles, threads, outstanding messages, or the pages of other objects than regions is used up.
    Quota = -7, "quota exceeded";
    /// The receiver has not reserved slots for the handles that came along; nothing was moved.
    NoSlot = -8, "the receiver has no slot reserved";
    /// A queue or table is full; try again when something has been taken out.
    Full = -9, "full";
    /// Nothing there, and the call does not wait.
    WouldBlock = -10, "nothing there yet";
    /// The time given has passed. The message ends with it: whoever holds it can't answer any more.
    TimedOut = -11, "timed out";
    /// The message was aborted before it was received, or its target agreed.
    Aborted = -12, "aborted";
    /// The port was full and the message droppable.
    Dropped = -13, "dropped";
    /// Whoever served the port has ended. Exactly one such reply comes for each message that was under way.
    PeerDied = -14, "the peer died";
    /// The peer broke the protocol.
    PeerMisbehaved = -15, "the peer misbehaved";
    /// Something is there already.
    Exists = -16, "already there";
    /// A synchronous call to a port of one's own, which would never end.
    WouldDeadlock = -17, "would deadlock";
}

impl core::error::Error for Error {}
