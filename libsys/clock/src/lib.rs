//! Time from a free-running counter: scaling ticks to nanoseconds, measuring the counter's frequency against a
//! reference, and judging whether all CPUs' counters agree.
//!
//! The kernel reads the hardware (TSC, HPET, PM timer, PIT), and programs read the time-stamp counter by the scale that the
//! kernel found; everything that can be got wrong by arithmetic is here, once for both.
#![no_std]
#![forbid(unsafe_code)]

mod calibrate;
mod measure;
mod questions;
mod scale;
mod skew;

pub use calibrate::{Calibration, CalibrationError, MAX_SAMPLES, Sample, calibrate, extend_counter};
pub use measure::{Reference, measure};
pub use questions::{EXCHANGES, Questions};
pub use scale::TscScale;
pub use skew::{Exchange, Skew};
