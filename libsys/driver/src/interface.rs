//! What a supervisor asks of a driver, as a typed interface. The supervisor calls down; a driver calls nobody.

use anax_abi::Error;
use anax_proto::{Failure, Fixed, Reader, Writer};

use crate::{NotSuspended, Refusal};

/// Which of its states a driver is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It has mapped everything and touches nothing: ready to take over.
    Standby = 1,
    /// It serves its client.
    Running = 2,
    /// It has written its record and does nothing more.
    Quiesced = 3,
    /// It has stopped its device and handed all back.
    Retired = 4,
    /// Its device is past help; the program ends.
    Ended = 5,
}

/// How a driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its state.
    pub mode: Mode,
    /// Resets of the device since something went right.
    pub resets: u64,
    /// Things that the device or the driver has of the client's.
    pub pending: u64,
}

/// What went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Frames received; reads.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames transmitted; writes.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Flushes.
    pub flushed: u64,
}

/// What else was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events {
    /// What the device could not do.
    pub errors: u64,
    /// Resets after the first.
    pub resets: u64,
    /// Interrupts.
    pub interrupts: u64,
}

/// Whether there is anybody at the other end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Yes, or the card can't tell.
    Up = 1,
    /// No.
    Down = 2,
    /// There is no cable.
    None = 3,
}

/// Why a driver does not do what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverError {
    /// It is not in the state for that.
    Mode,
    /// Something did not end in time. It goes on as before: ask again, or replace it by a new epoch.
    Unfinished,
    /// There is no client that a successor could go on with. It goes on as before.
    Client,
    /// The device is past help.
    Device,
    /// A successor does not take over, and why.
    Refused(Refusal),
    /// The way to the driver.
    Way(Error),
}

/// A driver, as its supervisor sees it.
#[anax_proto::interface]
pub trait Driver {
    /// How it is.
    #[idempotent]
    fn health(&mut self) -> Result<Health, DriverError>;
    /// Finishes what ends by itself in a few milliseconds, writes its record, and does nothing more: the device runs on by itself.
    fn quiesce(&mut self) -> Result<(), DriverError>;
    /// Goes on after that, as if nothing had happened. Only when the successor has been ended.
    fn resume(&mut self) -> Result<(), DriverError>;
    /// Goes on from its predecessor's record, with device and channel as they are. If it refuses, it stays in standby.
    fn take_over(&mut self) -> Result<(), DriverError>;
    /// Stops the device and hands everything back to the client. A new epoch and another driver are to follow.
    fn retire(&mut self) -> Result<(), DriverError>;
    /// What went through.
    #[idempotent]
    fn traffic(&mut self) -> Result<Traffic, DriverError>;
    /// What else was counted.
    #[idempotent]
    fn events(&mut self) -> Result<Events, DriverError>;
    /// The link.
    #[idempotent]
    fn link(&mut self) -> Result<Link, DriverError>;
}

impl From<Error> for DriverError {
    fn from(error: Error) -> Self {
        Self::Way(error)
    }
}

impl From<Refusal> for DriverError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotSuspended> for DriverError {
    fn from(reason: NotSuspended) -> Self {
        match reason {
            NotSuspended::Client => Self::Client,
            NotSuspended::Device => Self::Device,
            NotSuspended::Unfinished => Self::Unfinished,
        }
    }
}

/// Where the codes of failures begin; refusals lie below theirs.
const CODES: i64 = -1000;
const REFUSALS: i64 = -1100;

impl Failure for DriverError {
    fn code(&self) -> i64 {
        match self {
            Self::Mode => CODES,
            Self::Unfinished => CODES - 1,
            Self::Client => CODES - 2,
            Self::Device => CODES - 3,
            Self::Refused(refusal) => REFUSALS - *refusal as i64,
            Self::Way(error) => error.code(),
        }
    }

    fn from_code(code: i64) -> Self {
        match CODES.saturating_sub(code) {
            0 => Self::Mode,
            1 => Self::Unfinished,
            2 => Self::Client,
            3 => Self::Device,
            _ => Refusal::from_number(REFUSALS.saturating_sub(code))
                .map_or_else(|| Self::Way(Error::from_code(code)), Self::Refused),
        }
    }
}

macro_rules! numbered {
    ($($type:ident: $($variant:ident)+;)+) => {$(
        impl Fixed for $type {
            const WORDS: usize = 1;

            fn put(self, to: &mut Writer) {
                to.word(self as u64);
            }

            fn take(from: &mut Reader) -> Option<Self> {
                let number = from.word()?;
                [$(Self::$variant),+].into_iter().find(|value| *value as u64 == number)
            }
        }
    )+};
}
numbered! {
    Mode: Standby Running Quiesced Retired Ended;
    Link: Up Down None;
}

macro_rules! fields {
    ($($type:ident: $($field:ident)+;)+) => {$(
        /// Field by field.
        impl Fixed for $type {
            const WORDS: usize = [$(stringify!($field)),+].len();

            fn put(self, to: &mut Writer) {
                $(self.$field.put(to);)+
            }

            fn take(from: &mut Reader) -> Option<Self> {
                Some(Self { $($field: Fixed::take(from)?),+ })
            }
        }
    )+};
}
fields! {
    Health: mode resets pending;
    Traffic: received received_bytes sent sent_bytes flushed;
    Events: errors resets interrupts;
}
