//! One slot of a table, readable from any CPU while its home CPU changes it.
//!
//! The head word holds state, rights and generation, and works as a sequence lock without a retry: the words behind it
//! change only while the head says "free", and a head that says "used" with some generation says so for one use only. A
//! reader therefore reads head, words, head again; if the second head is of the same use, the words belonged to it, and
//! if not, the handle was removed meanwhile. Words are stored with release and loaded with acquire, so that a reader which
//! sees a word of a later use also sees that the head has moved on.

use super::{Capability, Object};
use anax_abi::Rights;
use anax_lwkt::sync::{AtomicU64, Ordering, array_of, const_unless_loom};

/// In [`HEAD`]: the slot is in use.
pub const USED: u64 = 1 << 16;
/// Where the words of a slot lie, for code that isn't Rust: state, rights and generation; object; the object's generation.
pub const HEAD: usize = core::mem::offset_of!(Slot, head);
/// See [`HEAD`].
pub const OBJECT: usize = core::mem::offset_of!(Slot, object);
/// See [`HEAD`].
pub const OBJECT_GENERATION: usize = core::mem::offset_of!(Slot, object_generation);

const RIGHTS_MASK: u64 = 0xffff;
const RIGHTS_BITS: u32 = 16;
const GENERATION_SHIFT: u32 = 32;

/// A slot. All zero is a free one that was never used.
#[derive(Debug)]
#[repr(C, align(32))]
pub struct Slot {
    /// Rights in bits 0-15, used in bit 16, generation of the latest use in bits 32-63.
    head: AtomicU64,
    /// The object's word; in a free slot the index of the next free one.
    object: AtomicU64,
    /// The object's generation in the low half, the badge in the high half.
    object_generation: AtomicU64,
}

const_unless_loom! {
    /// Slots for a table of fixed size.
    #[must_use]
    pub fn slots<const COUNT: usize>() -> [Slot; COUNT] {
        array_of!(Slot::new(); COUNT)
    }
}

impl Slot {
    const_unless_loom! {
        /// Free.
        #[must_use]
        pub fn new() -> Self {
            Self { head: AtomicU64::new(0), object: AtomicU64::new(0), object_generation: AtomicU64::new(0) }
        }
    }

    /// What the slot holds in that use; `None` if it is another use or none. From any CPU.
    #[inline(always)]
    pub(super) fn read<T: Object>(&self, generation: u32) -> Option<Capability<T>> {
        // One comparison: generation and use together. Besides these, the head holds the rights in its lowest bits.
        #[cfg(not(bite = "handles-no-generation"))]
        let is_this_use =
            |head: u64| (head ^ (u64::from(generation) << GENERATION_SHIFT | USED)) >> RIGHTS_BITS == 0;
        #[cfg(bite = "handles-no-generation")]
        let is_this_use = |head: u64| head & USED != 0 && generation != 0;
        let head = self.head.load(Ordering::Acquire);
        if !is_this_use(head) {
            return None;
        }
        let object = self.object.load(Ordering::Acquire);
        let object_generation = self.object_generation.load(Ordering::Acquire);
        #[cfg(not(bite = "handles-no-recheck"))]
        let again = self.head.load(Ordering::Acquire);
        #[cfg(bite = "handles-no-recheck")]
        let again = head;
        // The rights of the second look: narrowing changes them within one use, and nothing else.
        (again == head || is_this_use(again)).then(|| Capability {
            object: T::from_word(object),
            generation: object_generation as u32,
            rights: Rights((again & RIGHTS_MASK) as u16),
            badge: (object_generation >> 32) as u32,
        })
    }

    /// The generation of the latest use. Exact at the home CPU.
    pub(super) fn generation(&self) -> u32 {
        (self.head.load(Ordering::Relaxed) >> GENERATION_SHIFT) as u32
    }

    /// Whether it is in use. Exact at the home CPU.
    pub(super) fn is_used(&self) -> bool {
        self.head.load(Ordering::Relaxed) & USED != 0
    }

    /// Begins the next use of a free slot; returns its generation. Only the home CPU, and never after generation `u32::MAX`.
    pub(super) fn fill<T: Object>(&self, capability: Capability<T>) -> u32 {
        let generation = self.generation() + 1;
        let head = u64::from(generation) << GENERATION_SHIFT | USED | u64::from(capability.rights.0);
        #[cfg(bite = "handles-head-first")]
        self.head.store(head, Ordering::Release);
        self.object.store(capability.object.to_word(), Ordering::Release);
        let generation_and_badge = u64::from(capability.badge) << 32 | u64::from(capability.generation);
        self.object_generation.store(generation_and_badge, Ordering::Release);
        #[cfg(not(bite = "handles-head-first"))]
        self.head.store(head, Ordering::Release);
        generation
    }

    /// Replaces the rights of a used slot. Only the home CPU.
    pub(super) fn set_rights(&self, rights: Rights) {
        let head = self.head.load(Ordering::Relaxed);
        self.head.store(head & !RIGHTS_MASK | u64::from(rights.0), Ordering::Release);
    }

    /// Ends the use and notes the next free slot. Only the home CPU.
    pub(super) fn clear(&self, next_free: u32) {
        let head = self.head.load(Ordering::Relaxed);
        self.head.store(head & !(USED | RIGHTS_MASK), Ordering::Release);
        self.object.store(u64::from(next_free), Ordering::Release);
    }

    /// The next free slot, noted by [`Slot::clear`]. Only the home CPU, of a free slot.
    pub(super) fn next_free(&self) -> u32 {
        self.object.load(Ordering::Relaxed) as u32
    }

    /// Makes a slot look as if it had been used that often, for tests of the last generation.
    #[cfg(all(test, not(loom)))]
    pub(super) fn age(&self, generation: u32) {
        self.head.store(u64::from(generation) << GENERATION_SHIFT, Ordering::Release);
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}
