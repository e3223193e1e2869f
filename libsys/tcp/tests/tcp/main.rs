//! The engine against itself, over wires that lose, repeat and reorder.

mod hostile;
mod keeping;
mod losses;
mod orders;
mod owners;
mod scenarios;
mod script;
mod transfers;
mod world;
