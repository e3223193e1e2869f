//! Which service has which port.

use core::cell::Cell;

use anax_net::Sizes;

/// A service of TCP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Takes all, and says how much it was.
    Sink,
    /// Sends zeros.
    Source,
    /// Closes.
    Close,
    /// What comes goes back.
    Echo,
    /// Patterns both ways.
    Pattern,
}

/// A port of TCP's.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// What is there.
    pub service: Service,
    /// The rings of its connections: large where much goes, small where many stay.
    pub sizes: Sizes,
}

/// That of UDP's, where what comes goes back.
pub const DATAGRAMS: u16 = 5007;

const LARGE: u32 = 128 << 10;
const LARGEST: u32 = 512 << 10;
const SMALL: u32 = 4096;

/// All of TCP's.
pub const PORTS: [Port; 5] = [
    Port { number: 5001, service: Service::Sink, sizes: Sizes { receive: LARGEST, send: SMALL } },
    Port { number: 5002, service: Service::Source, sizes: Sizes { receive: SMALL, send: LARGE } },
    Port { number: 5003, service: Service::Close, sizes: Sizes::SMALL },
    Port { number: 5004, service: Service::Echo, sizes: Sizes { receive: 8192, send: 8192 } },
    Port {
        number: anax_pattern::PORT,
        service: Service::Pattern,
        sizes: Sizes { receive: LARGE, send: LARGE },
    },
];

/// How many of all ports are bound, so that it can be said when all are.
#[derive(Debug)]
pub struct Bound {
    count: Cell<usize>,
    all: usize,
}

impl Bound {
    /// None of so many.
    #[must_use]
    pub const fn new(all: usize) -> Self {
        Self { count: Cell::new(0), all }
    }

    /// One more; whether that was the last one.
    pub fn add(&self) -> bool {
        self.count.set(self.count.get() + 1);
        self.count.get() == self.all
    }

    /// One less.
    pub fn lose(&self) {
        self.count.set(self.count.get().saturating_sub(1));
    }
}
