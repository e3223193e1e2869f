//! Requests that nobody sane would send to a file system in memory: what it owes and what it has stays in balance.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use anax_abi::Handle;
use anax_files::{Failure, volume};
use anax_proto::{Caller, Dispatch as _, Gift, Gifts};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_storm::{Dice, Taken, cases, storm};
use anax_volume::{Maps, Memory, Server};
use tmpfs::{Regions, Tmpfs};

/// Bytes that files and names may take.
const LIMIT: u64 = 4 << 20;

/// What the file system has of the machine: regions that live, and handles that were given back.
#[derive(Clone, Default)]
struct Machine(Rc<RefCell<Books>>);

#[derive(Default)]
struct Books {
    last: u64,
    regions: BTreeSet<u64>,
    taken: Taken,
    /// Handles that were given back, and are still to be judged.
    closed: Vec<Handle>,
}

impl Books {
    fn settle(&mut self) {
        for handle in std::mem::take(&mut self.closed) {
            self.taken.closed(handle);
        }
    }
}

struct Mapped(Vec<AtomicU64>, Machine, Gift);

impl Memory for Mapped {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.0))
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.1.give_back(self.2);
    }
}

impl Maps for Machine {
    type Memory = Mapped;

    fn map(&self, memory: Gift) -> Result<Mapped, Failure> {
        if memory.handle.to_word() & 3 == 0 {
            self.give_back(memory);
            return Err(Failure::BadArgument);
        }
        // Names, so that some requests mean something.
        let words = (0..1024).map(|at: u64| AtomicU64::new(0x6867_6665_6463_6261 + at % 3)).collect();
        Ok(Mapped(words, self.clone(), memory))
    }

    fn make(&self, _: u64) -> Result<(Mapped, Handle), Failure> {
        Err(Failure::BadArgument)
    }

    fn copy(&self, _: (Gift, u64), _: (Handle, u64), _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn give_back(&self, memory: Gift) {
        self.0.borrow_mut().closed.push(memory.handle);
    }
}

impl Regions for Machine {
    fn make(&mut self, _: u64) -> Result<Handle, Failure> {
        let mut books = self.0.borrow_mut();
        books.last += 1;
        let word = 1 << 32 | books.last;
        books.regions.insert(word);
        Ok(Handle::from_word(word))
    }

    fn clear(&mut self, region: Handle, _: u64) {
        assert!(self.0.borrow().regions.contains(&region.to_word()), "it has ended");
    }

    fn end(&mut self, region: Handle) {
        assert!(self.0.borrow_mut().regions.remove(&region.to_word()), "it ends once");
    }
}

#[test]
fn it_bears_anything() {
    for seed in 0..3 {
        let machine = Machine::default();
        let system = Tmpfs::new(machine.clone(), LIMIT, (1, 2));
        let mut server = volume::Serve(Server::new(system, machine.clone()));
        let own = machine.clone();
        let mut dice = Dice::new(seed);
        storm(&mut server, seed, cases(), &["abc", "bcd"], |server, case| {
            own.0.borrow_mut().taken.asked(case);
            own.0.borrow_mut().settle();
            // Now and then somebody begins, and then asks for what can be.
            if dice.once_in(500) {
                let arena = Gift::copy(Handle::from_word(dice.roll() | 3), anax_abi::Rights::ALL);
                let mut beside = anax_proto::Beside { sent: Gifts::NONE, room: 1, ..Default::default() };
                beside.sent.push(arena);
                let attach = volume::Serve::<Server<Tmpfs<Machine>, Machine>>::METHODS[0].command;
                let request = anax_proto::Request::fixed(attach, [0; 5]);
                let _any = server.dispatch(Caller(1), &request, &mut beside, &mut []);
            }
            for _ in 0..3 {
                let method =
                    dice.below(volume::Serve::<Server<Tmpfs<Machine>, Machine>>::METHODS.len() as u64);
                let command =
                    volume::Serve::<Server<Tmpfs<Machine>, Machine>>::METHODS[method as usize].command;
                // Nodes are small numbers; texts lie in the first bytes.
                let words = [(); 5].map(|()| match dice.below(3) {
                    0 => 1 + dice.below(4),
                    1 => dice.below(20) | (1 + dice.below(3)) << 32,
                    _ => dice.word(),
                });
                let words = if dice.once_in(2) { [1, words[1], words[2], words[3], words[4]] } else { words };
                let mut beside = anax_proto::Beside::default();
                let request = anax_proto::Request::fixed(command, words);
                let reply = server.dispatch(Caller(1), &request, &mut beside, &mut []);
                assert!(reply.code <= 0);
            }
        });
        assert!(machine.0.borrow().regions.len() as u64 * 4096 <= LIMIT);
        drop(server);
        // The arena goes with the server.
        machine.0.borrow_mut().settle();
        assert_eq!(machine.0.borrow().taken.held(), 0, "handles are lost");
    }
}
