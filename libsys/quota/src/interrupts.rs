//! Limits on interrupt sources, so that a device that goes wild does not take its CPU along.
//!
//! Two independent limits, each a small state machine over the CPU's time. [`Budget`]: how much CPU time a source's thread may
//! use in the interrupt band, where it preempts everybody. [`Livelock`]: how often an arrival may wake that thread at once.

mod budget;
mod livelock;

pub use budget::{Budget, Charge, Report, Standing};
pub use livelock::{LIMIT_PER_SECOND, Livelock, Poll, Rate, Wake};
