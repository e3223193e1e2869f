//! Two engines, a wire between them, and the memory of both: every byte that arrives is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use anax_tcp::{
    Closed, Config, ConnectionId, Endpoint, Engine, Error, Event, ListenerId, Outgoing, Segment, Taken, Tuple,
};
use smoltcp::wire::IpAddress;

/// Random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What a wire does, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) twice: u64,
    pub(crate) late: u64,
    pub(crate) delay: Duration,
}

/// The byte at a position of a stream.
pub(crate) fn byte(stream: u64, position: u64) -> u8 {
    let mixed = ((stream << 40) ^ (position / 8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (8 * (position % 8))) as u8
}

/// One direction of a connection, as its receiver has it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) number: u64,
    pub(crate) memory: Vec<u8>,
    pub(crate) received: u64,
    pub(crate) ended: bool,
}

/// A connection at one end.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) incoming: Stream,
    pub(crate) outgoing: u64,
    pub(crate) total: u64,
    pub(crate) written: u64,
    pub(crate) acknowledged: u64,
    pub(crate) connected: bool,
    pub(crate) shut: bool,
    pub(crate) how: Option<Closed>,
}

/// One engine and what belongs to it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) engine: Engine,
    pub(crate) address: IpAddress,
    pub(crate) ends: BTreeMap<u64, End>,
    pub(crate) accepted: Vec<ConnectionId>,
}

/// Both, and the wire.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) sides: [Side; 2],
    pub(crate) weather: Weather,
    pub(crate) random: Random,
    /// Room that each receiver gives.
    pub(crate) room: u32,
    wire: BTreeMap<(Duration, u64), (usize, Vec<u8>)>,
    sent: u64,
    pending: [Vec<Event>; 2],
    pub(crate) segments: u64,
}

pub(crate) const PORT: u16 = 80;

impl World {
    pub(crate) fn new(config: &Config, weather: Weather, seed: u64, room: u32) -> Self {
        let side = |number: u8| {
            let address = IpAddress::v4(10, 0, 0, number);
            let engine = Engine::new(config.clone(), [number; 32]);
            Side { engine, address, ends: BTreeMap::new(), accepted: Vec::new() }
        };
        Self {
            now: Duration::from_secs(1),
            sides: [side(1), side(2)],
            weather,
            random: Random(seed),
            room,
            wire: BTreeMap::new(),
            sent: 0,
            pending: [Vec::new(), Vec::new()],
            segments: 0,
        }
    }

    pub(crate) fn listen(&mut self, side: usize) -> ListenerId {
        self.sides[side].engine.listen(None, PORT, 128, self.room).unwrap()
    }

    /// Side 0 connects to side 1.
    pub(crate) fn connect(&mut self, port: u16, totals: (u64, u64)) -> ConnectionId {
        let tuple = Tuple {
            local: Endpoint::new(self.sides[0].address, port),
            remote: Endpoint::new(self.sides[1].address, PORT),
        };
        let id = self.sides[0].engine.connect(tuple, self.room, self.now).unwrap();
        let end = self.end(2 * u64::from(port), totals.0);
        self.sides[0].ends.insert(id.to_word(), end);
        self.sides[1].ends.insert(u64::MAX - u64::from(port), self.end(2 * u64::from(port) + 1, totals.1));
        id
    }

    fn end(&self, outgoing: u64, total: u64) -> End {
        let incoming = Stream { number: outgoing ^ 1, ..Stream::default() };
        End { incoming, outgoing, total, ..End::default() }
    }

    /// Everything that both sides have to say now.
    pub(crate) fn settle(&mut self) {
        for side in 0..2 {
            self.events(side);
            while let Some(segment) = self.sides[side].engine.transmit(self.now) {
                for segment in segment.cut() {
                    self.send(side, &segment);
                }
            }
            self.events(side);
        }
    }

    fn events(&mut self, side: usize) {
        let mut pending = std::mem::take(&mut self.pending[side]);
        while let Some(event) = self.sides[side].engine.event() {
            pending.push(event);
        }
        for event in pending {
            match event {
                Event::Connected(id) => self.of(side, id).connected = true,
                Event::Accepted { listener, connection, tuple } => {
                    self.accept(side, listener, connection, tuple);
                }
                Event::Received { connection, upto } => {
                    let end = self.of(side, connection);
                    let stream = &mut end.incoming;
                    assert!(upto > stream.received && !stream.ended);
                    for position in stream.received..upto {
                        assert_eq!(
                            stream.memory[position as usize],
                            byte(stream.number, position),
                            "at {position}"
                        );
                    }
                    stream.received = upto;
                    let (now, room) = (self.now, upto + u64::from(self.room));
                    // With its last bytes it may have ended.
                    let made = self.sides[side].engine.make_room(connection, room, now);
                    assert!(matches!(made, Ok(()) | Err(Error::Gone)));
                }
                Event::Acknowledged { connection, upto } => {
                    let end = self.of(side, connection);
                    assert!(upto > end.acknowledged && upto <= end.written);
                    end.acknowledged = upto;
                }
                Event::PeerClosed(connection) => {
                    let stream = &mut self.of(side, connection).incoming;
                    assert!(!stream.ended);
                    stream.ended = true;
                }
                Event::Ended { connection, how } => self.of(side, connection).how = Some(how),
            }
        }
    }

