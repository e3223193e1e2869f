//! The content of a start area.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use anax_abi::Handle;

/// Most arguments.
pub const MOST_ARGUMENTS: usize = 256;
/// Most variables of the environment.
pub const MOST_VARIABLES: usize = 256;
/// Most handles.
pub const MOST_HANDLES: usize = 64;

/// All that a program is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The number of the process, as its supervisor counts; 0 if nobody does.
    pub process: u64,
    /// What it is called, in the log above all.
    pub name: String,
    /// Its arguments, without the name.
    pub arguments: Vec<String>,
    /// Its environment: variables, as `NAME=value`.
    pub environment: Vec<String>,
    /// What its random numbers begin with.
    pub seed: Seed,
    /// The handles in its space, by name.
    pub handles: Vec<NamedHandle>,
}

/// A handle with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHandle {
    /// The name; see [`handles`](crate::handles).
    pub name: String,
    /// The handle, as it is in the space of the program that is started.
    pub handle: Handle,
}

/// A secret that random numbers grow from. It does not show in debugging output.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Start {
    /// The handle of that name; of several the first.
    #[must_use]
    pub fn handle(&self, name: &str) -> Option<Handle> {
        self.handles.iter().find(|named| named.name == name).map(|named| named.handle)
    }

    /// The variable of that name; of several the last.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = |variable: &'_ String| {
            variable.split_once('=').filter(|(of, _)| *of == name).map(|_| name.len() + 1)
        };
        self.environment.iter().rev().find_map(|variable| Some(&variable[value(variable)?..]))
    }

    /// Adds a handle.
    #[must_use]
    pub fn with_handle(mut self, name: &str, handle: Handle) -> Self {
        self.handles.push(NamedHandle { name: name.into(), handle });
        self
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}
