//! The network server on the host: any number of threads in virtual time, and this host speaking to itself.
#![forbid(unsafe_code)]

mod cards;
mod datagrams;
mod frames;
mod kept;
mod lending;
mod pieces;
mod storms;
pub(crate) mod streams;
mod world;
