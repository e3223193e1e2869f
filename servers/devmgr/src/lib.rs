//! The device manager's logic: who drives a device, and how another comes to.
//!
//! What outlives a driver is held by the manager: channel, buffers, the memory of the device's queues. So a driver can go in two ways:
//!
//! ```text
//!  planned                                   unasked: crash, hang, kill
//!    successor: starts, touches nothing        the process ends
//!    old one:   stops, writes a record         fence: the device reaches no memory
//!    successor: takes device and channel       new epoch: the client learns that its peer died
//!               over as the record says        successor: starts, resets the device, serves
//!    old one:   ends
//! ```
//!
//! A successor that does not come up, or refuses what it finds, costs nothing: the old one goes on. One that fails later costs a reset.
//!
//! What it does to the machine stands behind [`System`], so that the host can test it. Each step has a time limit.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod device;
mod manager;
mod system;

pub use device::{Device, HISTORY};
pub use manager::{Driven, Manager};
pub use system::{Driver, Hardware, How, Image, NotStarted, Refusal, System};
