//! Threads of a server, one after the other, without a machine.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anax_abi::{Error, Handle, Rights};
use anax_inet::Random;
use anax_inet::control::Configuration;
use anax_proto::{Answered, Caller, Failure as _, Fixed, Gift, Later, Reader};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_socket::sockets::Serve;
use anax_socket::{Failure, Rings, Sockets as _};
use net::cards::{Card, Cards};
use net::crossbar::{Bell, Crossbar};
use net::kept::Found;
use net::session::{Arena, Foreign};
use net::shard::{Host, Shard};
use net::thread::{Stock, Thread};
use net::zero::{Zero, ZeroHost};

/// Bytes of a program's arena.
pub(crate) const ARENA: usize = 1 << 20;

/// A program's memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Vec<AtomicU64>>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Arc::new((0..ARENA / 8).map(|_| AtomicU64::new(0)).collect()))
    }
}

impl Arena for Memory {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.0))
    }
}

/// Nobody sleeps here.
pub(crate) struct NoBell;

impl Bell for NoBell {
    fn ring(&self) {}
}

/// What all threads' hosts have.
#[derive(Default)]
pub(crate) struct Common {
    answers: RefCell<HashMap<u64, Answered>>,
    arenas: RefCell<HashMap<u64, Memory>>,
    handles: Cell<u64>,
    /// What can be shown, by its handle.
    regions: RefCell<HashMap<u64, Arc<Region>>>,
}

/// Memory that is shown: its content, and what happens when somebody is about to look at it.
pub(crate) struct Region {
    pub(crate) words: Vec<AtomicU64>,
    pub(crate) on_look: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Region {
    pub(crate) fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.words))
    }
}

/// Some of it, mapped.
struct Seen {
    region: Arc<Region>,
    words: Range<usize>,
}

impl Foreign for Seen {
    fn block(&self) -> SharedBlock<'_> {
        let happens = self.region.on_look.lock().unwrap().take();
        happens.into_iter().for_each(|happens| happens());
        SharedBlock::from_words(&self.region.words[self.words.clone()])
    }
}

pub(crate) struct TestHost(Rc<Common>);

impl Host for TestHost {
    type Arena = Memory;
    type Bell = NoBell;

    fn answer(&mut self, answered: &Answered) -> bool {
        let before = self.0.answers.borrow_mut().insert(answered.ticket, *answered);
        assert!(before.is_none(), "answered twice");
        true
    }

    fn show(&mut self, memory: Gift, at: u64, bytes: u64) -> Result<Box<dyn Foreign>, Failure> {
        assert!(at.is_multiple_of(4096) && bytes.is_multiple_of(4096), "whole pages");
        let region = self.0.regions.borrow().get(&memory.handle.to_word()).cloned();
        let region = region.filter(|_| memory.rights.allows(Rights::READ)).ok_or(Failure::BadArgument)?;
        let words = (at / 8) as usize..(at / 8 + bytes / 8) as usize;
        if bytes == 0 || words.end > region.words.len() {
            return Err(Failure::BadArgument);
        }
        Ok(Box::new(Seen { region, words }))
    }
}

impl ZeroHost for TestHost {
    fn attach(&mut self, _: u64, arena: Gift, _: Gift) -> Result<Memory, Failure> {
        self.0.arenas.borrow_mut().remove(&arena.handle.to_word()).ok_or(Failure::BadArgument)
    }

    fn handle(&mut self, _: u32, _: u64) -> Result<Gift, Failure> {
        self.0.handles.set(self.0.handles.get() + 1);
        Ok(Gift::copy(Handle::from_word(self.0.handles.get()), Rights::ALL))
    }
}

pub(crate) struct World {
    pub(crate) threads: Vec<Serve<Thread<TestHost>>>,
    stocks: Vec<Stock>,
    cards: Cards,
    common: Rc<Common>,
    pub(crate) now: Duration,
    ticket: u64,
    /// Of so many packets of a hundred that this host says to itself, none comes.
    pub(crate) lossy: u64,
    random: u64,
}

/// A program that has attached.
pub(crate) struct Program {
    pub(crate) caller: Caller,
    pub(crate) memory: Memory,
    next: u32,
}

impl Program {
    /// Rings of its own, of 2^13 bytes each.
    pub(crate) fn rings(&mut self) -> Rings {
        self.next += 4;
        Rings::new(self.next - 4, 13, 13).unwrap()
    }
}

impl World {
    pub(crate) fn new(threads: u32) -> Self {
        Self::with(threads, None)
    }

    /// One with something that outlives it.
    pub(crate) fn with(threads: u32, found: Option<Found>) -> Self {
        let (mut kept, leases, left) = match found {
            Some(Found { threads, leases, left }) => (threads, Some(leases), left),
            None => (Vec::new(), None, Vec::new()),
        };
        let mut kept = kept.drain(..);
        let common = Rc::new(Common::default());
        let crossbar = Crossbar::new((0..threads).map(|_| NoBell).collect());
        let now = Duration::from_secs(1);
        let mut leases = leases;
        let thread = |number| {
            let random = Random::new((7, u64::from(number)));
            let host = TestHost(common.clone());
            let mut shard = Shard::new(host, crossbar.port(number), random, now, Default::default());
            if let Some(kept) = kept.next() {
                shard.keep(kept, &left);
            }
            let mut zero = (number == 0).then(|| Box::new(Zero::new(Random::new((8, 8)), now, &mut shard)));
            if let Some((zero, leases)) = zero.as_mut().zip(leases.take()) {
                zero.keep(leases);
            }
            Serve(Thread { shard, zero })
        };
        let all = (0..threads).map(thread).collect();
        let stocks = (0..threads).map(|_| Stock::default()).collect();
        let mut world = Self {
            threads: all,
            stocks,
            cards: Cards::default(),
            common,
            now,
            ticket: 0,
            lossy: 0,
            random: 1,
        };
        world.run();
        world
    }

