//! What can be asked of the device manager: which devices there are, who drives them, and to replace who does.
//!
//! A device that clients use by a channel, a network card or a disk, has one as long as the machine runs: channel, buffers and the memory of the device's
//! queues are the manager's, so a driver can go and another come, and the client keeps what it has.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod report;

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_manifest::Manifest;
use anax_proto::{Caller, Gift};
use anax_system::Name;

pub use report::{Change, Complaint, Event, Report, State, Statistics, Swapped, Why};

/// The name of the service.
pub const SERVICE: &str = "devices";

/// Who drives what. Who may ask is in the manifests: whoever needs the service `devices`.
#[anax_proto::interface]
pub trait Devices {
    /// The devices of places from `first` on, as many as fit.
    #[control]
    #[idempotent]
    fn list(&mut self, first: u32) -> Result<Vec<Report>, Error>;

    /// What has happened to a device since the event of number `after`, as many as fit, oldest first.
    #[control]
    #[idempotent]
    fn history(&mut self, device: Name, after: u64) -> Result<Vec<Event>, Error>;

    /// What its driver has counted.
    #[control]
    #[idempotent]
    fn statistics(&mut self, device: Name) -> Result<Statistics, Error>;

    /// Uses a device that has a channel: the client's end of it (SEND, RECEIVE), the memory that it lies in, and the memory for buffers. It is the caller's until he ends, or closes it; what he had
    /// opened before he has no longer.
    ///
    /// `BadArgument`: there is no such device, or it has no channel. `Exists`: another one has it, and runs.
    fn open(&mut self, caller: Caller, device: Name) -> Result<(Gift, Gift, Gift), Error>;

    /// The caller has no use any more for a device that he has opened: another program may open it.
    ///
    /// `NoRights`: another has it.
    #[idempotent]
    fn close(&mut self, caller: Caller, device: Name) -> Result<(), Error>;

    /// Replaces the driver by the program of that name, which may be the same, while it works: the client sees a pause.
    ///
    /// `Ok` also if the new driver was refused or failed, and the old one goes on: [`Swapped`] says so. `WouldBlock`: it has no driver that works.
    #[control]
    fn swap(&mut self, device: Name, driver: Name) -> Result<Swapped, Error>;

    /// The same by a driver's file that the boot archive need not have: `bytes` bytes at the beginning of a region (READ, GRANT) that nobody writes any more,
    /// and its manifest. It is what is started again when it has ended, until another takes its place.
    #[control]
    fn swap_file(
        &mut self,
        device: Name,
        manifest: Manifest,
        file: Gift,
        bytes: u64,
    ) -> Result<Swapped, Error>;

    /// Ends the driver as if it had died, and starts this one on trial, with arguments behind the device's name: its process. However that one ends, the
    /// driver that was there before takes its place.
    ///
    /// `BadArgument`: there is no such device or driver. `WouldBlock`: the device has no driver that works. Any other: it did not come up, and the
    /// driver from before works again.
    #[control]
    fn trial(&mut self, device: Name, driver: Name, arguments: Vec<String>) -> Result<u64, Error>;

    /// By the device's client: the driver that it has in the channel's epoch of that number is no good. It is ended as if it had died. Of another epoch than
    /// the present one nothing is said.
    ///
    /// `NoRights`: another has opened the device.
    #[control]
    #[idempotent]
    fn complain(
        &mut self,
        caller: Caller,
        device: Name,
        epoch: u32,
        complaint: Complaint,
    ) -> Result<(), Error>;

    /// Ends the driver as if it had died, and starts it again at once, whatever has happened before.
    ///
    /// # Errors
    /// It does not come up at once: its policy says when it is tried again.
    #[idempotent]
    fn restart(&mut self, device: Name) -> Result<(), Error>;

    /// Ends the driver as if it had died: its policy says what comes then.
    fn kill(&mut self, device: Name) -> Result<(), Error>;

    /// Ends the driver; the device is still until it is [restarted](Self::restart).
    #[idempotent]
    fn stop(&mut self, device: Name) -> Result<(), Error>;
}
