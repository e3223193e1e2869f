//! The boot archive: one file that carries programs and tables into the guest.
//!
//! The PVH road hands the kernel exactly one file, so everything it needs at boot travels in one archive. It
//! is an ordinary cpio archive (`cpio -t` lists it), and its first member, [`INDEX`], says what else is
//! in it with length and checksum: a truncated download, a bad disk or a boot loader that wrote over its
//! modules is found before the first byte is believed, not when a program misbehaves.
//!
//! The reader ([`Archive`]) needs neither allocator nor std and serves kernel and user-land; the writer
//! is behind the feature `write` for the build tool.
#![cfg_attr(not(feature = "write"), no_std)]
#![forbid(unsafe_code)]

mod index;
mod read;
#[cfg(feature = "write")]
mod write;

/// What the members with programs' symbol tables begin with; the name of the binary follows.
pub const SYMBOLS: &str = "sym/";
/// Member with addresses of network cards, if they have any of their own: lines such as `net0 10.0.0.2/24`.
pub const ADDRESSES: &str = "etc/addresses";

/// What the content of a member begins with that is another name of one; that one's name follows.
pub const LINK: &[u8] = b"anax-link:";

pub use index::{INDEX, MAX_MEMBERS, MAX_NAME, VERSION};
pub use read::{Archive, ArchiveError, Members};
#[cfg(feature = "write")]
pub use write::{WriteError, Writer};
