//! Atomics by one name for kernel, programs, the host tests and the model checker.
//!
//! loom replaces the atomics by its own, which exist only at run time. Constructors are `const` everywhere else, so that
//! the kernel can keep these types in statics; the two macros here write that difference down once.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A function that is `const` except under the model checker.
#[macro_export]
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)+) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $($rest)+
        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $($rest)+
    };
}

/// An array whose elements are each made by the expression.
#[macro_export]
macro_rules! array_of {
    ($value:expr; $count:expr) => {{
        #[cfg(not(loom))]
        let array = [const { $value }; $count];
        #[cfg(loom)]
        let array = core::array::from_fn(|_| $value);
        array
    }};
}

pub use crate::{array_of, const_unless_loom};

/// Something that gets cache lines of its own, so that two CPUs which write neighbouring things do not disturb each other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct OwnLine<T>(pub T);
