//! The heap over memory of the host's.

use std::alloc::{Layout, alloc_zeroed};
use std::vec::Vec;

use proptest::prelude::*;

use super::growth::{FIRST, LARGEST};
use super::*;

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

type Tested = Heap<Limited>;

fn heap(bytes: usize) -> Tested {
    Heap::new(Limited { left: bytes, steps: Vec::new() })
}

fn steps(heap: &Tested) -> Vec<usize> {
    heap.0.lock().talc.source.memory.steps.clone()
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// Allocates; whether there was room. It stays allocated.
fn take(heap: &Tested, bytes: usize) -> bool {
    // SAFETY: not empty.
    !unsafe { heap.alloc(layout(bytes)) }.is_null()
}

#[test]
fn steps_double_up_to_a_mebibyte() {
    let heap = heap(16 << 20);
    for _ in 0..600 {
        assert!(take(&heap, 16 << 10));
    }
    let steps = steps(&heap);
    assert_eq!(steps[..5], [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, LARGEST]);
    assert!(steps[5..].iter().all(|step| *step == LARGEST));
}

#[test]
fn one_that_is_larger_than_a_step_gets_its_own() {
    let heap = heap(16 << 20);
    assert!(take(&heap, 5 << 20));
    let steps = steps(&heap);
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
    assert_eq!(steps(&heap), [FIRST, 4 * 4096]);
}

/// What comes and goes is the same block, and nobody has it twice.
#[test]
fn small_blocks_come_back() {
    let heap = heap(16 << 20);
    for bytes in [1, 24, 25, 56, 500, 2040, 2041, 5000] {
        // SAFETY: not empty.
        let first = unsafe { heap.alloc(layout(bytes)) };
        // SAFETY: allocated, and not freed before.
        unsafe { heap.dealloc(first, layout(bytes)) };
        // SAFETY: not empty.
        let (second, third) = unsafe { (heap.alloc(layout(bytes)), heap.alloc(layout(bytes))) };
        assert_eq!(first, second, "{bytes}");
        assert_ne!(second, third);
    }
}

/// What was needed once is not kept from others: a heap full of small blocks has room for a large one when they are gone.
#[test]
fn shelves_keep_few() {
    let heap = heap(FIRST);
    let mut all = Vec::new();
    loop {
        // SAFETY: not empty.
        let start = unsafe { heap.alloc(layout(100)) };
        if start.is_null() {
            break;
        }
        all.push(start);
    }
    assert!(all.len() > FIRST / 150 && !take(&heap, FIRST / 2));
    for start in all {
        // SAFETY: allocated, and not freed before.
        unsafe { heap.dealloc(start, layout(100)) };
    }
    assert!(take(&heap, FIRST / 2));
}

proptest! {
    #[test]
    fn allocations_do_not_overlap(
        sizes in proptest::collection::vec((1_usize..5000, any::<bool>(), 0_u32..8, 0_usize..5000), 1..200),
    ) {
        let heap = heap(16 << 20);
        let mut kept: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
        for (number, (bytes, keep, align, later)) in sizes.into_iter().enumerate() {
            let layout = Layout::from_size_align(bytes, 1 << align).unwrap();
            // SAFETY: not empty.
            let start = NonNull::new(unsafe { heap.alloc(layout) }).unwrap();
            let value = number as u8;
            // SAFETY: just allocated.
            unsafe { start.write_bytes(value, bytes) };
            prop_assert!(start.as_ptr().addr().is_multiple_of(layout.align()));
            let (start, layout) = if later == 0 {
                (start, layout)
            } else {
                // SAFETY: just allocated, and not empty later, either.
                let moved = NonNull::new(unsafe { heap.realloc(start.as_ptr(), layout, later) }).unwrap();
                // SAFETY: so many bytes of it were written.
                let content = unsafe { core::slice::from_raw_parts(moved.as_ptr(), bytes.min(later)) };
                prop_assert!(content.iter().all(|byte| *byte == value));
                // SAFETY: just allocated.
                unsafe { moved.write_bytes(value, later) };
                (moved, Layout::from_size_align(later, 1 << align).unwrap())
            };
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
