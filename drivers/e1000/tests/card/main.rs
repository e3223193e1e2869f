//! The driver against a model of its device: frames both ways, offloads, a device that lies, resets, successors.

mod adopting;
mod lies;
mod model;
mod nic;
mod offload;
mod packets;
mod serving;
mod swapping;
