//! The engine against itself, over wires that lose, repeat and reorder.

mod transfers;
mod world;
