//! Why something does not go.

use core::fmt;

use anax_abi::Error;
use serde::{Deserialize, Serialize};

/// Why something does not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// What the way to the server has: `PeerDied` when it has ended.
    Way(i32),
    /// There is no such socket any more, or it is another program's.
    Gone,
    /// It is not as it would have to be for that.
    BadState,
    /// What was given can't be.
    BadArgument,
    /// There are as many as there may be.
    Full,
    /// Somebody has that port.
    InUse,
    /// That address is not this host's.
    NoAddress,
    /// It is the business of that thread.
    Elsewhere(u32),
    /// There is no way to that address.
    NoRoute,
    /// Nobody is at that port.
    Refused,
    /// The other end has ended the connection.
    Reset,
    /// Nobody has answered.
    TimedOut,
    /// The network says that it can't be reached.
    Unreachable,
    /// The program has ended it.
    Aborted,
    /// There is no such name, or it has no such address.
    NoName,
    /// Nobody can be asked about names.
    NoServer,
}

impl Failure {
    /// Those without a value, by their codes.
    const PLAIN: [Self; 14] = [
        Self::Gone,
        Self::BadState,
        Self::BadArgument,
        Self::Full,
        Self::InUse,
        Self::NoAddress,
        Self::NoRoute,
        Self::Refused,
        Self::Reset,
        Self::TimedOut,
        Self::Unreachable,
        Self::Aborted,
        Self::NoName,
        Self::NoServer,
    ];
    /// Codes of those, and of `Elsewhere`, from there on downwards: below all of the kernel's.
    const FIRST: i64 = -1000;
    const ELSEWHERE: i64 = -2000;
}

impl anax_proto::Failure for Failure {
    fn code(&self) -> i64 {
        match self {
            Self::Way(code) => i64::from(*code),
            Self::Elsewhere(thread) => Self::ELSEWHERE - i64::from(*thread),
            plain => {
                let place = Self::PLAIN.iter().position(|one| one == plain).unwrap_or_default();
                Self::FIRST - place as i64
            }
        }
    }

    fn from_code(code: i64) -> Self {
        if code > Self::FIRST {
            return Error::from_code(code).into();
        }
        if code <= Self::ELSEWHERE {
            return match u32::try_from(Self::ELSEWHERE - code) {
                Ok(thread) => Self::Elsewhere(thread),
                Err(_) => Error::PeerMisbehaved.into(),
            };
        }
        let plain = usize::try_from(Self::FIRST - code).ok().and_then(|place| Self::PLAIN.get(place));
        plain.copied().unwrap_or(Error::PeerMisbehaved.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Way(error.code() as i32)
    }
}

/// For programs that end with it: the nearest of the kernel's.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Way(code) => Self::from_code(code.into()),
            Failure::Gone => Self::BadHandle,
            Failure::BadState | Failure::BadArgument | Failure::Elsewhere(_) | Failure::NoAddress => {
                Self::BadArgument
            }
            Failure::Full => Self::Full,
            Failure::InUse => Self::Exists,
            Failure::TimedOut => Self::TimedOut,
            Failure::Aborted => Self::Aborted,
            Failure::NoRoute
            | Failure::Refused
            | Failure::Reset
            | Failure::Unreachable
            | Failure::NoName
            | Failure::NoServer => Self::PeerDied,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Way(code) => return Error::from_code((*code).into()).fmt(f),
            Self::Elsewhere(thread) => return write!(f, "that is thread {thread}'s business"),
            Self::Gone => "there is no such socket",
            Self::BadState => "the socket is not in a state for that",
            Self::BadArgument => "bad argument",
            Self::Full => "there are too many",
            Self::InUse => "the port is in use",
            Self::NoAddress => "the address is not this host's",
            Self::NoRoute => "there is no route to that address",
            Self::Refused => "the connection was refused",
            Self::Reset => "the connection was reset by the other end",
            Self::TimedOut => "no answer",
            Self::Unreachable => "the host can't be reached",
            Self::Aborted => "the connection was aborted",
            Self::NoName => "there is no such name",
            Self::NoServer => "there is no name server",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use anax_proto::Failure as _;

    use super::*;

    #[test]
    fn codes_come_back() {
        for failure in Failure::PLAIN.into_iter().chain([
            Failure::Elsewhere(0),
            Failure::Elsewhere(7),
            Error::PeerDied.into(),
            Error::TimedOut.into(),
        ]) {
            assert_eq!(Failure::from_code(failure.code()), failure);
            assert!(failure.code() < 0);
        }
        assert_eq!(Failure::from_code(-1999), Error::PeerMisbehaved.into());
        assert_eq!(Failure::from_code(i64::MIN), Error::PeerMisbehaved.into());
    }
}
