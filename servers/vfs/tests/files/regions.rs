//! Memory for the tests: regions are vectors, which all sides share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anax_abi::{Error, Handle, Rights};
use anax_files::Failure;
use anax_fs::Access;
use anax_proto::Gift;
use anax_ring::{AtomicU64, SharedBlock};
use anax_volume::Maps;

pub(crate) type Words = Arc<Vec<AtomicU64>>;

/// The generation of handles to what a server has of its own.
const OWN: u64 = 2;

/// All regions there are, by their handles' words. Copies of a handle are the same handle here.
#[derive(Clone, Default)]
pub(crate) struct Regions(Arc<Mutex<(u64, HashMap<u64, Words>)>>);

impl Regions {
    pub(crate) fn make(&self, bytes: u64) -> Handle {
        self.make_of(1, bytes)
    }

    fn make_of(&self, generation: u64, bytes: u64) -> Handle {
        let mut all = self.0.lock().unwrap();
        all.0 += 1;
        let word = generation << 32 | all.0;
        let words = (0..bytes.next_multiple_of(4096) / 8).map(|_| AtomicU64::new(0)).collect();
        all.1.insert(word, Arc::new(words));
        Handle::from_word(word)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<Words> {
        self.0.lock().unwrap().1.get(&handle.to_word()).cloned()
    }

    /// Whoever has it mapped finds zeros.
    pub(crate) fn end(&self, handle: Handle) {
        let words = self.0.lock().unwrap().1.remove(&handle.to_word());
        let words = words.expect("a region ends once");
        words.iter().for_each(|word| word.store(0, std::sync::atomic::Ordering::Relaxed));
    }

    pub(crate) fn clear(&self, handle: Handle, from: u64) {
        let words = self.get(handle).unwrap();
        let bytes = anax_ring::SharedBytes::new(SharedBlock::from_words(&words));
        bytes.part(from as usize, bytes.len() - from as usize).unwrap().fill(0);
    }

    /// How many there are, but for what file systems' servers have of their own.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().1.keys().filter(|word| **word >> 32 != OWN).count()
    }
}

/// A region that is mapped, or a part of it.
pub(crate) struct Mapped {
    words: Words,
    from: usize,
    to: usize,
}

impl vfs::Memory for Mapped {
    fn block(&self) -> SharedBlock<'_> {
        SharedBlock::from_words(&self.words[self.from..self.to])
    }
}

impl anax_fs::Memory for Mapped {
    fn block(&self) -> SharedBlock<'_> {
        vfs::Memory::block(self)
    }
}

impl anax_volume::Memory for Mapped {
    fn bytes(&self) -> anax_ring::SharedBytes<'_> {
        anax_ring::SharedBytes::new(vfs::Memory::block(self))
    }
}

impl Regions {
    pub(crate) fn map(&self, handle: Handle) -> Result<Mapped, Error> {
        let words = self.get(handle).ok_or(Error::BadHandle)?;
        let to = words.len();
        Ok(Mapped { words, from: 0, to })
    }
}

impl Maps for Regions {
    type Memory = Mapped;

    fn map(&self, memory: Gift) -> Result<Mapped, Failure> {
        self.map(memory.handle).map_err(|_| Failure::BadArgument)
    }

    fn make(&self, bytes: u64) -> Result<(Mapped, Handle), Failure> {
        let region = self.make_of(OWN, bytes);
        Ok((self.map(region).map_err(|_| Failure::BadArgument)?, region))
    }

    fn copy(&self, to: (Gift, u64), from: (Handle, u64), bytes: u64) -> Result<(), Failure> {
        let part = |handle, at: u64| {
            let words = self.get(handle).ok_or(Failure::BadArgument)?;
            let pages = at as usize / 8..(at + bytes) as usize / 8;
            assert!((at | bytes).is_multiple_of(4096), "whole pages are copied");
            Ok::<_, Failure>((words, pages))
        };
        let ((to, into), (from, out)) = (part(to.0.handle, to.1)?, part(from.0, from.1)?);
        let (to, from) = (to.get(into), from.get(out));
        let (Some(to), Some(from)) = (to, from) else { return Err(Failure::BadArgument) };
        anax_ring::SharedBytes::new(SharedBlock::from_words(to))
            .copy_from(anax_ring::SharedBytes::new(SharedBlock::from_words(from)), 0);
        Ok(())
    }

    fn give_back(&self, _: Gift) {}
}

impl anax_fs::Maps for Regions {
    fn close(&self, _: Gift) {}

    fn map(
        &self,
        memory: Gift,
        offset: u64,
        bytes: u64,
        access: Access,
    ) -> Result<Box<dyn anax_fs::Memory>, Error> {
        let needed = if access == Access::Write { Rights::WRITE } else { Rights::READ };
        if !memory.rights.allows(needed) {
            return Err(Error::NoRights);
        }
        let words = self.get(memory.handle).ok_or(Error::BadHandle)?;
        let (from, to) = (offset as usize / 8, (offset + bytes) as usize / 8);
        if to > words.len() {
            return Err(Error::BadArgument);
        }
        Ok(Box::new(Mapped { words, from, to }))
    }
}
