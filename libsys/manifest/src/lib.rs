//! What a program says of itself before it runs: where it stands, what it provides, needs and may, and how it is kept alive.
//!
//! A manifest stands in the program's own folder (`[package.metadata.anax]`, docs/manifests.md), so that another server or driver changes
//! no central list. The build tool turns all of them into one member of the boot archive, [`MEMBER`]; init, the device manager and the
//! name server read it there. The rules stand here once: the build tool refuses a tree that breaks them, with file and line, and who
//! decodes the member checks each manifest again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod capability;
mod device;
mod fault;
mod layer;
mod manifest;
mod names;
mod order;
mod problem;
mod restarts;
mod set;
mod word;

pub use capability::Capability;
pub use device::{DeviceMatch, Legacy};
pub use fault::Fault;
pub use layer::Layer;
pub use manifest::{Cpu, Manifest, PAGE, Quota, Restart, RestartPolicy, Start};
pub use names::{MAX_PROGRAM_NAME, MAX_SERVICE_NAME, is_program_name, is_service_name};
pub use order::Cycle;
pub use problem::{Problem, Provided};
pub use restarts::{Restarts, Verdict};
pub use set::{DecodeError, MAX_BYTES, MAX_LIST, MAX_PROGRAMS, MEMBER, Manifests};
