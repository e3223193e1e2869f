//! Memory of programs: regions, the address spaces that map them, and who pays.
//!
//! A page of a region gets its frame once and keeps it until the region ends. So a fault only ever makes a page appear, which no other
//! CPU needs to be told; only taking away (unmap, protect, loss, the end of a space) needs a shoot-down. All memory that this can
//! take is promised and charged when a region or a mapping is made, so that a fault cannot run out of it.

mod copy;
mod load;
mod payer;
mod region;
mod shootdown;
mod space;

pub(crate) use copy::CopyError;
pub(crate) use microkernel_core::mappings::USER;
pub(crate) use payer::Payer;
pub(crate) use region::{Backing, Region, RegionRef};
pub(crate) use shootdown::{Completion, Done};
pub(crate) use space::AddressSpace;
