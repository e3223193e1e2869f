//! A driver that is wrong about an address ends before its card hears of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anax_device::{DmaAddress, DmaBlock, Reach};
use anax_e1000::{BUFFER, Descriptor, Ring};
use anax_ring::{AtomicU64, SharedBlock};

const DESCRIPTORS: usize = 8;
type Words = [AtomicU64; 2 * DESCRIPTORS];

/// Where the card finds the ring, and a pool of that many bytes.
const MEMORY: u64 = 0x10_0000;
const POOL: u64 = 0x20_0000;
const POOL_BYTES: u64 = 0x1_0000;

/// Descriptors of a frame, and of what its transport is.
const DATA: u64 = 1 << 29 | 1 << 20;
const CONTEXT: u64 = 1 << 29;
const LEGACY: u64 = 0;

/// The tail that the card is shown after a buffer that is right and then that descriptor; nothing if the driver has ended before.
fn shown(descriptor: Descriptor) -> Option<u16> {
    let words = Words::default();
    let memory = DmaBlock::new(SharedBlock::from_words(&words), DmaAddress::new(MEMORY)).expect("aligned");
    let reach = Reach::new(memory, DmaAddress::new(POOL), POOL_BYTES).expect("it has addresses");
    let mut ring = Ring::<_, DESCRIPTORS>::new(memory, reach);
    ring.push([[POOL, 0]].into_iter(), 0).expect("there is room");
    ring.push([descriptor].into_iter(), 1).expect("there is room");
    catch_unwind(AssertUnwindSafe(|| ring.publish())).ok().flatten()
}

#[test]
fn what_the_driver_was_given_is_shown() {
    let last = POOL + POOL_BYTES - u64::from(BUFFER);
    for descriptor in [
        [POOL, 0],
        [last, 0],
        [last + u64::from(BUFFER) - 60, 60 | DATA],
        [MEMORY, 128 | DATA],
        // No address.
        [u64::MAX, 60 | CONTEXT],
    ] {
        assert_eq!(shown(descriptor), Some(2), "{descriptor:x?}");
    }
}

#[test]
fn an_address_outside_is_shown_to_no_card() {
    let end = POOL + POOL_BYTES;
    for descriptor in [
        [0, 0],
        [POOL - 1, 0],
        // The card writes that many bytes into a buffer.
        [end - u64::from(BUFFER) + 1, 0],
        [end - 59, 60 | DATA],
        [POOL ^ 1 << 40, 60 | DATA],
        [end - 4096, 4097 | LEGACY],
        [MEMORY + 1, 128 | DATA],
        [u64::MAX, 1 | DATA],
    ] {
        assert_eq!(shown(descriptor), None, "{descriptor:x?}");
    }
}
