//! Broken variants of the walk over PCI, judged by their own tests.

use super::Bite;

/// They are judged on the host.
pub(super) const PCI: &[Bite] = &[];
