//! A program file becomes memory of a space.

use anax_abi::Error;
use anax_proto::{Caller, Gift};

use crate::Name;

/// Loads programs, under the policy of `libsys/elf`. For init alone.
#[anax_proto::interface]
pub trait Loader {
    /// Loads program `name` of the boot archive into `space` (CONTROL), with a stack of so many bytes. Where its first thread begins: instruction pointer,
    /// stack pointer. The stack lies where `seed` says.
    ///
    /// `BadArgument`: there is no such program, or its file breaks the policy. `Quota`, `NoMemory`: of the space.
    fn load(
        &mut self,
        caller: Caller,
        space: Gift,
        name: Name,
        stack: u32,
        seed: u64,
    ) -> Result<(u64, u64), Error>;

    /// The same of a file of `bytes` bytes at the beginning of a region (READ).
    fn load_file(
        &mut self,
        caller: Caller,
        space: Gift,
        file: Gift,
        bytes: u64,
        stack: u32,
        seed: u64,
    ) -> Result<(u64, u64), Error>;
}
