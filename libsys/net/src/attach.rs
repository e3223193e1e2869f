//! How a session begins: an arena, a hold, and a way to each protocol thread of the server. A test begins one with a server of its own.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use anax::object::{RegionKind, Space, Thread};
use anax::{Handle, Mapping, Owned, Rights, Service};
use anax_abi::Error;
use anax_proto::{Gift, Transport};
use anax_socket::{Failure, SERVICE, SocketsClient};
use anax_sys::{Port, Target};

use crate::arena::Memory;
use crate::way::found_at;

/// Protocol threads that a server has at most: as many as a machine has CPUs.
const MOST_THREADS: u32 = 256;

/// The way to a protocol thread.
pub struct Way {
    /// Where what is answered later is asked.
    pub target: Target,
    /// By what the rest is asked, which is answered at once.
    pub blocking: Box<dyn Transport>,
}

/// What a session has of its server.
pub struct Parts {
    /// The arena.
    pub memory: Box<dyn Memory>,
    /// The ways to its threads, by their numbers; at least one.
    pub threads: Vec<Way>,
    /// What is to stay as long as the session does.
    pub kept: Box<dyn Any>,
}

/// What finds a server, and its successor when it has died.
pub trait Attach {
    /// Waits for a server, and begins a session with an arena of so many bytes, rounded up to pages.
    ///
    /// # Errors
    /// There will be none: `Way`. `Full`: too many programs. What the arena fails with.
    fn attach(&self, bytes: u64) -> Result<Parts, Failure>;
}

impl fmt::Debug for dyn Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attach")
    }
}

/// The system's, by its name.
pub(crate) struct ByName;

/// Handles that are this session's. Dropped, they are closed, and the hold ends: the server learns that nobody is there any more.
struct Kept {
    _hold: Owned<Port>,
    threads: Vec<Handle>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        for handle in &self.threads {
            let _ = Space::SELF.close(*handle);
        }
    }
}

impl Attach for ByName {
    fn attach(&self, bytes: u64) -> Result<Parts, Failure> {
        let arena = Mapping::of_bytes(bytes, RegionKind::Lazy)?;
        let hold = Owned::new(Port::initport(Thread::SELF, 0)?);
        let rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
        let region = Gift::copy(arena.region().handle(), rights);
        let mut server: SocketsClient<Service> = anax::client(SERVICE)?;
        let (first, count) = server.attach(region, Gift::copy(hold.handle(), Rights::SEND))?;
        let mut kept = Kept { _hold: hold, threads: Vec::from([first.handle]) };
        if !(1..=MOST_THREADS).contains(&count) {
            return Err(Error::PeerMisbehaved.into());
        }
        let mut of_first = SocketsClient::over(found_at(Target::from_handle(first.handle))?);
        for number in 1..count {
            kept.threads.push(of_first.thread(number)?.handle);
        }
        let ways = kept.threads.iter().map(|handle| {
            let target = Target::from_handle(*handle);
            Ok(Way { target, blocking: Box::new(found_at(target)?) })
        });
        let threads = ways.collect::<Result<_, Error>>()?;
        Ok(Parts { memory: Box::new(arena), threads, kept: Box::new(kept) })
    }
}
