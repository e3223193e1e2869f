//! All that `files.rs` has, with three threads of the server: what is mounted beside the root is another thread's.

#[path = "files/at_once.rs"]
mod at_once;
#[path = "files/basics.rs"]
mod basics;
#[path = "files/conformance.rs"]
mod conformance;
#[path = "files/disk.rs"]
mod disk;
#[path = "files/faults.rs"]
mod faults;
#[path = "files/liars.rs"]
mod liars;
#[path = "files/model.rs"]
mod model;
#[path = "files/port.rs"]
mod port;
#[path = "files/races.rs"]
mod races;
#[path = "files/random.rs"]
mod random;
#[path = "files/regions.rs"]
mod regions;
#[path = "files/storm.rs"]
mod storm;
#[path = "files/succession.rs"]
mod succession;
#[path = "files/tasks.rs"]
mod tasks;
#[path = "files/threads.rs"]
mod threads;
#[path = "files/world.rs"]
mod world;

/// How many threads the server has.
pub(crate) const THREADS: u16 = 3;
