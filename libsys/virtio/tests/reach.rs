//! A driver that is wrong about an address ends before its device hears of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anax_device::{DmaAddress, DmaBlock, Reach};
use anax_ring::{AtomicU64, SharedBlock};
use anax_virtio::{Access, Queue, Segment, Suppression};

type Requests<'a> = Queue<'a, u64, 4, 2>;

/// Where the device finds the driver's memory, and a pool of that many bytes.
const MEMORY: u64 = 0x10_0000;
const POOL: u64 = 0x20_0000;
const POOL_BYTES: u64 = 0x1_0000;

fn segment(address: u64, length: u32) -> Segment {
    Segment { address: DmaAddress::new(address), length, access: Access::Write }
}

/// Whether a queue whose headers lie there comes up, and takes that data; of what it does not take, no word is in its memory.
fn is_told(header: Segment, data: Segment) -> bool {
    let words: Vec<_> = (0..Requests::WORDS + 64).map(|_| AtomicU64::new(0)).collect();
    let memory = DmaBlock::new(SharedBlock::from_words(&words), DmaAddress::new(MEMORY)).expect("aligned");
    let reach = Reach::new(memory, DmaAddress::new(POOL), POOL_BYTES).expect("it has addresses");
    let mut queue = Requests::new(memory, 256, reach).expect("it is large enough");
    let told = catch_unwind(AssertUnwindSafe(|| {
        queue.restart(Suppression::Flags, |_, _| header);
        queue.submit(data, 1).expect("there is room");
        let _ = queue.publish();
    }));
    let holds = |segment: Segment| {
        words.iter().any(|word| word.load(std::sync::atomic::Ordering::Relaxed) == segment.address.get())
    };
    assert!(told.is_err() || holds(header) && holds(data));
    assert!(told.is_ok() || !holds(data));
    told.is_ok()
}

#[test]
fn what_the_driver_was_given_is_told() {
    let header = segment(MEMORY + 64, 12);
    assert!(is_told(header, segment(POOL, 2048)));
    assert!(is_told(header, segment(POOL + POOL_BYTES - 2048, 2048)));
    assert!(is_told(header, segment(MEMORY + 128, 64)));
}

#[test]
fn an_address_outside_is_told_to_no_device() {
    let (header, end) = (segment(MEMORY + 64, 12), POOL + POOL_BYTES);
    for data in [segment(end - 2047, 2048), segment(POOL - 1, 1), segment(1, 1), segment(u64::MAX, 1)] {
        assert!(!is_told(header, data), "{data:?}");
    }
    assert!(!is_told(segment(MEMORY - 12, 12), segment(POOL, 1)));
}

#[test]
fn a_queue_elsewhere_is_told_to_no_device() {
    let words: Vec<_> = (0..2 * Requests::WORDS).map(|_| AtomicU64::new(0)).collect();
    let memory = |at| DmaBlock::new(SharedBlock::from_words(&words), DmaAddress::new(at)).expect("aligned");
    let reach = Reach::new(memory(MEMORY), DmaAddress::new(POOL), POOL_BYTES).expect("it has addresses");
    let addresses = |at| {
        let queue = Requests::new(memory(at), 256, reach.clone()).expect("it is large enough");
        catch_unwind(AssertUnwindSafe(|| queue.addresses().is_some())).unwrap_or(false)
    };
    assert!(addresses(MEMORY));
    assert!(!addresses(MEMORY ^ 1 << 30));
}
