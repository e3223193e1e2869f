//! The driver against a model of a channel's registers: contents through errors, hangs, resets and lies.

mod disk;
mod model;
mod serving;
mod starting;
mod swapping;
