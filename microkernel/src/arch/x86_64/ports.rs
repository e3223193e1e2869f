//! The I/O ports that user code may use, by the permission bitmap behind the task state (Intel SDM volume 1, section 19.5.2).
//!
//! Each CPU has a bitmap of all ports; one word of its task state says where it is, or that there is none. The bitmap keeps the
//! ports of the last space that had any: going from such a space to one without, and back, changes that word alone. Between
//! two without ports, which is nearly always, it is one comparison.

use core::cell::Cell;
use core::mem::offset_of;

use ::x86_64::structures::gdt::Descriptor;
use ::x86_64::structures::tss::TaskStateSegment;

use microkernel_core::portset::{Bitmap, Held};
pub(crate) use microkernel_core::portset::{Full, PortSet};

use crate::percpu;

/// A CPU's task state and its bitmap, a bit a port, set where the port is forbidden; the last byte belongs to no port. Aligned so
/// that the task state, which the processor reads as a whole, does not cross a page.
#[repr(C, align(128))]
pub(super) struct Task {
    pub(super) state: TaskStateSegment,
    forbidden: Bitmap,
    /// What the bitmap allows.
    held: Held,
}

const BITMAP: u16 = offset_of!(Task, forbidden) as u16;
/// Beyond the task state's limit: no bitmap, no ports.
const NOWHERE: u16 = u16::MAX;

impl Task {
    pub(super) const fn new() -> Self {
        Self { state: TaskStateSegment::new(), forbidden: [0xff; _], held: Held::nothing() }
    }

    /// The descriptor that covers both; no port is allowed.
    pub(super) fn descriptor(&'static mut self) -> (Descriptor, *mut Self) {
        let task = &raw mut *self;
        self.state.iomap_base = BITMAP;
        let descriptor = Descriptor::tss_segment_with_iomap(&self.state, &self.forbidden)
            .expect("the bitmap lies where its offset says");
        // SAFETY: the descriptor keeps no reference; nobody else has one.
        unsafe { (*task).state.iomap_base = NOWHERE };
        (descriptor, task)
    }
}

/// Which ports a CPU lets its user code use; its own alone, interrupts off.
pub(crate) struct PortGate {
    task: Cell<*mut Task>,
    /// Stamp of the set in force; 0 if none is.
    active: Cell<u64>,
}

impl PortGate {
    /// Of a CPU without tables.
    pub(crate) const fn new() -> Self {
        Self { task: Cell::new(core::ptr::null_mut()), active: Cell::new(0) }
    }

    pub(super) fn open(&self, task: *mut Task) {
        self.task.set(task);
    }

    #[cold]
    fn change(&self, set: Option<&PortSet>, stamp: u64) {
        // SAFETY: this CPU's own since it loaded its tables, and nobody else's: not even this CPU's while interrupts are off.
        let task = unsafe { &mut *self.task.get() };
        let set = set.filter(|_| stamp != 0);
        if let Some(set) = set.filter(|_| stamp != task.held.stamp()) {
            task.held.change(&mut task.forbidden, set, stamp);
        }
        task.state.iomap_base = if set.is_some() { BITMAP } else { NOWHERE };
        self.active.set(stamp);
    }
}

/// Whether just these ports are allowed on this CPU now.
#[inline(always)]
pub(crate) fn are_active(own: &percpu::PerCpu, set: &PortSet) -> bool {
    own.ports.active.get() == set.stamp()
}

/// From now on user code on this CPU may use these ports and no others. Interrupts off; with each change of space.
#[inline]
pub(crate) fn activate(set: Option<&PortSet>) {
    let stamp = set.map_or(0, |set| set.stamp());
    let gate = &percpu::this().ports;
    if gate.active.get() != stamp {
        gate.change(set, stamp);
    }
}
