//! The first program: starts what the boot manifest lists, watches over it, and keeps what outlives it.
//!
//! It is small because nobody restarts it: it parses no program file but the loader's, waits for nobody without a limit, and has no service that
//! could be elsewhere. This is its logic; what it does to the kernel stands behind [`System`], so that the host can test it.
//!
//! | | |
//! |---|---|
//! | [`Init`] | all processes, and what may be asked about them |
//! | [`System`] | the kernel, the loader and names as init uses them |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ending;
mod init;
mod notice;
mod process;
mod serve;
mod services;
mod share;
mod system;

pub use init::{Init, LOADER, NAMES};
pub use notice::is_notice;
pub use process::{Image, Process};
pub use serve::MOST_WAITING;
pub use share::{Share, Urgency};
pub use system::{Entry, Happened, Load, System};
