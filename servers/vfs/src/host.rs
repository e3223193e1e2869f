//! What the server needs of the machine. A test has a machine of its own.

use anax_abi::{Error, Handle, WORDS};
use anax_proto::{Answered, Gift, Gifts};
use anax_ring::{SharedBlock, SharedBytes};

use crate::peers::Item;

/// Memory that is mapped here, and that others may change.
pub trait Memory {
    /// All of it, as words.
    fn block(&self) -> SharedBlock<'_>;

    /// All of it, as bytes.
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(self.block())
    }
}

/// The machine, as one of the server's threads has it. One with a single thread need not say anything about others.
pub trait Host {
    /// A region that is mapped here until it is dropped.
    type Memory: Memory;

    /// Sends a request to a file system. Its answer comes with the token, exactly once.
    ///
    /// # Errors
    /// It was not sent.
    fn send(
        &self,
        port: Handle,
        token: u64,
        command: u32,
        words: [u64; WORDS],
        gifts: &Gifts,
    ) -> Result<(), Error>;

    /// Answers a request that was to be answered later.
    fn answer(&self, answered: Answered);

    /// Maps a region that a program has given, for good.
    ///
    /// # Errors
    /// It is none, or may not be mapped.
    fn map(&self, memory: Gift) -> Result<Self::Memory, Error>;

    /// A region of so many bytes of zeros, this server's.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    fn make(&self, bytes: u64) -> Result<Handle, Error>;

    /// A region of this server's, mapped, and its handle to be given to others.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    fn make_mapped(&self, bytes: u64) -> Result<(Self::Memory, Handle), Error>;

    /// Ends a region of this server's: whoever has it mapped finds zeros.
    fn end(&self, region: Handle);

    /// Has no use for a handle any more.
    fn close(&self, handle: Handle);

    /// A handle for a program's requests, by which they are known; and [`Vfs::left`](crate::Vfs::left) is called with that number when the hold has ended.
    ///
    /// # Errors
    /// `Quota`.
    fn admit(&self, number: u64, hold: Gift) -> Result<Gift, Error>;

    /// The number of this thread.
    fn own(&self) -> u16 {
        0
    }

    /// How many threads the server has.
    fn threads(&self) -> u16 {
        1
    }

    /// Hands something to another thread, which is woken for it.
    fn hand(&self, thread: u16, item: Item) {
        let _nobody = (thread, item);
    }

    /// What others have handed to this thread, in the order in which each of them has.
    fn handed(&self) -> Option<Item> {
        None
    }

    /// A handle by which a program asks another thread to begin with it.
    ///
    /// # Errors
    /// `BadArgument`: there is no such thread. `Quota`.
    fn door(&self, thread: u16) -> Result<Gift, Error> {
        let _none = thread;
        Err(Error::BadArgument)
    }

    /// Nanoseconds since the machine began.
    fn now(&self) -> u64;

    /// Seconds since 1970 began, 0 if nobody knows.
    fn seconds(&self) -> u64;
}
