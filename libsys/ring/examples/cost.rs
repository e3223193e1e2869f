//! What messages cost, for an instruction counter: `valgrind --tool=callgrind target/release/examples/cost pairs 100000 32`.
//!
//! Take the difference of two runs with different counts. What is printed depends on every message having come through.

use std::hint::black_box;

use anax_abi::Message;
use anax_ring::{
    AtomicU64, Completion, Endpoint, Geometry, Misbehaved, Requester, Responder, SharedBlock, Side,
    Supervisor, Taken,
};

const SLOTS: u32 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, count, batch] = arguments.as_slice() else {
        return Err("usage: cost pairs|calls COUNT BATCH".into());
    };
    let (count, batch): (u64, u64) = (count.parse()?, batch.parse()?);
    let geometry = Geometry::new(SLOTS, SLOTS)?;
    let words: Vec<AtomicU64> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&words);
    Supervisor::create(block, geometry)?;
    let client = Endpoint::open(block, Side::Client)?;
    let server = Endpoint::open(block, Side::Server)?;
    let sum = match what.as_str() {
        "pairs" => pairs(client, server, count, batch)?,
        "calls" => calls(client, server, count, batch)?,
        _ => return Err("pairs or calls".into()),
    };
    assert_eq!(sum, (0..count).sum(), "a message was lost or changed");
    println!("{count} messages, sum {sum}");
    Ok(())
}

/// One-way: push and pop, with publish and release once a batch.
fn pairs(
    mut client: Endpoint<'_>,
    mut server: Endpoint<'_>,
    count: u64,
    batch: u64,
) -> Result<u64, Misbehaved> {
    let mut sum = 0;
    for first in (0..count).step_by(batch as usize) {
        for number in first..count.min(first + batch) {
            client.producer.push(&Message::new(1, [black_box(number), 2, 3, 4, 5])).expect("there is room");
        }
        let _ = client.producer.publish()?;
        while let Some(message) = server.consumer.pop()? {
            sum += message.words[0];
        }
        let _ = server.consumer.release()?;
    }
    Ok(sum)
}

/// There and back: submit, take, reply, complete, with a flush on each side once a batch.
fn calls(client: Endpoint<'_>, server: Endpoint<'_>, count: u64, batch: u64) -> Result<u64, Misbehaved> {
    let (mut client, mut server) = (Requester::<{ SLOTS as usize }>::new(client), Responder::new(server));
    let mut sum = 0;
    for first in (0..count).step_by(batch as usize) {
        for number in first..count.min(first + batch) {
            client.submit(&Message::new(1, [black_box(number), 2, 3, 4, 5])).expect("there is room");
        }
        let _ = client.flush()?;
        while let Taken::Request(request, ticket) = server.take()? {
            server.reply(ticket, &request).expect("there is room");
        }
        let _ = server.flush()?;
        while let Completion::Reply(reply) = client.complete()? {
            sum += reply.words[0];
        }
    }
    Ok(sum)
}
