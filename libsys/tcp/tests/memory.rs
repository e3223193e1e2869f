//! What a connection costs while nothing happens on it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anax_tcp::{Config, Endpoint, Engine, Event, Flags, Options, Segment, Tuple};
use smoltcp::wire::IpAddress;

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: as the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: by the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Connections that are open at a time.
const MANY: usize = 20_000;
/// Bytes that one may cost.
const MOST: usize = 1024;

#[test]
fn an_idle_connection_costs_at_most_a_kibibyte() {
    let mut engine = Engine::new(Config::default(), [1; 32]);
    let listener = engine.listen(None, 80, 10, 65_535).unwrap();
    let now = Duration::from_secs(5);
    let mut open = |number: usize| {
        let [high, low] = ((number / 60_000) as u16 + 1).to_be_bytes();
        let remote = Endpoint::new(IpAddress::v4(10, 1, high, low), 1 + (number % 60_000) as u16);
        let tuple = Tuple { local: Endpoint::new(IpAddress::v4(10, 0, 0, 1), 80), remote };
        let options = || Options {
            mss: Some(1460),
            sack_permitted: true,
            timestamps: Some((1, 0)),
            ..Options::default()
        };
        let segment = |flags, seq, ack, length| Segment {
            tuple,
            seq,
            ack,
            flags,
            window: 65_535,
            options: options(),
            length,
            payload: 20,
        };
        engine.input(&segment(Flags::SYN, 0, 0, 0), now);
        let ack = engine.transmit(now).unwrap().seq.wrapping_add(1);
        engine.input(&segment(Flags::ACK, 1, ack, 0), now);
        // Something was sent and received, also out of order.
        engine.input(&segment(Flags::ACK, 1001, ack, 1000), now);
        engine.input(&segment(Flags::ACK, 1, ack, 1000), now);
        while engine.place().is_some() {}
        while let Some(event) = engine.event() {
            if let Event::Accepted { connection, .. } = event {
                engine.accepted(listener).unwrap();
                engine.write(connection, 100, now).unwrap();
            }
        }
        while engine.transmit(now).is_some() {}
        engine.input(&segment(Flags::ACK, 2001, ack.wrapping_add(100), 0), now);
        while engine.transmit(now).is_some() {}
        while engine.event().is_some() {}
    };
    // What is there once, and grows by doubling, is there before.
    (0..100).for_each(&mut open);
    let before = USED.load(Ordering::Relaxed);
    (100..100 + MANY).for_each(&mut open);
    let each = (USED.load(Ordering::Relaxed) - before) / MANY;
    println!("{each} bytes a connection");
    assert!(each <= MOST, "{each} bytes");
    assert_eq!(engine.population()[0], 100 + MANY);
}
