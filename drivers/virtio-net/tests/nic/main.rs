//! The driver against a model of its device: frames both ways, indices that wrap around, suppression, and a device that lies.

mod card;
mod handing;
mod lies;
mod merged;
mod model;
mod offload;
mod serving;
mod swapping;
