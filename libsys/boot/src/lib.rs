//! What is said before there are programs: the kernel's command line, which the build tool writes and the kernel reads, and the
//! machine's memory map, which loaders and firmware give in any order and condition, and which kernel and device manager rely on; and what else
//! loaders leave.
#![no_std]
#![forbid(unsafe_code)]

pub mod cmdline;
pub mod info;
pub mod memmap;
