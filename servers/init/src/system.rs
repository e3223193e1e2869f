//! What init does to the kernel, the loader and names.

use anax_abi::{Error, Handle};
use anax_manifest::Manifest;
use anax_proto::Gift;
use anax_startup::Start;
use anax_system::Status;

use crate::process::Image;
use crate::share::Urgency;

/// Where a program begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its first instruction.
    pub instruction: u64,
    /// The end of its stack.
    pub stack: u64,
}

/// What a space uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Pages.
    pub pages: u64,
    /// Handles.
    pub handles: u64,
    /// Time on CPUs that its threads have had, in nanoseconds.
    pub time_ns: u64,
    /// Messages that wait at the process's port.
    pub waiting: u64,
    /// Threads.
    pub threads: u64,
    /// Messages that they have sent to ports.
    pub sent: u64,
}

/// What a process was seen to do since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It has nothing to do, or has answered.
    Progress,
    /// It has work, and runs, or would if it had the CPU.
    Runnable,
    /// It has work, but waits for somebody itself.
    Waited,
}

/// The kernel and the two servers without which there are no processes. Nothing here waits for longer than a limit.
pub trait System {
    /// A process as the kernel knows it: space, first thread, port.
    type Made: Copy + core::fmt::Debug;

    /// Nanoseconds since boot.
    fn now(&self) -> u64;

    /// 64 random bits.
    fn random(&mut self) -> u64;

    /// Makes a space, its first thread, and a port of the thread's; also the thread's number, by which its end is told.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    fn make(&mut self, manifest: &Manifest) -> Result<(Self::Made, u64), Error>;

    /// Puts a handle into the process's table: its handle there. What is given is gone here, also if that fails.
    ///
    /// # Errors
    /// `BadHandle`, `Quota`.
    fn give(&mut self, made: Self::Made, what: Gift) -> Result<Handle, Error>;

    /// Gives it what every process has, and what its manifest says, with `process` for a badge: names and handles.
    ///
    /// # Errors
    /// `Quota`, and `BadArgument` for what this machine has not.
    fn equip(
        &mut self,
        made: Self::Made,
        process: u64,
        names: Option<Self::Made>,
        manifest: &Manifest,
        start: &mut Start,
    ) -> Result<(), Error>;

    /// Loads its program by the loader: `None` is the loader's own, which init loads itself.
    ///
    /// # Errors
    /// Of the file and the space; `PeerDied` and `TimedOut` of the loader.
    fn load(
        &mut self,
        made: Self::Made,
        loader: Option<Self::Made>,
        image: &Image,
        manifest: &Manifest,
    ) -> Result<Entry, Error>;

    /// Takes away what a loader that did not answer has loaded.
    ///
    /// # Errors
    /// Those of the kernel.
    fn unload(&mut self, made: Self::Made) -> Result<(), Error>;

    /// Starts it.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    fn begin(&mut self, made: Self::Made, entry: Entry, start: &Start) -> Result<(), Error>;

    /// Ends it; when this returns, none of its threads runs, and its memory is gone.
    fn end(&mut self, made: Self::Made);

    /// How it has ended that did not answer because its port is gone; nothing if it only did not answer.
    fn fate(&mut self, made: Self::Made) -> Option<Status>;

    /// What it uses.
    fn load_of(&self, made: Self::Made) -> Load;

    /// What init and all processes have taken: pages, handles, threads, messages.
    fn account(&self) -> [u64; 4];

    /// What it has done since this was last asked.
    fn look(&mut self, made: Self::Made, process: u64) -> Happened;

    /// Whether its first thread waits for something at this moment.
    fn waits(&self, made: Self::Made) -> bool;

    /// Makes it so urgent.
    fn set_urgency(&mut self, made: Self::Made, manifest: &Manifest, urgency: Urgency);

    /// A handle to send to its port, by which `process` is known.
    ///
    /// # Errors
    /// `BadHandle`, `Quota`.
    fn port_for(&mut self, made: Self::Made, process: u64) -> Result<Handle, Error>;

    /// Another handle to its space, with all rights.
    ///
    /// # Errors
    /// `BadHandle`, `Quota`.
    fn space_of(&mut self, made: Self::Made) -> Result<Handle, Error>;

    /// Another handle to the same, with all its rights.
    ///
    /// # Errors
    /// `BadHandle`, `Quota`.
    fn copy(&mut self, handle: Handle) -> Result<Handle, Error>;

    /// Gives a handle up.
    fn close(&mut self, handle: Handle);

    /// Tells names of a process, and of all that it serves and needs.
    ///
    /// # Errors
    /// `PeerDied` and `TimedOut` of names.
    fn admit(
        &mut self,
        names: Self::Made,
        made: Self::Made,
        process: u64,
        manifest: &Manifest,
    ) -> Result<(), Error>;

    /// Tells names that it has ended; those of `gone` will not be served again.
    ///
    /// # Errors
    /// As [`Self::admit`].
    fn dismiss(
        &mut self,
        names: Self::Made,
        process: u64,
        gone: &[alloc::string::String],
    ) -> Result<(), Error>;

    /// Writes a line to the log.
    fn say(&mut self, line: core::fmt::Arguments<'_>);

    /// Switches the machine off, or starts it again.
    fn finish(&mut self, status: Option<u8>);
}
