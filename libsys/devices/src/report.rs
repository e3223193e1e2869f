//! What the device manager says.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// In which state a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum State {
    /// No program drives it.
    NoDriver,
    /// Its driver works.
    Works,
    /// Its driver has ended and will be started again.
    Waits,
    /// Somebody has stopped it.
    Stopped,
    /// Its drivers have ended too often, or the device does not stop: it is off the bus.
    Failed,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// What it is, for people: where on which bus, whose.
    pub what: String,
    /// Its state.
    pub state: State,
    /// The program that drives it, or did; empty if none.
    pub driver: String,
    /// The driver's process; 0 if there is none.
    pub process: u64,
    /// How often a driver of it has ended unasked.
    pub failures: u32,
    /// How often a driver was replaced as planned.
    pub swaps: u32,
}

/// What a client has against its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Complaint {
    /// What it says on the channel can't be true.
    Lies,
    /// It has been asked, and does not answer.
    Silent,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Change {
    /// A driver has started from a device that was reset.
    Started,
    /// A driver has taken over from another; the pause in microseconds.
    Swapped(u64),
    /// A driver was to take over, and did not come up, or refused; the old one went on.
    Refused,
    /// A driver has failed while it took over: the old program was started anew, from a device that was reset.
    RolledBack,
    /// A driver has ended with that status.
    Ended(u64),
    /// A driver was killed by somebody who asked for it.
    Killed,
    /// A driver was ended because its client said so.
    Accused(Complaint),
    /// The device was stopped.
    Stopped,
    /// Its drivers have ended too often.
    GivenUp,
    /// The device does not stop: it stays off the bus.
    NotFenced,
}

/// When what has happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Event {
    /// Its number; they count up for each device.
    pub number: u64,
    /// Microseconds since boot.
    pub at: u64,
    /// The driver.
    pub driver: String,
    /// What.
    pub change: Change,
}

/// What came of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Swapped {
    /// [`Change::Swapped`], [`Change::Refused`] or [`Change::RolledBack`].
    pub change: Change,
    /// Nanoseconds from when the old driver was asked to stop until the new one worked, or the old one again.
    pub pause: u64,
    /// Why the new driver does not work.
    pub why: Why,
}

/// Whether a driver has taken a device over, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Why {
    /// It did.
    Works,
    /// Its manifest does not name the device.
    OtherDevices,
    /// Its manifest is not one under which it can be started beside the others.
    Manifest,
    /// Its file is no program, or breaks the rules for programs.
    NoProgram,
    /// There is not enough memory, or another resource, for it.
    NoRoom,
    /// It was started, and has ended, or did not stand by in time.
    NotUp,
    /// It does not go on with what its predecessor has left.
    Record,
    /// It has failed when it had the device already.
    AtWork,
}

/// What a driver has counted since it took the device over. What it does not count is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Statistics {
    /// Frames or requests that came in, or were read.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Frames or requests that went out, or were written.
    pub sent: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// What was refused, or failed.
    pub errors: u64,
    /// Resets of the device.
    pub resets: u64,
    /// Interrupts.
    pub interrupts: u64,
    /// Whether the link is up, of a card: 0 no, 1 yes.
    pub link: u64,
}