    pub(crate) fn of(&mut self, side: usize, id: ConnectionId) -> &mut End {
        self.sides[side].ends.get_mut(&id.to_word()).expect("an event of an unknown connection")
    }

    /// Puts a segment onto the wire, with its bytes.
    pub(crate) fn send(&mut self, side: usize, segment: &Outgoing) {
        self.segments += 1;
        let mut bytes = vec![0; 60];
        let header = segment.write(&mut bytes);
        bytes.truncate(header);
        if let Some(payload) = segment.payload {
            let end = &self.sides[side].ends[&payload.connection.to_word()];
            assert!(
                payload.position >= end.acknowledged
                    && payload.position + u64::from(payload.length) <= end.written
            );
            let positions = payload.position..payload.position + u64::from(payload.length);
            bytes.extend(positions.map(|position| byte(end.outgoing, position)));
        }
        assert!(bytes.len() <= 1480, "a segment of {} bytes", bytes.len());
        let weather = self.weather;
        let copies = match () {
            () if self.random.chance(weather.lost) => 0,
            () if self.random.chance(weather.twice) => 2,
            () => 1,
        };
        for _ in 0..copies {
            let late = if self.random.chance(weather.late) { self.random.below(20_000) } else { 0 };
            self.sent += 1;
            let at = self.now + weather.delay + Duration::from_micros(late);
            self.wire.insert((at, self.sent), (1 - side, bytes.clone()));
        }
    }

    /// Goes on to whatever is next: false if nothing is.
    pub(crate) fn step(&mut self) -> bool {
        self.settle();
        let arrival = self.wire.keys().next().map(|(at, _)| *at);
        let deadlines = self.sides.iter().filter_map(|side| side.engine.next_deadline());
        let Some(next) = deadlines.chain(arrival).min() else { return false };
        self.now = self.now.max(next);
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (side, bytes) = entry.remove();
            self.arrive(side, &bytes);
        }
        for side in &mut self.sides {
            side.engine.poll(self.now);
        }
        self.settle();
        true
    }

    pub(crate) fn arrive(&mut self, side: usize, bytes: &[u8]) {
        let (local, remote) = (self.sides[side].address, self.sides[1 - side].address);
        let segment = Segment::parse(local, remote, bytes).unwrap();
        assert_eq!(self.sides[side].engine.input(&segment, self.now), Taken::Here);
        // What is accepted brings its first bytes along.
        let mut places = Vec::new();
        while let Some(place) = self.sides[side].engine.place() {
            places.push(place);
        }
        self.accept_only(side);
        for place in places {
            let stream = &mut self.of(side, place.connection).incoming;
            let (from, to) = (place.position as usize, place.position as usize + place.length as usize);
            assert!(from as u64 >= stream.received, "what was delivered is written again");
            if stream.memory.len() < to {
                stream.memory.resize(to, 0);
            }
            stream.memory[from..to].copy_from_slice(place.of(&segment, bytes));
        }
        self.events(side);
    }

    /// What was connected from the other side is known by its port until it has a number.
    fn accept(&mut self, side: usize, listener: ListenerId, connection: ConnectionId, tuple: Tuple) {
        let key = u64::MAX - u64::from(tuple.remote.port);
        let side = &mut self.sides[side];
        let mut end = side.ends.remove(&key).expect("nobody has connected");
        end.connected = true;
        side.ends.insert(connection.to_word(), end);
        side.engine.accepted(listener).unwrap();
        side.accepted.push(connection);
    }

    /// Learns of accepted connections before their bytes are placed.
    fn accept_only(&mut self, side: usize) {
        let mut others = Vec::new();
        while let Some(event) = self.sides[side].engine.event() {
            if let Event::Accepted { listener, connection, tuple } = event {
                self.accept(side, listener, connection, tuple);
            } else {
                others.push(event);
            }
        }
        self.pending[side].extend(others);
    }
}
