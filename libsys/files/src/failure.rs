//! Why something does not go.

use core::fmt;

use anax_abi::Error;

/// Codes of `Elsewhere` begin there, and go downwards: 32 bits of them.
const ELSEWHERE: i64 = -(1 << 32);

macro_rules! failures {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// Why something does not go.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Failure {
            /// What the way to the server has: `PeerDied` when it has ended, `PeerMisbehaved` when it lies.
            Way(Error),
            /// That path is the business of another thread of the VFS server. `libsys/fs` asks there: no program of it sees this.
            Elsewhere {
                /// Which thread.
                thread: u16,
                /// Bytes of the path that are the mount's own; 0 if a symbolic link leads there, and [`resolve`](crate::files::Files::resolve) says by what path.
                mount: u16,
            },
            $($(#[$doc])+ $name,)+
        }

        impl Failure {
            /// Those of files, each once.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// By what it is known where no Rust is spoken.
            const fn number(self) -> i64 {
                match self {
                    Self::Way(error) => error.code(),
                    Self::Elsewhere { thread, mount } => ELSEWHERE - ((thread as i64) << 16 | mount as i64),
                    $(Self::$name => $code,)+
                }
            }

            /// What it says to a person.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    Self::Way(_) => "the file server can't be reached",
                    Self::Elsewhere { .. } => "another thread of the file server has it",
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

failures! {
    /// There is no such name.
    NotFound = -1000, "no such file or directory";
    /// There is something of that name.
    Exists = -1001, "it exists already";
    /// What would have to be a directory is none.
    NotADirectory = -1002, "not a directory";
    /// It is a directory, and would have to be something else.
    IsADirectory = -1003, "it is a directory";
    /// A directory with entries can't be removed or replaced.
    NotEmpty = -1004, "the directory is not empty";
    /// The file system, or the medium, can't be written.
    ReadOnly = -1005, "read-only";
    /// The medium is full.
    NoSpace = -1006, "no space left";
    /// A name, an offset, or something else that can't be.
    BadArgument = -1007, "bad argument";
    /// A name or path that is too long for the file system, or for any.
    TooLong = -1008, "the name is too long";
    /// A file would become larger than the file system can have one.
    TooLarge = -1009, "the file would be too large";
    /// The medium failed: what a write has left there nobody knows.
    Medium = -1010, "the medium failed";
    /// What lies on the medium can't be.
    Damaged = -1011, "the file system is damaged";
    /// The file system has nothing like that.
    Unsupported = -1012, "not supported";
    /// Between two file systems names can't be moved.
    OtherFileSystem = -1013, "that is another file system";
    /// It is in use: mounted, or something in it open.
    Busy = -1014, "it is in use";
    /// The open file was opened for something else.
    NotPermitted = -1015, "the file was not opened for that";
    /// There is no such open file any more, or it is another program's.
    Gone = -1016, "the file is not open";
    /// Too many: open files, sessions, mounts.
    TooMany = -1017, "there are too many";
    /// A symbolic link leads to itself.
    Loop = -1018, "too many symbolic links";
    /// The file system's server has ended, and what was open there with it. Its successor, if there is one, is found by the path.
    Ended = -1019, "its file system has ended";
}

impl anax_proto::Failure for Failure {
    fn code(&self) -> i64 {
        self.number()
    }

    fn from_code(code: i64) -> Self {
        if let Some(place) = ELSEWHERE.checked_sub(code).and_then(|place| u32::try_from(place).ok()) {
            return Self::Elsewhere { thread: (place >> 16) as u16, mount: place as u16 };
        }
        let known = Self::ALL.iter().find(|failure| failure.number() == code);
        known.copied().unwrap_or_else(|| Self::Way(Error::from_code(code)))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Way(error)
    }
}

/// For programs that end with it: the nearest of the kernel's.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Way(error) => error,
            Failure::NotFound | Failure::Gone => Self::BadHandle,
            Failure::Exists => Self::Exists,
            Failure::ReadOnly | Failure::NotPermitted => Self::NoRights,
            Failure::NoSpace | Failure::TooMany => Self::Quota,
            Failure::Unsupported => Self::BadCommand,
            Failure::Medium | Failure::Damaged => Self::PeerMisbehaved,
            Failure::Busy => Self::WouldBlock,
            Failure::Ended => Self::PeerDied,
            _ => Self::BadArgument,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Way(error) => write!(f, "{}: {error}", self.text()),
            known => f.write_str(known.text()),
        }
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use anax_proto::Failure as _;

    use super::*;

    #[test]
    fn codes_come_back() {
        let ways = [Error::PeerDied, Error::Full].map(Failure::Way);
        for failure in Failure::ALL.iter().copied().chain(ways) {
            assert_eq!(Failure::from_code(failure.code()), failure);
            assert!(failure.code() < 0);
        }
        for (thread, mount) in [(0, 0), (0, 1), (1, 0), (7, 4096), (u16::MAX, u16::MAX)] {
            let elsewhere = Failure::Elsewhere { thread, mount };
            assert_eq!(Failure::from_code(elsewhere.code()), elsewhere);
            assert_ne!(Failure::from_code(elsewhere.code() + 1), elsewhere);
        }
        assert_eq!(Failure::from_code(-(1 << 33)), Failure::Way(Error::PeerMisbehaved));
        assert_eq!(Failure::from_code(-999), Failure::Way(Error::PeerMisbehaved));
        assert_eq!(Failure::from_code(i64::MIN), Failure::Way(Error::PeerMisbehaved));
    }
}
