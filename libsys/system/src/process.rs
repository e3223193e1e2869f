//! Processes, and what outlives them.

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_manifest::Manifest;
use anax_proto::{Caller, Gift, Later};
use serde::{Deserialize, Serialize};

use crate::Name;

/// How a process ended: what its main function returned, an error's code, or one of the constants below.
pub type Status = u64;

/// Somebody killed it.
pub const KILLED: Status = 1 << 34;
/// Its supervisor did, because it had work, had the CPU, and did not get on.
pub const HUNG: Status = 1 << 35;
/// A fault ended it; the vector stands in the low bits.
pub const FAULTED: Status = 1 << 32;

/// In which condition a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Condition {
    /// Made, not started.
    Prepared,
    /// It runs.
    Runs,
    /// It has ended so; it will be started again in a while.
    Waits(Status),
    /// It has ended so.
    Ended(Status),
}

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// Its number.
    pub process: u64,
    /// Its program.
    pub name: String,
    /// Its condition.
    pub condition: Condition,
    /// How often its program was started again.
    pub restarts: u32,
    /// Pages in use.
    pub pages: u64,
    /// Handles in use.
    pub handles: u64,
    /// Time on CPUs that its threads have had, in nanoseconds.
    pub time_ns: u64,
    /// Messages that wait at its port.
    pub waiting: u64,
    /// Threads that it has.
    pub threads: u64,
    /// Messages that the threads which it has have sent to ports so far; what goes by channels is not among them.
    pub sent: u64,
}

/// Starts programs, watches over them, ends them. Served by init, which is never restarted.
#[anax_proto::interface]
pub trait Processes {
    /// A process of a program of the boot archive, not yet started: its number. Its manifest decides what it may use and reach.
    ///
    /// `NoRights` without the capability `spawn`, `BadArgument`: there is no such program. `Quota`, `NoMemory`.
    fn prepare(&mut self, caller: Caller, name: Name) -> Result<u64, Error>;

    /// The same of a driver's file that came later: `bytes` bytes at the beginning of a region (READ), under a manifest that comes along and holds for this
    /// process alone.
    ///
    /// `NoRights` for a manifest that asks for capabilities, or is no driver's: what a device manager gives must be all. `Exists`: its name is that of
    /// another kind of program, or what it provides is another's.
    #[control]
    fn prepare_file(
        &mut self,
        caller: Caller,
        manifest: Manifest,
        file: Gift,
        bytes: u64,
    ) -> Result<u64, Error>;

    /// Gives it a handle before it is started, which it finds by a name.
    #[control]
    fn give(&mut self, caller: Caller, process: u64, name: &str, what: Gift) -> Result<(), Error>;

    /// The same for its standard input, output and error, as `anax_startup::handles` names them, by one message.
    fn give_streams(
        &mut self,
        caller: Caller,
        process: u64,
        stdin: Gift,
        stdout: Gift,
        stderr: Gift,
    ) -> Result<(), Error>;

    /// Adds arguments, before those that [`start`](Self::start) brings, and variables of its environment, as `NAME=value`, to what it is told when it is started. For what does
    /// not fit into one message.
    ///
    /// `BadHandle`: it is not the caller's, or was started. `Full`: more than 256 of either, or more than 32 KiB in all.
    #[control]
    fn tell(
        &mut self,
        caller: Caller,
        process: u64,
        arguments: Vec<String>,
        environment: Vec<String>,
    ) -> Result<(), Error>;

    /// Starts it with these arguments.
    ///
    /// `BadHandle`: it is not the caller's, or was started. `Full` as above.
    #[control]
    fn start(&mut self, caller: Caller, process: u64, arguments: Vec<String>) -> Result<(), Error>;

    /// Its port, to send to: for whoever prepared it.
    fn port(&mut self, caller: Caller, process: u64) -> Result<Gift, Error>;

    /// Waits until it has ended, and returns how. At most 16 wait: the one that has waited longest is told `Aborted` then, for it may have died
    /// over it.
    fn wait(&mut self, caller: Caller, process: u64, later: Later<Status, Error>);

    /// Ends it. One that is to be restarted by its manifest will be.
    ///
    /// `NoRights` without the capability `kill` for a process of another's.
    fn kill(&mut self, caller: Caller, process: u64) -> Result<(), Error>;

    /// Makes a process of the caller's that of the program that serves `service`, and runs: it goes on when the caller ends, and ends with that one. Nobody is to ask how.
    ///
    /// `BadHandle`: it is not the caller's, or was not started. `BadArgument`: no program that starts with the system serves that now.
    fn entrust(&mut self, caller: Caller, process: u64, service: Name) -> Result<(), Error>;

    /// Starts a program that starts with the system, if it does not run: its process.
    ///
    /// `NoRights` without the capability `kill`, `BadArgument`: there is no such program, `Exists`: it runs.
    fn start_service(&mut self, caller: Caller, name: Name) -> Result<u64, Error>;

    /// Ends one, and does not start it again until somebody asks for it. Who waits for what it serves is told that there is none.
    ///
    /// `NoRights` without the capability `kill`, and for those that init itself needs; `WouldBlock`: it does not run.
    fn stop_service(&mut self, caller: Caller, name: Name) -> Result<(), Error>;

    /// Its space (CONTROL), with which everything can be done to it: for debuggers and tests. The handle dies with the process.
    ///
    /// `NoRights` without the capability `debug`, `BadArgument` for the caller's own, `PeerDied`: it does not run.
    fn space(&mut self, caller: Caller, process: u64) -> Result<Gift, Error>;

    /// Processes of numbers above `after`, as many as fit.
    #[control]
    #[idempotent]
    fn list(&mut self, caller: Caller, after: u64) -> Result<Vec<Report>, Error>;

    /// What all processes have taken of the machine: pages, handles, threads, messages, init's own included. Where nothing is lost, it is the same
    /// whenever the same processes run.
    #[idempotent]
    fn account(&mut self) -> Result<[u64; 4], Error>;

    /// A handle to the names server; the one that a process began with dies with that.
    #[idempotent]
    fn names(&mut self, caller: Caller) -> Result<Gift, Error>;

    /// Keeps a handle for a service that is restarted, by a number of the caller's choice; it outlives the caller, not its program.
    ///
    /// `NoRights` without the capability `keep`, `Full` beyond 256.
    fn keep(&mut self, caller: Caller, number: u64, what: Gift) -> Result<(), Error>;

    /// What a predecessor, or the caller, has kept there. `WouldBlock`: nothing.
    #[idempotent]
    fn kept(&mut self, caller: Caller, number: u64) -> Result<Gift, Error>;

    /// Lets go of it.
    #[idempotent]
    fn forget(&mut self, caller: Caller, number: u64) -> Result<(), Error>;

    /// Is answered when the system is about to end and all applications have: the caller has three seconds from then on for what is to last, and says that it has done that by ending.
    ///
    /// `Aborted`: it has asked again.
    fn farewell(&mut self, caller: Caller, later: Later<(), Error>);

    /// Ends all processes, those above first, and switches the machine off: returns only if that is refused. Needs the capability `power`, as the next one.
    fn power_off(&mut self, caller: Caller, status: u8, later: Later<(), Error>);

    /// The same, but the machine starts again.
    fn reboot(&mut self, caller: Caller, later: Later<(), Error>);
}