    /// Lets all threads do what they have to do, until none has anything.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut did = false;
            for number in 0..self.threads.len() {
                let thread = &mut self.threads[number].0;
                thread.shard.set_time(self.now);
                if let Some(zero) = &mut thread.zero {
                    zero.set_time(self.now);
                }
                let mut count = 0;
                while count < 32
                    && let Some(item) = thread.shard.port().take()
                {
                    if number == 0 {
                        thread.item_zero(item, &mut self.cards);
                    } else {
                        thread.item(item, &mut self.stocks[number]);
                    }
                    count += 1;
                }
                if self.lossy > 0 && number == 0 {
                    thread.shard.roll_up(&mut self.cards);
                    let said: Vec<_> = std::iter::from_fn(|| thread.shard.inside()).collect();
                    for frame in said {
                        self.random ^= self.random << 13;
                        self.random ^= self.random >> 7;
                        self.random ^= self.random << 17;
                        if (self.random >> 20) % 100 >= self.lossy {
                            thread.shard.say_inside(frame);
                        }
                    }
                }
                let is_all = if number == 0 {
                    thread.roll_up_zero(&mut self.cards)
                } else {
                    thread.roll_up(&mut self.stocks[number])
                };
                did |= count > 0 || !is_all || !thread.shard.port().may_sleep();
                thread.shard.port().awake();
            }
            if !did {
                return;
            }
        }
        panic!("the threads never come to rest");
    }

    /// Plugs a card in, whose client this is.
    pub(crate) fn plug(&mut self, card: Card) {
        self.threads[0].0.zero.as_mut().unwrap().add_card(card.interface, Configuration::default());
        self.cards.all.push(card);
    }

    /// Hears what the cards have to tell, and lets all threads do what comes of it.
    pub(crate) fn hear(&mut self) {
        let Thread { shard, zero } = &mut self.threads[0].0;
        for place in 0..self.cards.all.len() {
            let interface = self.cards.all[place].interface;
            while let Some(told) = self.cards.all[place].told() {
                zero.as_mut().unwrap().told(interface, told, shard, &mut self.cards);
            }
        }
        self.run();
        for card in &mut self.cards.all {
            let _ = card.client.flush().unwrap();
        }
    }

    /// What a thread other than 0 has to send with.
    pub(crate) fn stock(&mut self, thread: usize) -> &mut Stock {
        &mut self.stocks[thread]
    }

    /// Lets time pass, from deadline to deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.run();
            let next = self.threads.iter().filter_map(|thread| thread.0.next_deadline()).min();
            match next {
                Some(at) if at <= end => self.now = at.max(self.now + Duration::from_micros(1)),
                _ => break,
            }
        }
        self.now = end;
        self.run();
    }

    /// A right to answer, and by what the answer is asked for.
    pub(crate) fn later<V: Fixed>(&mut self) -> (Later<V, Failure>, u64) {
        self.ticket += 1;
        (Later::new(self.ticket), self.ticket)
    }

    /// What was answered, if it was.
    pub(crate) fn answer<V: Fixed>(&mut self, ticket: u64) -> Option<Result<V, Failure>> {
        self.run();
        let answered = self.common.answers.borrow_mut().remove(&ticket)?;
        if answered.reply.code < 0 {
            return Some(Err(Failure::from_code(answered.reply.code)));
        }
        let value = V::take(&mut Reader::with(answered.reply.words, answered.gifts));
        Some(value.ok_or_else(|| Error::PeerMisbehaved.into()))
    }

    /// A region of so many pages, and a handle to it.
    pub(crate) fn region(&mut self, pages: usize) -> (Arc<Region>, Gift) {
        let words = (0..pages * 512).map(|_| AtomicU64::new(0)).collect();
        let region = Arc::new(Region { words, on_look: Mutex::new(None) });
        self.ticket += 1;
        let handle = 2 << 40 | self.ticket;
        self.common.regions.borrow_mut().insert(handle, region.clone());
        (region, Gift::copy(Handle::from_word(handle), Rights::READ))
    }

    /// A program attaches.
    pub(crate) fn attach(&mut self) -> Program {
        let memory = Memory::new();
        let (later, ticket) = self.later();
        let handle = 1 << 40 | ticket;
        self.common.arenas.borrow_mut().insert(handle, memory.clone());
        let gift = |word| Gift::copy(Handle::from_word(word), Rights::ALL);
        self.threads[0].0.attach(gift(handle), gift(1), later);
        let threads = self.threads.len() as u32;
        let (_, count) = self.answer::<(Gift, u32)>(ticket).unwrap().unwrap();
        assert_eq!(count, threads);
        // Sessions are numbered from 1 on.
        let number = self.common.sessions();
        Program { caller: Caller(number), memory, next: 0 }
    }
}

impl Common {
    /// Programs that have attached so far: each was given one handle.
    fn sessions(&self) -> u64 {
        self.handles.get()
    }
}
