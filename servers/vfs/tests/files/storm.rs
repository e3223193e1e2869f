//! Programs that send what nobody sane would send: none brings the server down, each request is answered once, and nothing is left of them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use anax_abi::{Error, Handle, Rights, WORDS};
use anax_files::{files, volume};
use anax_proto::{Answered, Beside, Caller, Dispatch as _, Gift, Gifts, Request};
use anax_ring::{AtomicU64, SharedBlock};
use anax_storm::{Case, Dice, Promises, Taken, cases, storm};
use vfs::{Host, Limits, Memory, Server, Step, Vfs};

use crate::disk::{Disk, Make};
use crate::regions::{Regions, Words};
use crate::world::{Answering, Volume, serve, tmpfs};

/// What programs write down: paths, as they may be found at most offsets.
const TEXT: &[u8] = b"/a/b/../c/d//e/a/./b/c/x/y\0/a";

struct Mapped {
    words: Words,
    books: Rc<RefCell<Books>>,
    gift: Option<Gift>,
}

impl Memory for Mapped {
    fn block(&self) -> SharedBlock<'_> {
        SharedBlock::from_words(&self.words)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(gift) = self.gift {
            self.books.borrow_mut().closed.push(gift.handle);
        }
    }
}

#[derive(Default)]
struct Books {
    taken: Taken,
    /// Regions of the server's own.
    regions: BTreeSet<u64>,
    answers: Vec<Answered>,
    /// Programs that were let in.
    admitted: Vec<u64>,
    /// Handles that were closed, and are still to be judged.
    closed: Vec<Handle>,
}

impl Books {
    /// What was closed was the server's, each once.
    fn settle(&mut self) {
        for handle in std::mem::take(&mut self.closed) {
            let is_own = self.regions.remove(&handle.to_word());
            let is_known = self.taken.closed(handle) || is_own || handle.to_word() < 1 << 62;
            assert!(is_known, "closed twice: {handle:?}");
        }
    }
}

type Sent = (Handle, u64, u32, [u64; WORDS], Gifts);

struct Machine {
    books: Rc<RefCell<Books>>,
    sent: Rc<RefCell<VecDeque<Sent>>>,
    now: Rc<Cell<u64>>,
    regions: Regions,
}

impl Machine {
    fn region(&self, bytes: u64) -> Handle {
        let handle = self.regions.make(bytes);
        self.books.borrow_mut().regions.insert(handle.to_word());
        handle
    }
}

impl Host for Machine {
    type Memory = Mapped;

    fn send(
        &self,
        port: Handle,
        token: u64,
        command: u32,
        words: [u64; WORDS],
        gifts: &Gifts,
    ) -> Result<(), Error> {
        if port.to_word() > 2 {
            return Err(Error::BadHandle);
        }
        self.sent.borrow_mut().push_back((port, token, command, words, *gifts));
        Ok(())
    }

    fn answer(&self, answered: Answered) {
        self.books.borrow_mut().answers.push(answered);
    }

    fn map(&self, memory: Gift) -> Result<Mapped, Error> {
        let bytes = match memory.handle.to_word() >> 8 & 3 {
            0 => {
                self.close(memory.handle);
                return Err(Error::BadHandle);
            }
            1 => 4096,
            _ => files::ARENA,
        };
        let text: Vec<u8> = TEXT.iter().copied().cycle().take(bytes as usize).collect();
        let (chunks, _) = text.as_chunks::<8>();
        let words = chunks.iter().map(|chunk| AtomicU64::new(u64::from_le_bytes(*chunk))).collect();
        Ok(Mapped { words: Arc::new(words), books: self.books.clone(), gift: Some(memory) })
    }

    fn make(&self, bytes: u64) -> Result<Handle, Error> {
        Ok(self.region(bytes))
    }

    fn make_mapped(&self, bytes: u64) -> Result<(Mapped, Handle), Error> {
        let handle = self.region(bytes);
        let words = self.regions.get(handle).unwrap();
        Ok((Mapped { words, books: self.books.clone(), gift: None }, handle))
    }

    fn end(&self, region: Handle) {
        assert!(self.books.borrow_mut().regions.remove(&region.to_word()), "a region ends once");
        self.regions.end(region);
    }

    fn close(&self, handle: Handle) {
        self.books.borrow_mut().closed.push(handle);
    }

    fn admit(&self, number: u64, hold: Gift) -> Result<Gift, Error> {
        self.close(hold.handle);
        self.books.borrow_mut().admitted.push(number);
        Ok(Gift::given(Handle::from_word(number)))
    }

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn seconds(&self) -> u64 {
        0
    }
}

