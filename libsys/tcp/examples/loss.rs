//! What one lost packet in a hundred costs, in virtual time: `target/release/examples/loss [SEGMENTS [SEEDS]]`.
//!
//! A round trip of 20 ms, 100,000 segments, seeds 1 to 20; each packet of either direction is lost with that probability. The worst seed is printed. Goodput
//! is compared with Mathis' formula, MSS / RTT * C / sqrt(p), with C = sqrt(3/4), since the receiver acknowledges every second segment; and, beside that,
//! with C = sqrt(3/2), an acknowledgement each, as which this sender lets its window grow (RFC 3465). The formula knows no time-outs.

#[path = "loss/link.rs"]
mod link;

use std::time::Duration;

use link::{Link, transfer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let segments = arguments.first().copied().unwrap_or(100_000);
    let seeds = arguments.get(1).copied().unwrap_or(20);
    let (mut sent, mut goodput, mut each) = (0.0, f64::INFINITY, f64::INFINITY);
    let (mut timeouts, mut digest) = (0, 0);
    for seed in 1..=seeds {
        let link = Link { round_trip: Duration::from_millis(20), lost: 10, seed };
        let figures = transfer(segments, link);
        sent = figures.sent_per_delivered().max(sent);
        goodput = figures.of_mathis(link, 0.75_f64.sqrt()).min(goodput);
        each = figures.of_mathis(link, 1.5_f64.sqrt()).min(each);
        timeouts += figures.timeouts;
        digest ^= figures.digest.rotate_left(seed as u32);
    }
    println!("net.tcp.sent_per_delivered_1pct {sent:.4}");
    println!("net.tcp.goodput_of_mathis_1pct {goodput:.3}");
    println!("net.tcp.goodput_of_mathis_1pct_ack_each {each:.3}");
    println!("net.tcp.timeouts_1pct {timeouts}");
    println!("digest {digest:016x}");
    Ok(())
}
