//! x86_64: entries, descriptors, paging, local and IO-APICs, timers' hardware, serial lines, power.

pub(crate) mod apic;
pub(crate) mod boot;
pub(crate) mod cpu;
pub(crate) mod descriptors;
pub(crate) mod entry;
pub(crate) mod exception;
pub(crate) mod frame;
pub(crate) mod io_apic;
pub(crate) mod msi;
pub(crate) mod paging;
pub(crate) mod pic;
pub(crate) mod ports;
pub(crate) mod power;
pub(crate) mod reference;
pub(crate) mod serial;
pub(crate) mod switch;
pub(crate) mod syscall;
mod toolchain;
pub(crate) mod trampoline;
pub(crate) mod user_tables;
