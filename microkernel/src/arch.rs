//! The machine-dependent layer: the only place with assembly, model-specific registers, port I/O and table bits.
//!
//! The rest of the kernel sees it as `crate::arch::…`, whatever the architecture.

mod x86_64;

pub(crate) use self::x86_64::*;
