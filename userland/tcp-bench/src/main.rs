//! Measures the TCP engine by the kernel's clock: under `-icount shift=0` and one CPU a nanosecond is an instruction.
//!
//! Each figure is printed as `bench NAME HUNDREDTHS`, of one segment or connection, loop included.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::{Error, println};
use tcp_bench::{accept, connect, receive, send};

/// Segments, and connections.
const SEGMENTS: u64 = 50_000;
const CONNECTIONS: u64 = 2000;
/// Sent until they are acknowledged, as a receiver that acknowledges every second one has it.
const A_PAIR: u64 = 2;

#[anax::main]
fn main() -> Result<(), Error> {
    let now = || anax::time::now().nanoseconds();
    let report = |name: &str, instructions: u64, count: u64| {
        println!("bench net.tcp.engine.{name} {}", instructions * 100 / count);
    };
    report("segment_rx", receive(SEGMENTS, 10, now), SEGMENTS);
    report("segment_rx_of_10000", receive(SEGMENTS, 10_000, now), SEGMENTS);
    report("segment_tx", send(SEGMENTS, A_PAIR, now), SEGMENTS);
    report("accept", accept(CONNECTIONS, now), CONNECTIONS);
    report("connect", connect(CONNECTIONS, now), CONNECTIONS);
    Ok(())
}
