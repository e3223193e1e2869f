//! What a ring-3 program starts on: its entry point, the trap, messages under the paper's names, and the kernel's objects.
//!
//! The lowest layer of libsys, thin on purpose: one function an operation or command, no allocation, nothing owned. The parts
//! that exist in ring 3 only (`cfg(anax)`, which the build tool sets) are the entry point, the panic handler, the functions
//! that the compiler calls by name, and the trap itself. On the host the trap answers `BadHandle`, so that libraries that
//! link this one can be tested there.
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! anax_sys::main!(main);
//! fn main(argument: u64) -> Result<(), anax_sys::Error> { ... }
//! ```
#![no_std]

#[cfg(any(test, feature = "fake"))]
extern crate std;

// For the functions in it that the compiler calls by name.
use anax_memory as _;

mod batch;
mod clock;
mod entry;
pub mod frames;
mod guard;
mod handles;
#[cfg(any(anax, test))]
mod heap;
mod letter;
pub mod lock;
pub mod log;
pub mod object;
mod panic;
pub mod place;
mod port;
mod target;
mod time;
#[cfg(anax)]
mod toolchain;
pub mod trap;

pub use anax_abi::{Envelope, Error, Flags, Handle, MAX_HANDLES, Message, MessageNumber, Rights, WORDS};
pub use batch::Batch;
pub use entry::{PANIC_STATUS, Status};
pub use handles::{Beside, Came, Offer, collect, offer, withdraw_offers};
pub use letter::{Letter, initmsg, initmsg_rp};
pub use panic::{PanicHook, PanicLine, on_panic};
pub use port::{Port, Received, replymsg};
pub use target::{Answer, Target};
pub use time::{Deadline, Instant};
