//! Programs that have attached.

use alloc::sync::Arc;

use anax_ring::{SharedBlock, SharedBytes};

/// A program's memory.
pub trait Arena: Send + Sync + 'static {
    /// All of it.
    fn bytes(&self) -> SharedBytes<'_>;
}

/// Memory that a program has shown, or whoever has given it to that: mapped here as long as this is there, to be read.
pub trait Foreign: Send + Sync + 'static {
    /// All of it.
    fn block(&self) -> SharedBlock<'_>;
}

/// A program that has attached, as all threads see it.
#[derive(Debug)]
pub struct Session<A> {
    /// The badge of its handles.
    pub number: u64,
    /// Where its rings lie.
    pub arena: A,
}

/// Held by each thread that knows it, and by each socket whose rings are in use: the memory stays mapped as long.
pub type Held<A> = Arc<Session<A>>;
