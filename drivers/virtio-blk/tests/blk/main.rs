//! The driver against a model of its device: contents through resets, deaths and lies.

mod disk;
mod model;
mod serving;
mod swapping;
