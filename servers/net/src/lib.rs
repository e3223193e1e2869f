//! The network server: one process, a protocol thread on each CPU, and no locks.
//!
//! | module | whose | what |
//! |---|---|---|
//! | [`dispatch`] | everybody's | which thread a packet or a socket belongs to: each protocol's own function |
//! | [`shard`] | each thread's own | its connections and sockets, what they ask and what comes for them |
//! | [`zero`] | thread 0's | what is not shared out: cards, neighbours, fragments, ICMP, DHCP, names |
//! | [`crossbar`], [`item`] | between two threads | what they hand each other |
//! | [`frame`], [`build`], `pieces` | everybody's | frames that came, frames to be sent, and what of streams lies in programs' memory |
//!
//! A connection is touched by the thread that owns it and by no other; what comes to the wrong one is forwarded. Nothing here needs the machine: it is
//! tested on the host with as many threads as one likes, in virtual time. docs/network.md says why.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod addresses;
pub mod build;
pub mod cards;
pub mod convert;
pub mod crossbar;
pub mod dispatch;
pub mod frame;
pub mod item;
pub mod kept;
mod pieces;
pub mod session;
pub mod shard;
pub mod thread;
pub mod zero;
