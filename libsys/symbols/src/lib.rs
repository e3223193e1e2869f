//! A compact symbol table: it lets a kernel that has just panicked print names instead of addresses.
//!
//! The build tool writes the table from the kernel's ELF file (feature `write`) and puts it into the boot archive;
//! the kernel reads it in place, without memory to allocate and without trusting it: a damaged table yields no
//! names or wrong ones, never a panic.
//!
//! Names are kept in two pieces, the path (`core::fmt::num::`) and the rest (`{impl}::fmt`). Most functions share
//! their path with others, so storing each path once keeps the table at about 40 bytes a function.
#![cfg_attr(not(feature = "write"), no_std)]
#![forbid(unsafe_code)]

mod layout;
mod read;
#[cfg(feature = "write")]
mod write;

pub use read::{Symbol, Symbols, SymbolsError};
#[cfg(feature = "write")]
pub use write::Writer;
