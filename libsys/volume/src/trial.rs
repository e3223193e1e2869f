//! For tests of file systems on the host: memory that is always there.

use alloc::vec::Vec;

use anax_abi::Handle;
use anax_files::Failure;
use anax_proto::Gift;
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};

use crate::{Maps, Memory};

/// Words of each region.
const WORDS: usize = 2048;

/// Every handle is a region, full of that text over and over: a name that there is, so that some requests mean something.
#[derive(Clone, Copy, Debug)]
pub struct Anything(pub [u8; 8]);

/// A region.
#[derive(Debug)]
pub struct Words(Vec<AtomicU64>);

impl Memory for Words {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.0))
    }
}

impl Maps for Anything {
    type Memory = Words;

    fn map(&self, _: Gift) -> Result<Words, Failure> {
        Ok(Words((0..WORDS).map(|_| AtomicU64::new(u64::from_le_bytes(self.0))).collect()))
    }

    fn make(&self, _: u64) -> Result<(Words, Handle), Failure> {
        Err(Failure::BadArgument)
    }

    fn copy(&self, _: (Gift, u64), _: (Handle, u64), _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn give_back(&self, _: Gift) {}
}
