//! Synthetic ACPI tables, good and deliberately broken, for tests.
//!
//! Real firmware cannot be asked for a MADT with an entry of length 0. These images can: host tests give them to
//! [`discover`](super::discover) directly, system tests pack them as archive member `test/acpi` and boot the kernel with
//! `test.acpi=archive`, whereupon it takes the image for memory at [`GUEST_BASE`]. The builder is for the host
//! (feature `build`); the kernel needs only the address.

#[cfg(feature = "build")]
mod breakage;
#[cfg(feature = "build")]
mod builder;
#[cfg(feature = "build")]
mod layout;

#[cfg(feature = "build")]
pub use breakage::Breakage;
#[cfg(feature = "build")]
pub use builder::Image;

/// Physical address at which an image from the archive pretends to lie: above any memory or device of the emulators.
/// Its RSDP is its first byte.
pub const GUEST_BASE: u64 = 0x0000_0fff_0000_0000;
