//! The kernel's objects, each command a function.
//!
//! Thin: a value here is a handle with a kind, nothing is given up when it goes out of scope, and the kernel checks kind and
//! rights. Every function can fail with `BadHandle`, `NoRights` and (for a handle of another kind) `BadCommand`; the errors that
//! are named are those beside. What each command does is written once, in [`anax_abi::object`].

use anax_abi::{Error, Handle, WORDS};

use crate::target::{Answer, Target};

macro_rules! object {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(transparent)]
        pub struct $name(anax_abi::Handle);

        impl $name {
            /// The object behind the handle, which is taken at its word.
            #[must_use]
            pub const fn from_handle(handle: anax_abi::Handle) -> Self {
                Self(handle)
            }

            /// Its handle.
            #[must_use]
            pub const fn handle(self) -> anax_abi::Handle {
                self.0
            }
        }
    };
}

mod channel;
mod devices;
mod machine;
mod region;
mod space;
mod thread;
mod timer;

pub use channel::Channel;
pub use devices::{Irq, Ports};
pub use machine::{Line, Machine, Polarity, Trigger};
pub use region::{Region, RegionKind};
pub use space::{Limits, Space, Usage};
pub use thread::{Registers, Thread};
pub use timer::Timer;

/// A processor, by its number from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Cpu(pub u32);

/// [`NULL`](anax_abi::object::NULL): does nothing. What a message costs.
///
/// # Errors
/// `BadHandle`.
#[inline(always)]
pub fn null(target: Target) -> Result<(), Error> {
    done(target.domsg(anax_abi::object::NULL, [0; WORDS]))
}

/// Sends `words`, the rest zero.
#[inline]
fn ask<const N: usize>(handle: Handle, command: u32, words: [u64; N]) -> Result<Answer, Error> {
    Target::from_handle(handle).domsg(command, pad(words))
}

/// Sends `words` without looking whether the command reaches memory.
///
/// # Safety
/// The command touches no memory that Rust code of this program owns.
#[inline]
unsafe fn ask_anything<const N: usize>(
    handle: Handle,
    command: u32,
    words: [u64; N],
) -> Result<Answer, Error> {
    // SAFETY: by contract.
    let (result, words) = unsafe { crate::trap::call(handle, command, pad(words)) };
    crate::target::answer(result, words)
}

#[inline]
fn pad<const N: usize>(words: [u64; N]) -> [u64; WORDS] {
    const { assert!(N <= WORDS) };
    core::array::from_fn(|index| words.get(index).copied().unwrap_or(0))
}

/// An answer that is just yes.
fn done(answer: Result<Answer, Error>) -> Result<(), Error> {
    answer.map(|_| ())
}

/// An answer whose result is a handle.
fn handle(answer: Result<Answer, Error>) -> Result<Handle, Error> {
    answer.map(|answer| Handle::from_word(answer.result))
}

/// An answer whose result is a number.
fn number(answer: Result<Answer, Error>) -> Result<u64, Error> {
    answer.map(|answer| answer.result)
}

/// Address and length of a buffer.
fn buffer(bytes: &[u8]) -> [u64; 2] {
    [bytes.as_ptr().addr() as u64, bytes.len() as u64]
}

#[cfg(test)]
mod tests;
