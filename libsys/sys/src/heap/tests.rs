//! The heap over memory of the host's.

use core::alloc::GlobalAlloc as _;
use std::alloc::{Layout, alloc_zeroed};
use std::vec::Vec;

use proptest::prelude::*;
use talc::TalcLock;

use super::growth::{FIRST, LARGEST};
use super::*;
use crate::lock::Patient;

/// Memory that ends after so many bytes, and what was asked for. It is never given back.
#[derive(Debug)]
struct Limited {
    left: usize,
    steps: Vec<usize>,
}

// SAFETY: the host's allocator gives what nobody else has.
unsafe impl Memory for Limited {
    fn obtain(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        self.left = self.left.checked_sub(bytes)?;
        self.steps.push(bytes);
        // SAFETY: not empty.
        NonNull::new(unsafe { alloc_zeroed(Layout::from_size_align(bytes, 4096).unwrap()) })
    }
}

type Heap = TalcLock<Patient, Grown<Limited>>;

fn heap(bytes: usize) -> Heap {
    TalcLock::new(Grown::new(Limited { left: bytes, steps: Vec::new() }))
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// Allocates; whether there was room. It stays allocated.
fn take(heap: &Heap, bytes: usize) -> bool {
    // SAFETY: not empty.
    !unsafe { heap.alloc(layout(bytes)) }.is_null()
}

#[test]
fn steps_double_up_to_a_mebibyte() {
    let heap = heap(16 << 20);
    for _ in 0..600 {
        assert!(take(&heap, 16 << 10));
    }
    let steps = heap.lock().source.memory.steps.clone();
    assert_eq!(steps[..5], [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, LARGEST]);
    assert!(steps[5..].iter().all(|step| *step == LARGEST));
}

#[test]
fn one_that_is_larger_than_a_step_gets_its_own() {
    let heap = heap(16 << 20);
    assert!(take(&heap, 5 << 20));
    let steps = &heap.lock().source.memory.steps;
    assert_eq!(steps.len(), 1);
    assert!((5 << 20..(5 << 20) + (64 << 10)).contains(&steps[0]), "{steps:?}");
}

#[test]
fn out_of_memory_is_null_and_nothing_else() {
    let heap = heap(FIRST + 4 * 4096);
    assert!(take(&heap, FIRST / 2));
    assert!(!take(&heap, FIRST));
    assert!(!take(&heap, isize::MAX as usize - 4096));
    // The next step would be too much; what is needed is there.
    assert!(take(&heap, FIRST / 2 - 4096));
    assert!(take(&heap, 3 * 4096));
    assert_eq!(heap.lock().source.memory.steps, [FIRST, 4 * 4096]);
}

proptest! {
    #[test]
    fn allocations_do_not_overlap(sizes in proptest::collection::vec((1_usize..5000, any::<bool>()), 1..200)) {
        let heap = heap(16 << 20);
        let mut kept: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
        for (number, (bytes, keep)) in sizes.into_iter().enumerate() {
            let layout = layout(bytes);
            // SAFETY: not empty.
            let start = NonNull::new(unsafe { heap.alloc(layout) }).unwrap();
            let value = number as u8;
            // SAFETY: just allocated.
            unsafe { start.write_bytes(value, bytes) };
            kept.push((start, layout, value));
            if !keep {
                let (start, layout, value) = kept.swap_remove(number % kept.len());
                // SAFETY: allocated, and not freed before.
                unsafe {
                    let content = core::slice::from_raw_parts(start.as_ptr(), layout.size());
                    prop_assert!(content.iter().all(|byte| *byte == value));
                    heap.dealloc(start.as_ptr(), layout);
                }
            }
        }
        for (start, layout, value) in kept {
            // SAFETY: allocated, and not freed before.
            let content = unsafe { core::slice::from_raw_parts(start.as_ptr(), layout.size()) };
            prop_assert!(content.iter().all(|byte| *byte == value));
        }
    }
}
