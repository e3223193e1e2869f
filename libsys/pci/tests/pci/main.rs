//! The walk over a model of configuration space, and over models that lie.

mod bars;
mod control;
mod hostile;
mod model;
mod names;
mod walk;