struct Bench {
    vfs: Rc<Vfs<Machine>>,
    books: Rc<RefCell<Books>>,
    sent: Rc<RefCell<VecDeque<Sent>>>,
    volumes: [Volume; 2],
    now: Rc<Cell<u64>>,
    promises: Promises,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let (books, sent, now) =
            <(Rc<RefCell<Books>>, Rc<RefCell<VecDeque<Sent>>>, Rc<Cell<u64>>)>::default();
        let regions = Regions::default();
        let machine =
            Machine { books: books.clone(), sent: sent.clone(), now: now.clone(), regions: regions.clone() };
        let vfs = Vfs::new(machine, limits, (1, 2));
        let disk = Disk::new(Make { bytes: 8 << 20, longest: 4 << 20, ..Make::default() });
        let volumes = [tmpfs(regions.clone(), 8 << 20), serve(disk, regions)];
        let mut bench = Self { vfs, books, sent, volumes, now, promises: Promises::new() };
        let port = |number| Gift::copy(Handle::from_word(number), Rights::ALL);
        let steps = vec![
            Step::Mount("/".into(), port(1)),
            Step::Directory("/a".into()),
            Step::Mount("/a".into(), port(2)),
            Step::Directory("/a/b".into()),
            Step::Directory("/c".into()),
        ];
        bench.vfs.begin(steps, |step, outcome| assert_eq!(outcome, Ok(()), "{step:?}"));
        while bench.go_on() {}
        bench
    }

    /// File systems answer, and programs are told. Whether anything happened.
    fn go_on(&mut self) -> bool {
        self.vfs.run();
        for answered in self.books.borrow_mut().answers.drain(..) {
            self.promises.answered(&answered);
        }
        let next = self.sent.borrow_mut().pop_front();
        let Some((port, token, command, words, gifts)) = next else { return false };
        let mut beside = Beside { sent: gifts, ..Beside::default() };
        let volume = &mut self.volumes[port.to_word() as usize - 1];
        let Answering::Answer(reply) = volume(&Request::fixed(command, words), &mut beside) else {
            return true;
        };
        self.vfs.answered(token, Ok((reply, beside.back)));
        true
    }
}

/// Numbers that may be files, texts, memory.
fn likely(dice: &mut Dice) -> u64 {
    match dice.below(6) {
        0 => dice.below(4) | (1 + dice.below(300)) << 8,
        1 => dice.below(12),
        2 => dice.word(),
        3 => dice.below(1 << 20),
        _ => dice.below(60) | (1 + dice.below(9)) << 32,
    }
}

#[test]
fn the_server_bears_anything() {
    for (seed, sessions) in [(1, 4), (2, 128)] {
        let limits = Limits { cache: 1 << 20, names: 64, sessions, mounts: 3, store_after: 1000 };
        let bench = RefCell::new(Bench::new(limits));
        let own = bench.borrow().books.borrow().regions.len();
        let mut server = files::Serve(Server(bench.borrow().vfs.clone()));
        let mut dice = Dice::new(seed);
        let mut last = 1 << 40;
        storm(&mut server, seed, cases(), &["/a", "/c", "x"], |server, case| {
            let mut bench = bench.borrow_mut();
            bench.books.borrow_mut().taken.asked(case);
            bench.promises.asked(case);
            bench.books.borrow_mut().settle();
            if dice.once_in(20) {
                last += 4;
                let mut beside = Beside { ticket: last, ..Beside::default() };
                let arena = Handle::from_word(1 << 62 | last << 8 | 3 << 8);
                for handle in [arena, Handle::from_word(1 << 62 | last << 8 | 1)] {
                    beside.sent.push(Gift::copy(handle, Rights::ALL));
                }
                beside.room = 2;
                let attach = files::Serve::<Server<Machine>>::METHODS[0].command;
                let (sent, caller, wild) = (beside.sent, Caller(0), case.wild);
                let reply = server.dispatch(caller, &Request::fixed(attach, [0; 5]), &mut beside, &mut []);
                let mut books = bench.books.borrow_mut();
                books.taken.asked(&Case { caller, wild, sent, reply, beside });
                books.settle();
            }
            // Programs that were let in ask for what could be.
            let admitted = bench.books.borrow().admitted.clone();
            for _ in 0..if admitted.is_empty() { 0 } else { 4 } {
                let caller = Caller(dice.one_of(&admitted));
                let methods = files::Serve::<Server<Machine>>::METHODS;
                let command = methods[dice.below(methods.len() as u64) as usize].command;
                let words = [(); 5].map(|()| likely(&mut dice));
                last += 4;
                let mut beside = Beside { ticket: last, ..Beside::default() };
                let reply = server.dispatch(caller, &Request::fixed(command, words), &mut beside, &mut []);
                if reply.is_later() {
                    bench.promises.waits(caller, last);
                }
                if dice.once_in(2) {
                    bench.go_on();
                }
            }
            if dice.once_in(50) {
                bench.now.set(bench.now.get() + dice.below(2000));
                bench.vfs.tick();
            }
            if dice.once_in(40) && !admitted.is_empty() {
                let number = dice.one_of(&admitted);
                bench.vfs.left(number);
                bench.books.borrow_mut().admitted.retain(|other| *other != number);
            }
            if dice.once_in(8) {
                while bench.go_on() {}
            }
        });
        let mut bench = bench.into_inner();
        let admitted = std::mem::take(&mut bench.books.borrow_mut().admitted);
        for number in admitted {
            bench.vfs.left(number);
        }
        for _ in 0..5 {
            bench.now.set(bench.now.get() + 10_000);
            bench.vfs.tick();
            while bench.go_on() {}
        }
        bench.books.borrow_mut().settle();
        assert_eq!(bench.vfs.under_way(), 0, "operations are left over");
        assert_eq!(bench.promises.owed(), 0, "somebody waits");
        assert_eq!(bench.books.borrow().taken.held(), 0, "handles are lost");
        let left = bench.books.borrow().regions.len();
        assert!(left as u64 <= own as u64 + limits.cache / 4096, "{left} regions are left, of {own}");
    }
}

#[test]
fn a_disk_bears_anything() {
    let regions = Regions::default();
    let mut server = volume::Serve(anax_volume::Server::new(
        Disk::new(Make { bytes: 4 << 20, longest: 1 << 20, ..Make::default() }),
        regions.clone(),
    ));
    storm(&mut server, 3, cases(), &["a", "b"], |_, _| {});
}
