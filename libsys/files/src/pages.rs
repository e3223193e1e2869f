//! Pages that are filled and not mapped.
//!
//! Who fills pages of another's could map them and copy bytes there; but pages that nobody has touched yet are zeroed for that first, and tables are changed twice. To have the kernel copy from a
//! region of one's own costs neither.

use anax_abi::Handle;

use crate::Failure;

/// Pages that were lent to be filled, in a row.
pub trait Pages {
    /// Copies `bytes` of a region of this program's, from an offset on, to `at` and on: whole pages.
    ///
    /// # Errors
    /// `BadArgument`: they are not whole pages, not all there, or were taken away meanwhile.
    fn copy(&self, at: usize, from: (Handle, u64), bytes: usize) -> Result<(), Failure>;
}
