//! What the drivers of all devices share, whatever they drive: how one takes another's place, and how their supervisor tells them to.
//!
//! A planned change goes like this, and the client notices nothing but a pause:
//!
//! ```text
//! supervisor          old driver                         successor
//!     start ------------------------------------------>  standby: has mapped all, touches nothing
//!     quiesce() --->  finishes what ends by itself,
//!                     writes a Record, does nothing more
//!     take_over() ------------------------------------>  checks the record, goes on with device and channel
//!     ends the old one                                   running
//! ```
//!
//! If the successor refuses, it has touched nothing, and `resume()` lets the old one go on. A driver that dies, hangs or can't be quiesced
//! is replaced the other way: its device is fenced, and the client hears of a new epoch.
//!
//! | | |
//! |---|---|
//! | [`Record`] | what a successor has to know, in memory of the supervisor's |
//! | [`Driver`] | what the supervisor asks of a driver; the supervisor calls, never the driver |
//! | [`Serve`] | what a kind of driver does: a network card's service, a disk's |
//! | [`Station`] | which of standby, running and quiesced a driver is, and [`Driver`] by it |
//! | [`handover`] | what a supervisor gives to a driver's program |
//! | `program` | that program's loop; for ring 3 only |
//!
//! Nothing here allocates, blocks or calls the kernel, but for `program`.
#![no_std]
#![forbid(unsafe_code)]

mod counters;
pub mod handover;
mod interface;
mod pace;
#[cfg(feature = "bin")]
pub mod program;
mod record;
mod refusal;
mod serve;
mod station;
mod turns;

pub use counters::Counters;
pub use interface::{Driver, DriverClient, DriverError, Events, Health, Link, Mode, Traffic, driver};
pub use pace::Pace;
pub use record::{CARD_WORDS, Flow, InFlight, Kind, MAX_IN_FLIGHT, Name, Record, STATE_BYTES};
pub use refusal::Refusal;
pub use serve::{Next, NotSuspended, Polled, Serve, Served, ServiceError, Settled, Wake};
pub use station::Station;
pub use turns::{Moment, Turns};
