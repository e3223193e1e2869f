//! The host's end of a guest's network: who talks to `peerd`, the network between, and who disturbs it.
//!
//! What a guest's network is worth shows only against another implementation, so the other side is the host's own: clients here use the host's
//! sockets, in a network of their own ([`network`]) into which the guest's card is plugged. All that they move is verified, and all of them end: by a
//! verdict ([`Verdict`]) that says what was seen, or by the time that they were given.
//!
//! [`serve`] offers what the guest offers, from the host's sockets: for the tests of all this, and for a floor to measure against.
#![forbid(unsafe_code)]

pub mod capture;
pub mod client;
mod files;
pub mod network;
pub mod relay;
pub mod serve;
mod stop;
mod target;
mod verdict;

pub use target::{Ports, Target};
pub use verdict::Verdict;
