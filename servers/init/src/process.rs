//! One process, and the program behind it.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::{Error, Handle};
use anax_manifest::{Manifest, Restarts};
use anax_proto::Later;
use anax_startup::NamedHandle;
use anax_system::{Condition, Status};

use crate::share::Share;

/// Where a program's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// In the boot archive, under this name.
    Archive(String),
    /// At the beginning of a region: its handle, and bytes.
    Region(Handle, u64),
}

/// A process, from when it is prepared until its end is told.
#[derive(Debug)]
pub struct Process<M> {
    /// What the kernel knows it by; none while it is to be started again, or when it has ended.
    pub made: Option<M>,
    /// Number of its first thread.
    pub thread: u64,
    /// Its manifest.
    pub manifest: Rc<Manifest>,
    /// Its file.
    pub image: Image,
    /// Who prepared it; 0 for init itself.
    pub maker: u64,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment: variables, as `NAME=value`.
    pub environment: Vec<String>,
    /// What it was given: handles of its own table.
    pub given: Vec<NamedHandle>,
    /// Its condition.
    pub condition: Condition,
    /// Who waits for its end.
    pub waiting: Vec<Later<Status, Error>>,
    /// How often it was started again, and may be.
    pub restarts: Restarts,
    /// When it is started again.
    pub due: Option<u64>,
    /// Somebody has stopped it: it is not started again.
    pub is_stopped: bool,
    /// Its maker did not start it, and will not ask for its end.
    pub is_entrusted: bool,
    /// How long it was seen to have work, to wait for nobody but the CPU, and not to get on, in nanoseconds.
    pub stuck: u64,
    /// What is known of its share of the CPU, of a driver.
    pub share: Share,
}

impl<M> Process<M> {
    /// Whether init starts it again: nobody gave it anything that its successor would lack.
    pub(crate) fn is_restartable(&self) -> bool {
        self.given.is_empty()
    }
}
