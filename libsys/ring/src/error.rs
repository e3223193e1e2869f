//! What can go wrong, one small set of values for each boundary.

use core::fmt;

use anax_abi::Error;

/// The peer wrote something that can't be true, and this half of the channel has stopped believing it.
///
/// Lasts until a successor is bound in a new epoch. Nothing that was delivered before is affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misbehaved;

impl From<Misbehaved> for Error {
    fn from(_: Misbehaved) -> Self {
        Self::PeerMisbehaved
    }
}

/// Why a message was not put in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// No slot is free; publish, and wait for room.
    Full,
    /// See [`Misbehaved`].
    Misbehaved,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// As many requests are in flight as there may be, or the request ring is full: take completions first.
    Full,
    /// See [`Misbehaved`].
    Misbehaved,
}

/// Why a reply was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// The client that asked is gone; its request has been answered with [`Error::PeerDied`].
    Stale,
    /// The ticket came from another channel's responder: a mistake of this program.
    WrongChannel,
    /// This responder is suspended, and the request is its successor's to answer: a mistake of this program.
    Suspended,
    /// See [`Misbehaved`].
    Misbehaved,
}

/// Why a successor does not go on where a responder was suspended. Nothing was written to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptError {
    /// It was in another epoch: what it had is lost, as after a death.
    Stale,
    /// Positions that the channel's own words don't confirm, or that can't be.
    Positions,
    /// Not exactly one ticket of this epoch for each request that is not answered.
    Tickets,
}

/// Why a block of memory is no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The block doesn't begin on a cache line, or isn't a whole number of words.
    Misaligned,
    /// It is smaller than the header says, or than the header.
    TooSmall,
    /// No channel was made here.
    NotAChannel,
    /// A channel of a version that this program doesn't know.
    Version,
    /// A slot count that is no power of two, or out of bounds.
    Geometry,
    /// The epoch is none.
    Epoch,
}

/// A range that doesn't lie within the memory it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl From<OutOfRange> for Error {
    fn from(_: OutOfRange) -> Self {
        Self::BadAddress
    }
}

macro_rules! impl_from_misbehaved {
    ($($name:ident),+) => { $(
        impl From<Misbehaved> for $name {
            fn from(_: Misbehaved) -> Self {
                Self::Misbehaved
            }
        }
    )+ };
}
impl_from_misbehaved!(PushError, SubmitError, ReplyError);

impl From<PushError> for SubmitError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::Full,
            PushError::Misbehaved => Self::Misbehaved,
        }
    }
}

macro_rules! impl_display {
    ($($name:ident: $($value:pat => $text:literal),+;)+) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($value => $text,)+ })
            }
        }

        impl core::error::Error for $name {}
    )+ };
}
impl_display! {
    Misbehaved: Self => "the peer misbehaved";
    PushError: Self::Full => "the ring is full", Self::Misbehaved => "the peer misbehaved";
    SubmitError: Self::Full => "too many requests in flight", Self::Misbehaved => "the peer misbehaved";
    ReplyError:
        Self::Stale => "the client is gone",
        Self::WrongChannel => "the ticket is of another channel",
        Self::Suspended => "the responder is suspended",
        Self::Misbehaved => "the peer misbehaved";
    AdoptError:
        Self::Stale => "suspended in another epoch",
        Self::Positions => "positions that can't be",
        Self::Tickets => "not the tickets of what is not answered";
    OpenError:
        Self::Misaligned => "the block is misaligned",
        Self::TooSmall => "the block is too small",
        Self::NotAChannel => "no channel there",
        Self::Version => "unknown version of channel",
        Self::Geometry => "bad slot count",
        Self::Epoch => "bad epoch";
    OutOfRange: Self => "out of range";
}
