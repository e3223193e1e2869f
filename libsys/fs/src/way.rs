//! The way to the VFS server, and memory that comes from there. A test brings both.

use alloc::boxed::Box;
use core::any::Any;

use anax::object::{Region, RegionKind, Space, Thread};
use anax::owned::Owned;
use anax::{Handle, Mapping, Rights, View};
use anax_abi::Error;
use anax_files::Failure;
use anax_files::files::{ARENA, FilesClient, SERVICE};
use anax_proto::{Beside, Gift, Reply, Request, Transport};
use anax_ring::SharedBlock;
use anax_sys::{Port, Target};

/// Memory that others may change.
pub trait Memory: Send + Sync {
    /// All of it.
    fn block(&self) -> SharedBlock<'_>;
}

impl Memory for View {
    fn block(&self) -> SharedBlock<'_> {
        self.block()
    }
}

impl Memory for Mapping {
    fn block(&self) -> SharedBlock<'_> {
        self.block()
    }
}

/// What memory is mapped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written.
    Write,
}

/// How memory of files is reached.
pub trait Maps: Send {
    /// Maps whole pages of a region that was given, whose handle goes with the mapping.
    ///
    /// # Errors
    /// What mapping fails with.
    fn map(&self, memory: Gift, offset: u64, bytes: u64, access: Access) -> Result<Box<dyn Memory>, Error>;

    /// Closes the handle of a region that was given, and not mapped.
    fn close(&self, memory: Gift);
}

/// By what a server is asked, whatever that is.
pub(crate) struct Way(pub(crate) Box<dyn Transport + Send>);

impl Transport for Way {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        self.0.call(request, beside, space)
    }

    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error> {
        self.0.reconnect(fingerprint)
    }
}

/// What a session has of its server.
pub struct Parts {
    /// By what it is asked.
    pub server: Box<dyn Transport + Send>,
    /// The same for tasks; those can ask nothing without it.
    pub target: Option<Target>,
    /// The arena, of [`ARENA`] bytes.
    pub arena: Box<dyn Memory>,
    /// The table, and a handle to it (READ, GRANT), if others can be shown it.
    pub table: Box<dyn Memory>,
    /// See [`table`](Self::table).
    pub table_region: Option<Handle>,
    /// How memory is reached.
    pub maps: Box<dyn Maps>,
    /// What is to stay as long as the session does.
    pub kept: Box<dyn Any + Send>,
}

/// How other threads of the server are reached, each of which has files of its own.
pub trait Threads: Send + Sync {
    /// Begins with the thread that is asked by that handle.
    ///
    /// # Errors
    /// What beginning fails with.
    fn attach(&self, door: Gift) -> Result<Parts, Failure>;
}

/// The program's own address space, and its server.
pub(crate) struct Here;

impl Threads for Here {
    fn attach(&self, door: Gift) -> Result<Parts, Failure> {
        let door = Own(door);
        let server = FilesClient::over(Direct(Target::from_handle(door.0.handle)));
        attach_to(server)
    }
}

impl Maps for Here {
    fn map(&self, memory: Gift, offset: u64, bytes: u64, access: Access) -> Result<Box<dyn Memory>, Error> {
        let region = Owned::new(Region::from_handle(memory.handle));
        let rights = match access {
            Access::Read => Rights::READ,
            Access::Write => Rights::READ.with(Rights::WRITE),
        };
        Ok(Box::new(View::new(region, offset, bytes, rights)?))
    }

    fn close(&self, memory: Gift) {
        // It may have ended meanwhile.
        let _gone = Space::SELF.close(memory.handle);
    }
}

/// Waits for the system's VFS server, and begins with it.
pub(crate) fn attach() -> Result<Parts, Failure> {
    let server: FilesClient<anax::Service> = anax::client(SERVICE)?;
    attach_to(server)
}

/// Begins with a thread of it.
fn attach_to(mut server: FilesClient<impl Transport>) -> Result<Parts, Failure> {
    let arena = Mapping::of_bytes(ARENA, RegionKind::Lazy)?;
    let hold = Owned::new(Port::initport(Thread::SELF, 0)?);
    let rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
    let region = Gift::copy(arena.region().handle(), rights);
    let (own, table) = server.attach(region, Gift::copy(hold.handle(), Rights::SEND))?;
    let region = Owned::new(Region::from_handle(table.handle));
    let table = View::of(*region, 0, region.size()?, Rights::READ)?;
    let target = Target::from_handle(own.handle);
    let server = Box::new(Direct(target));
    Ok(Parts {
        server,
        target: Some(target),
        arena: Box::new(arena),
        table: Box::new(table),
        table_region: Some(region.handle()),
        maps: Box::new(Here),
        kept: Box::new((hold, Own(own), region)),
    })
}

/// The handle by which this program asks.
struct Own(Gift);

impl Drop for Own {
    fn drop(&mut self) {
        let _gone = Space::SELF.close(self.0.handle);
    }
}

/// A way to a port that is asked until it ends: its successor knows nothing of this session.
struct Direct(Target);

impl Transport for Direct {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        let target = self.0;
        if beside.sent.count() == 0 && beside.room == 0 {
            match target.domsg(request.command, request.words) {
                Ok(answer) if answer.result == 0 => {
                    return Ok(Reply { code: 0, words: answer.words, length: 0 });
                }
                Ok(answer) => return Ok(Reply::failed(-answer.result.cast_signed())),
                // The way to another CPU is crowded: the longer road tries again.
                Err(Error::Full) => {}
                // The port is no more.
                Err(Error::BadHandle) => return Err(Error::PeerDied),
                Err(error) => return Err(error),
            }
        }
        anax_service::PortTransport::unconnected(|| Ok(target))?.call(request, beside, space)
    }

    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}
