//! The I/O ports that user code may use, by the permission bitmap behind the task state (Intel SDM volume 1, section 19.5.2).
//!
//! Each CPU has a bitmap of all ports; one word of its task state says where it is, or that there is none. The bitmap keeps the
//! ports of the last space that had any: going from such a space to one without, and back, changes that word alone. Between
//! two without ports, which is nearly always, it is one comparison.

use core::cell::Cell;
use core::mem::offset_of;
use core::ops::RangeInclusive;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ::x86_64::structures::gdt::Descriptor;
use ::x86_64::structures::tss::TaskStateSegment;

use crate::percpu;

/// Ranges in a set.
pub(crate) const MAX_RANGES: usize = 16;
/// First port in the low half, last one in the high half. This one is empty.
const EMPTY: u32 = 1;

/// The ports that a space's threads may use. Changed at its home alone; any CPU that runs the space reads it.
#[derive(Debug)]
pub(crate) struct PortSet {
    /// No two sets, and no two states of one, have the same; 0 if it is empty.
    stamp: AtomicU64,
    ranges: [AtomicU32; MAX_RANGES],
}

/// A set has no room for another range.
#[derive(Debug)]
pub(crate) struct Full;

impl PortSet {
    /// No ports.
    pub(crate) const fn new() -> Self {
        Self { stamp: AtomicU64::new(0), ranges: [const { AtomicU32::new(EMPTY) }; MAX_RANGES] }
    }

    /// Adds ports. CPUs that run the space get to know with their next [`activate`].
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn allow(&self, ports: RangeInclusive<u16>) -> Result<(), Full> {
        self.replace(pack(&ports), pack(&ports)).or_else(|Full| self.replace(EMPTY, pack(&ports)))
    }

    /// Takes ports away that were added as exactly this range. In force everywhere once all CPUs that may run the space have been
    /// through [`activate`].
    pub(crate) fn forbid(&self, ports: RangeInclusive<u16>) {
        let _ = self.replace(pack(&ports), EMPTY);
    }

    /// Takes all ports away: the space has ended.
    pub(crate) fn clear(&self) {
        self.ranges.iter().for_each(|range| range.store(EMPTY, Ordering::Relaxed));
        self.stamp.store(0, Ordering::Release);
    }

    fn replace(&self, old: u32, new: u32) -> Result<(), Full> {
        static STAMP: AtomicU64 = AtomicU64::new(1);
        let slot = self.ranges.iter().find(|range| range.load(Ordering::Relaxed) == old).ok_or(Full)?;
        slot.store(new, Ordering::Relaxed);
        let empty = self.ranges.iter().all(|range| range.load(Ordering::Relaxed) == EMPTY);
        let stamp = if empty { 0 } else { STAMP.fetch_add(1, Ordering::Relaxed) };
        self.stamp.store(stamp, Ordering::Release);
        Ok(())
    }
}

fn pack(ports: &RangeInclusive<u16>) -> u32 {
    u32::from(*ports.end()) << 16 | u32::from(*ports.start())
}

/// A CPU's task state and its bitmap, a bit a port, set where the port is forbidden; the last byte belongs to no port. Aligned so
/// that the task state, which the processor reads as a whole, does not cross a page.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Task {
    pub(super) state: TaskStateSegment,
    forbidden: [u8; 65_536 / 8 + 1],
    /// Stamp of the set in the bitmap, and its ranges as they were then.
    held: u64,
    ranges: [u32; MAX_RANGES],
}

const BITMAP: u16 = offset_of!(Task, forbidden) as u16;
/// Beyond the task state's limit: no bitmap, no ports.
const NOWHERE: u16 = u16::MAX;

impl Task {
    pub(super) const fn new() -> Self {
        Self { state: TaskStateSegment::new(), forbidden: [0xff; _], held: 0, ranges: [EMPTY; _] }
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

    fn hold(&mut self, set: &PortSet, stamp: u64) {
        let ports = |ranges: [u32; MAX_RANGES]| {
            ranges.into_iter().flat_map(|range| (range & 0xffff)..=(range >> 16)).map(|port| port as usize)
        };
        let ranges = set.ranges.each_ref().map(|range| range.load(Ordering::Relaxed));
        if !cfg!(bite = "ports-stay") {
            ports(self.ranges).for_each(|port| self.forbidden[port / 8] |= 1 << (port % 8));
        }
        ports(ranges).for_each(|port| self.forbidden[port / 8] &= !(1 << (port % 8)));
        (self.held, self.ranges) = (stamp, ranges);
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
        if let Some(set) = set.filter(|_| stamp != task.held) {
            task.hold(set, stamp);
        }
        task.state.iomap_base = if set.is_some() { BITMAP } else { NOWHERE };
        self.active.set(stamp);
    }
}

/// Whether just these ports are allowed on this CPU now.
#[inline(always)]
pub(crate) fn are_active(own: &percpu::PerCpu, set: &PortSet) -> bool {
    own.ports.active.get() == set.stamp.load(Ordering::Acquire)
}

/// From now on user code on this CPU may use these ports and no others. Interrupts off; with each change of space.
#[inline]
pub(crate) fn activate(set: Option<&PortSet>) {
    let stamp = set.map_or(0, |set| set.stamp.load(Ordering::Acquire));
    let gate = &percpu::this().ports;
    if gate.active.get() != stamp {
        gate.change(set, stamp);
    }
}
