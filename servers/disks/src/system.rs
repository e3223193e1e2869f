//! What the server does to the machine. A test has one of its own.

use alloc::vec::Vec;
use core::fmt;

use anax_abi::Error;
use anax_block_disk::Complaint;
use anax_proto::Gift;
use anax_ring::{Endpoint, Epoch, SharedBytes};
use anax_system::Name;
use serde::{Deserialize, Serialize};

/// A disk's channel, as its only client has it.
#[derive(Debug)]
pub struct Line<'a, W> {
    /// The channel.
    pub endpoint: Endpoint<'a>,
    /// The epoch that it is in.
    pub epoch: Epoch,
    /// The pool.
    pub pool: SharedBytes<'a>,
    /// What is around it. Whoever drops it lets others use the disk.
    pub way: W,
}

/// What is around a disk's channel.
pub trait Way {
    /// Wakes the driver. One that is gone is the device manager's business.
    fn ring(&mut self);

    /// The driver of that epoch is no good.
    fn complain(&mut self, epoch: Epoch, complaint: Complaint);
}

/// A client's memory, until it is dropped.
pub trait Room {
    /// All of it: [`ROOM_BYTES`](anax_block_disk::parts::ROOM_BYTES).
    fn bytes(&self) -> SharedBytes<'_>;
}

/// The machine.
pub trait System<'a> {
    /// What is around a channel.
    type Way: Way + fmt::Debug;
    /// A client's memory.
    type Room: Room + fmt::Debug;

    /// Uses a disk.
    ///
    /// # Errors
    /// `BadArgument`: there is none of that name. `Exists`: another program has it. Those of the device manager.
    fn open(&mut self, disk: Name) -> Result<Line<'a, Self::Way>, Error>;

    /// Maps a room, whose handle goes with it in any case.
    ///
    /// # Errors
    /// `BadArgument`: it is too small. Those of the kernel.
    fn map(&mut self, room: Gift) -> Result<Self::Room, Error>;

    /// Has no use for a handle that was given.
    fn give_back(&mut self, gift: Gift);

    /// [`Disks::left`](crate::Disks::left) is called with `token` when that port has ended. A successor finds the port under `place`.
    ///
    /// # Errors
    /// Those of the kernel and of init; the handle is gone all the same.
    fn hold(&mut self, place: usize, token: u64, hold: Gift) -> Result<(), Error>;

    /// The same for a port that a predecessor has left under `place`.
    ///
    /// # Errors
    /// There is none, or it has ended.
    fn watch_again(&mut self, place: usize, token: u64) -> Result<(), Error>;

    /// No successor looks there any more.
    fn let_go(&mut self, place: usize);

    /// Writes down what a successor has to know.
    fn remember(&mut self, record: &Record);
}

/// Who uses a partition.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The disk.
    pub disk: Name,
    /// The partition's number.
    pub part: u32,
    /// The program's process.
    pub process: u64,
}

/// What a successor has to know.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Who uses what.
    pub claims: Vec<Claim>,
    /// Processes whose ports are kept, by place.
    pub holders: Vec<(usize, u64)>,
    /// Numbers that partitions have had so far: none is another's later, for a program that has several would take one for the other.
    pub numbers: u64,
}
