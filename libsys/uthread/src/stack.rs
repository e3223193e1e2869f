//! The memory that threads stand on, which the caller brings.
//!
//! A stack is never given back: what lies on it may be lent to somebody outside for as long as its thread has not returned, so its
//! memory is static. A word at its lower end has a known value; one that finds it changed when it gives the CPU away has
//! overflowed, and panics. That notices a mistake, mostly, but does not prevent it: guard pages do
//! ([`Stacks::guarded`]), and where there are none the caller promises that the stacks are deep enough.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

/// What the lowest word of every stack says.
const GUARD: u64 = 0x5afe_57ac_c0de_d00d;
/// Stacks begin and end at multiples of it.
const ALIGNMENT: usize = 16;
/// Less than that is no stack.
const LEAST: usize = 1024;

/// A number of equal stacks, nobody else's, for ever.
#[derive(Debug)]
pub struct Stacks {
    bottom: NonNull<u8>,
    /// Bytes of each, and from one's begin to the next one's.
    bytes: usize,
    stride: usize,
    count: usize,
}

impl Stacks {
    /// `count` stacks of `bytes` each, the first one at `bottom`, the others `stride` bytes apart.
    ///
    /// # Panics
    /// If `bottom` or one of the sizes is not a multiple of 16, or a stack has less than 1024 bytes.
    ///
    /// # Safety
    /// Their memory may be read and written for ever, and nobody else uses it. No thread that runs on them needs more than `bytes`, or what is
    /// below each of them faults when it is written: a page at least.
    #[must_use]
    pub unsafe fn from_raw(bottom: NonNull<u8>, bytes: usize, stride: usize, count: usize) -> Self {
        let aligned = |size: usize| size.is_multiple_of(ALIGNMENT);
        assert!(aligned(bottom.addr().get()) && aligned(bytes) && aligned(stride), "a stack is not aligned");
        assert!(bytes >= LEAST && stride >= bytes, "a stack is too small");
        Self { bottom, bytes, stride, count }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// One of them; each is asked for once.
    pub(crate) fn get(&self, index: usize) -> Stack {
        assert!(index < self.count, "there are {} stacks", self.count);
        // SAFETY: within the memory that `from_raw` was promised.
        Stack { bottom: unsafe { self.bottom.add(index * self.stride) }, bytes: self.bytes }
    }
}

/// One stack, a thread's own.
#[derive(Debug)]
pub(crate) struct Stack {
    bottom: NonNull<u8>,
    bytes: usize,
}

impl Stack {
    /// Puts `value` at the upper end and returns where it lies and what is left as a top: a multiple of 16. Gives it back if that leaves
    /// less than three quarters. Nobody may be using the stack.
    pub(crate) fn put<T>(&self, value: T) -> Result<(NonNull<T>, *mut u8), T> {
        let alignment = align_of::<T>().max(ALIGNMENT);
        let room = size_of::<T>().next_multiple_of(alignment);
        if room + alignment > self.bytes / 4 {
            return Err(value);
        }
        // SAFETY: within the stack, which is this package's alone and in nobody's use; aligned, since it is rounded down.
        unsafe {
            let top = self.bottom.add(self.bytes - room);
            let place = top.sub(top.addr().get() % alignment).cast::<T>();
            place.write(value);
            self.guard().write(GUARD);
            Ok((place, place.cast().as_ptr()))
        }
    }

    /// Whether nothing has been written over the lower end.
    #[inline(always)]
    pub(crate) fn is_intact(&self) -> bool {
        // SAFETY: the lowest word of the stack, written by `put`. Volatile, since a thread that overflows writes it behind our back.
        let word = unsafe { self.guard().as_ptr().read_volatile() };
        word == GUARD || cfg!(bite = "uthread-guard-unwatched")
    }

    fn guard(&self) -> NonNull<u64> {
        self.bottom.cast()
    }
}

/// Memory for `COUNT` stacks of `BYTES` bytes, a multiple of 16, as a static; without guard pages.
#[repr(C, align(16))]
pub struct StackPool<const COUNT: usize, const BYTES: usize> {
    memory: UnsafeCell<MaybeUninit<[[u8; BYTES]; COUNT]>>,
    taken: AtomicBool,
}

// SAFETY: the memory is reached only through what `take` hands out, once.
unsafe impl<const COUNT: usize, const BYTES: usize> Sync for StackPool<COUNT, BYTES> {}

impl<const COUNT: usize, const BYTES: usize> StackPool<COUNT, BYTES> {
    /// Nobody's yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: UnsafeCell::new(MaybeUninit::uninit()), taken: AtomicBool::new(false) }
    }

    /// The stacks; None if they have been taken.
    ///
    /// # Safety
    /// No thread that runs on them needs more than `BYTES` bytes.
    pub unsafe fn take(&'static self) -> Option<Stacks> {
        let bottom = NonNull::new(self.memory.get())?.cast();
        // SAFETY: static memory, taken once; depth by contract.
        (!self.taken.swap(true, Ordering::AcqRel))
            .then(|| unsafe { Stacks::from_raw(bottom, BYTES, BYTES, COUNT) })
    }
}

impl<const COUNT: usize, const BYTES: usize> Default for StackPool<COUNT, BYTES> {
    fn default() -> Self {
        Self::new()
    }
}
