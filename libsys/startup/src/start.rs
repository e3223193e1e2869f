//! The content of a start area.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use anax_abi::Handle;

/// Most arguments.
pub const MOST_ARGUMENTS: usize = 256;
/// Most handles.
pub const MOST_HANDLES: usize = 64;

/// All that a program is told.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// The number of the process, as its supervisor counts; 0 if nobody does.
    pub process: u64,
    /// What it is called, in the log above all.
    pub name: String,
    /// Its arguments, without the name.
    pub arguments: Vec<String>,
    /// What its random numbers grow from: a secret between it and its supervisor. All zero if it was given none.
    pub seed: [u8; 32],
    /// The handles in its space, each a name (see [`handles`](crate::handles)) and the handle's word there.
    pub handles: Vec<(String, u64)>,
}

impl Start {
    /// The handle of that name; of several the first.
    #[must_use]
    pub fn handle(&self, name: &str) -> Option<Handle> {
        self.handles.iter().find(|(known, _)| known == name).map(|(_, word)| Handle::from_word(*word))
    }

    /// Adds a handle.
    #[must_use]
    pub fn with_handle(mut self, name: &str, handle: Handle) -> Self {
        self.handles.push((name.into(), handle.to_word()));
        self
    }
}

/// Without the seed, which is nobody else's business.
impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("process", &self.process)
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .field("handles", &self.handles)
            .finish_non_exhaustive()
    }
}
