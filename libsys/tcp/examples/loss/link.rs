//! One transfer over a link that loses packets, in virtual time: two engines, real headers, no bytes.

use std::collections::VecDeque;
use std::time::Duration;

use anax_tcp::{Config, Endpoint, Engine, Event, Outgoing, Segment, Tuple};
use smoltcp::wire::IpAddress;

/// Bytes of payload in a full segment, beside time stamps.
pub(crate) const FULL: u64 = 1448;
/// What a packet takes of the link: 1 Gbit/s.
const SPACING: Duration = Duration::from_micros(12);
const PORT: u16 = 80;
/// More than is ever under way.
const ROOM: u32 = 1 << 22;

/// What a link does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// There and back.
    pub(crate) round_trip: Duration,
    /// Packets of a thousand that are lost, each way.
    pub(crate) lost: u64,
    pub(crate) seed: u64,
}

/// What came of a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Segments of the stream: full ones.
    pub(crate) delivered: u64,
    /// Packets that the sender has sent, those without data included.
    pub(crate) sent: u64,
    /// From the opening until the last byte was there.
    pub(crate) took: Duration,
    pub(crate) timeouts: u64,
    /// Of all headers that were sent: two runs that are the same have the same.
    pub(crate) digest: u64,
}

/// A header on its way, and how much follows it.
struct Packet {
    at: Duration,
    header: [u8; 60],
    used: usize,
    payload: u32,
}

struct Side {
    engine: Engine,
    address: IpAddress,
    incoming: VecDeque<Packet>,
}

struct World {
    now: Duration,
    link: Link,
    /// SplitMix64.
    random: u64,
    digest: u64,
    sides: [Side; 2],
}

impl World {
    fn chance(&mut self, of_thousand: u64) -> bool {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % 1000 < of_thousand
    }

    fn transmit(&mut self, side: usize) {
        while let Some(segment) = self.sides[side].engine.transmit(self.now) {
            self.send(side, &segment);
        }
    }

    fn send(&mut self, side: usize, segment: &Outgoing) {
        let mut header = [0; 60];
        let used = segment.write(&mut header);
        for byte in &header[..used] {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if self.chance(self.link.lost) {
            return;
        }
        let to = &mut self.sides[1 - side].incoming;
        let free = to.back().map_or(Duration::ZERO, |last| last.at + SPACING);
        let at = free.max(self.now + self.link.round_trip / 2);
        to.push_back(Packet { at, header, used, payload: segment.length() });
    }

    /// The next packet that has come to that side.
    fn arrive(&mut self, side: usize) -> bool {
        let (here, there) = (self.sides[side].address, self.sides[1 - side].address);
        let to = &mut self.sides[side];
        let Some(packet) = to.incoming.pop_front_if(|packet| packet.at <= self.now) else { return false };
        let mut segment = Segment::parse(here, there, &packet.header[..packet.used]).expect("a header");
        segment.length = packet.payload;
        to.engine.input(&segment, self.now);
        true
    }
}

/// Sends so many full segments from one side to the other. Panics if they do not all arrive.
pub(crate) fn transfer(segments: u64, link: Link) -> Figures {
    let side = |number: u8| Side {
        engine: Engine::new(Config::default(), [number; 32]),
        address: IpAddress::v4(10, 0, 0, number),
        incoming: VecDeque::new(),
    };
    let (now, random) = (Duration::from_secs(1), link.seed << 32);
    let mut world = World { now, link, random, digest: 0, sides: [side(1), side(2)] };
    world.sides[1].engine.listen(None, PORT, 1, ROOM).expect("a free port");
    let [local, remote] = [(0, 40_000), (1, PORT)].map(|(side, port)| {
        let address: IpAddress = world.sides[side].address;
        Endpoint::new(address, port)
    });
    let id = world.sides[0].engine.connect(Tuple { local, remote }, ROOM, now).expect("new ends");
    world.sides[0].engine.write(id, segments * FULL, now).expect("it may be written at once");
    let (mut placed, mut received, mut begin) = (0, 0, now);
    while received < segments * FULL {
        (0..2).for_each(|side| world.transmit(side));
        let arrivals = world.sides.iter().filter_map(|side| Some(side.incoming.front()?.at));
        let deadlines = world.sides.iter().filter_map(|side| side.engine.next_deadline());
        let next = arrivals.chain(deadlines).min().expect("all is lost and nobody waits");
        world.now = world.now.max(next);
        for side in 0..2 {
            world.sides[side].engine.poll(world.now);
            while world.arrive(side) {
                let now = world.now;
                let engine = &mut world.sides[side].engine;
                while let Some(place) = engine.place() {
                    assert!(place.position >= received, "what was delivered is written again");
                    placed += u64::from(place.length);
                }
                while let Some(event) = engine.event() {
                    match event {
                        Event::Connected(_) => begin = now,
                        Event::Received { connection, upto } => {
                            received = upto;
                            engine.make_room(connection, upto + u64::from(ROOM), now).expect("it is open");
                        }
                        Event::Ended { how, .. } => panic!("it has ended: {how:?}"),
                        _ => {}
                    }
                }
                // Packet by packet, as a link that is slower than the machine has it.
                world.transmit(side);
            }
        }
    }
    assert_eq!(placed, received, "bytes were placed twice, or never");
    let counters = world.sides[0].engine.counters();
    Figures {
        delivered: segments,
        sent: counters.segments_out,
        took: world.now - begin,
        timeouts: counters.timeouts,
        digest: world.digest,
    }
}

impl Figures {
    pub(crate) fn sent_per_delivered(&self) -> f64 {
        self.sent as f64 / self.delivered as f64
    }

    /// The rate, as a part of what Mathis' formula says: MSS / RTT * C / sqrt(p).
    pub(crate) fn of_mathis(&self, link: Link, constant: f64) -> f64 {
        let rate = self.delivered as f64 / self.took.as_secs_f64();
        let lost = link.lost as f64 / 1000.0;
        rate * link.round_trip.as_secs_f64() * lost.sqrt() / constant
    }
}
