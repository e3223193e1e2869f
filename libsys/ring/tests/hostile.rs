//! A peer that scribbles on every shared word at random, for a million steps: no panic, no endless loop, and what the two
//! sides report stays true to their own books.
#![cfg(not(loom))]

use std::collections::BTreeSet;

use anax_abi::{Error, Message};
use anax_ring::{
    AtomicU64, Completion, Endpoint, Epoch, Geometry, Misbehaved, Requester, Responder, SharedBlock, Side,
    SubmitError, Supervisor, Taken, Ticket,
};
use std::sync::atomic::Ordering::Relaxed;

const PLACES: usize = 6;

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

struct World<'a> {
    words: &'a [AtomicU64],
    /// Where the epoch is posted: in the block or elsewhere.
    posted: &'a AtomicU64,
    random: Random,
    supervisor: Supervisor<'a>,
    client: Requester<'a, PLACES>,
    server: Responder<'a>,
    tickets: Vec<Ticket>,
    /// Tokens of what the client has in flight.
    in_flight: BTreeSet<u64>,
    next_token: u64,
    completed: u64,
    caught: u64,
}

impl World<'_> {
    fn scribble(&mut self) {
        let Self { words, random, supervisor, .. } = self;
        let place = if random.below(4) > 0 { random.below(64) } else { random.below(words.len() as u64) };
        let word = &words[place as usize];
        let epoch = u64::from(supervisor.epoch().number());
        let value = match random.below(6) {
            0 => random.below(u64::MAX),
            1 => epoch << 32 | random.below(8),
            2 => (epoch + random.below(3)) << 32 | random.below(1 << 32),
            3 => word.load(Relaxed) ^ 1 << random.below(64),
            4 => word.load(Relaxed).wrapping_add(random.below(5)).wrapping_sub(2),
            _ => epoch + random.below(3),
        };
        word.store(value, Relaxed);
    }

    fn client_step(&mut self) {
        match self.random.below(8) {
            0..3 => {
                let token = self.next_token;
                match self.client.submit(&Message { token, ..Message::new(token as u32, [token; 5]) }) {
                    Ok(()) => {
                        assert!(self.in_flight.insert(token));
                        self.next_token += 1;
                    }
                    Err(SubmitError::Full) => {}
                    Err(SubmitError::Misbehaved) => self.caught += 1,
                }
            }
            3..6 => self.complete(),
            6 => self.caught += u64::from(self.client.flush().is_err()),
            _ => self.caught += u64::from(self.client.prepare_to_sleep().is_err()),
        }
        assert_eq!(self.client.in_flight() as usize, self.in_flight.len());
    }

    fn complete(&mut self) {
        match self.client.complete() {
            Ok(Completion::Reply(reply)) => {
                assert!(self.in_flight.remove(&reply.token), "{reply:?} ended twice, or was never submitted");
                assert_eq!(reply.command, reply.token as u32);
                self.completed += 1;
            }
            Ok(Completion::NewPeer(_)) => {
                if self.random.below(2) == 0
                    && let Some(lost) = self.client.take_lost()
                {
                    assert_eq!(lost.words, [lost.token; 5], "what it was submitted with");
                    assert!(self.in_flight.remove(&lost.token));
                }
            }
            Ok(Completion::Nothing) => {}
            Err(Misbehaved) => self.caught += 1,
        }
    }

    fn server_step(&mut self) {
        match self.random.below(8) {
            0..3 => match self.server.take() {
                Ok(Taken::Request(message, ticket)) => {
                    assert!(usize::from(message.handles) <= anax_abi::MAX_HANDLES);
                    self.tickets.push(ticket);
                }
                Ok(Taken::NewPeer(_) | Taken::Nothing) => {}
                Err(Misbehaved) => self.caught += 1,
            },
            3..6 if !self.tickets.is_empty() => {
                let which = self.random.below(self.tickets.len() as u64) as usize;
                let _ = self.server.reply(self.tickets.swap_remove(which), &Message::new(1, [2; 5]));
            }
            3..7 => self.caught += u64::from(self.server.flush().is_err()),
            _ => self.caught += u64::from(self.server.prepare_to_sleep().is_err()),
        }
    }

    fn rebind(&mut self) {
        let epoch = self.supervisor.rebind().expect("the block is as large as ever");
        self.client.rebind(epoch);
        if self.random.below(2) == 0 {
            self.server.rebind(epoch);
        } else {
            let geometry = self.supervisor.geometry();
            self.server = Responder::new(endpoint(self.words, self.posted, Side::Server, geometry, epoch));
        }
    }
}

fn endpoint<'a>(
    words: &'a [AtomicU64],
    posted: &'a AtomicU64,
    side: Side,
    geometry: Geometry,
    epoch: Epoch,
) -> Endpoint<'a> {
    let block = SharedBlock::from_words(words);
    Endpoint::watching(block, side, geometry, epoch, posted).expect("the block is as large as ever")
}

/// With the epoch's word in the block, where the scribbler reaches it, or elsewhere.
fn run(seed: u64, steps: u64, epoch_word: Option<usize>) {
    let geometry = Geometry::new(4, 8).expect("powers of two");
    let words: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&words);
    let elsewhere = AtomicU64::new(0);
    let posted = epoch_word.map_or(&elsewhere, |number| &words[number]);
    let open = |side| endpoint(&words, posted, side, geometry, Epoch::FIRST);
    let mut world = World {
        words: &words,
        posted,
        random: Random(seed),
        supervisor: Supervisor::posting(block, geometry, posted).expect("it is large enough"),
        client: Requester::new(open(Side::Client)),
        server: Responder::new(open(Side::Server)),
        tickets: vec![],
        in_flight: BTreeSet::new(),
        next_token: 0,
        completed: 0,
        caught: 0,
    };
    for _ in 0..steps {
        match world.random.below(100) {
            0..4 => world.scribble(),
            4..50 => world.client_step(),
            50..98 => world.server_step(),
            _ => world.rebind(),
        }
    }
    world.rebind();
    for _ in 0..2 * PLACES {
        match world.client.complete() {
            Ok(Completion::Reply(reply)) => {
                assert!(world.in_flight.remove(&reply.token));
                assert!(matches!(reply.outcome(), Err(Error::PeerDied | Error::PeerMisbehaved)));
            }
            other => assert_eq!(other, Ok(Completion::Nothing)),
        }
    }
    assert!(world.in_flight.is_empty() && world.client.in_flight() == 0);
    println!("seed {seed:#x}: {} completed, {} lies caught", world.completed, world.caught);
    assert!(world.completed > steps / 100 && world.caught > steps / 100, "the test tests little");
}

#[test]
fn a_million_steps_against_a_scribbler() {
    for seed in [0x9e37_79b9_7f4a_7c15, 0x1234_5678_9abc_def1] {
        run(seed, 250_000, Some(3));
    }
    for seed in [0xfeed_beef_dead_0001, 0x00ba_dcaf_e0dd_ba11] {
        run(seed, 250_000, None);
    }
}
