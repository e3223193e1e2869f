//! The internet layers below TCP: frames in, what is in them out; what is to be sent in, headers and small frames out.
//!
//! | module | whose | what it knows |
//! |---|---|---|
//! | [`frame`], [`egress`] | everybody's | formats, as functions without state |
//! | [`tables`], [`interface`], [`routes`] | each thread's replica | what only thread 0 changes |
//! | [`udp`] | each thread's | its own sockets |
//! | [`neighbours`], [`arp`], [`ndp`], [`detection`], [`routers`], [`fragments`], [`icmp`], [`dhcp`], [`dns`] | thread 0's | what is not shared out, each by itself |
//! | [`control`] | thread 0's | those together |
//!
//! All of it runs in virtual time, gives the same output for the same input and seed, and knows no lock, clock or thread. Payload stays where it is: what is found
//! are ranges, and where fragments belong. docs/inet.md says why.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arp;
mod bytes;
pub mod control;
mod counters;
pub mod detection;
pub mod dhcp;
pub mod dns;
pub mod egress;
pub mod fragments;
pub mod frame;
pub mod icmp;
pub mod interface;
mod limit;
pub mod ndp;
pub mod neighbours;
mod random;
pub mod routers;
pub mod routes;
pub mod tables;
pub mod udp;

pub use bytes::{Bytes, Sum, sum_of_copies};
pub use control::Control;
pub use counters::{Counters, Drop};
pub use frame::{Fragment, Ingress, InterfaceId, LINK_HEADER, Packet, Verified, What};
pub use interface::{Assigned, Cast, Interface, Kind, Standing};
pub use limit::Limit;
pub use random::{Keyed, Random};
pub use routes::Route;
pub use tables::{Change, Full, Hop, Known, NoRoute, Tables};
