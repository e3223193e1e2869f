//! Which devices a machine has: the PCI hierarchy and the PC's legacy devices, found without believing any of them.
//!
//! For the device manager, who alone has configuration space. [`walk()`] reads what is behind the host bridge and all bridges as firmware
//! numbered them, [`inventory()`] adds what no bus reports and gives every device a name, and [`candidates`] says which manifests are for
//! it. All of it runs on the host against a model. Whatever a device says, each of these ends, and what contradicts itself is left out
//! with a [`Warning`]. The ways to configuration space are `anax_device`'s.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bars;
mod control;
mod function;
mod inventory;
mod legacy;
mod matching;
mod walk;

pub use bars::{BARS, BaseAddress, measure};
pub use control::{FunctionReset, Unfenced, fence, release};
pub use function::{Class, Function, Header, Ids, InterruptPin};
pub use inventory::{Device, Kind, Place, inventory};
pub use legacy::{LegacyDevice, PortRange};
pub use matching::{Specificity, candidates, matches};
pub use walk::{Found, MAX_FUNCTIONS, Root, Sizing, Warning, walk};
