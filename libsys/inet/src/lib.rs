//! The internet layers below TCP: frames in, what is in them out; what is to be sent in, headers and small frames out.
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

pub use bytes::{Bytes, Sum};
pub use control::Control;
pub use counters::{Counters, Drop};
pub use frame::{Fragment, Ingress, InterfaceId, LINK_HEADER, Packet, Verified, What};
pub use interface::{Assigned, Cast, Interface, Kind, Standing};
pub use limit::Limit;
pub use random::{Keyed, Random};
pub use routes::Route;
pub use tables::{Change, Full, Hop, Known, NoRoute, Tables};
