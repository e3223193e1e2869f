//! Layers: why servers that call each other can't wait in a circle.

use crate::word::words;

words! {
    /// Where a program stands, from below to above. It may wait for services of strictly lower layers only; upwards and sideways it
    /// sends without waiting.
    pub enum Layer {
        /// What everything else is started with: init, names, loader.
        Root = "root",
        /// One device each.
        Driver = "driver",
        /// Which devices there are, and who drives them.
        Bus = "bus",
        /// File systems and network.
        System = "system",
        /// The tree of files that the file systems make up together.
        Vfs = "vfs",
        /// Whatever uses all that.
        Application = "application",
    }
}

impl Layer {
    /// Whether a program here may wait for one at `other`.
    #[must_use]
    pub fn may_call(self, other: Self) -> bool {
        if cfg!(bite = "manifest-sideways") { other <= self } else { other < self }
    }
}
