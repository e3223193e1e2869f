//! A session for code that waits: tasks of an executor of its own, which runs while somebody waits.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use anax::object::{Space, Thread};
use anax_abi::Error;
use anax_abi::object::Resource;
use anax_socket::{Failure, InterfaceReport, NeighbourReport, RouteReport};
use anax_sys::{Instant, Port};
use anax_task::{Either, Executor, Limits, race};

use crate::attach::Attach;
use crate::task::{self, Change, Version};

/// The arena of a session that nobody has said anything about.
const BYTES: u64 = 16 << 20;
/// Tasks: one for each of the server's threads and listener, one that closes.
const TASKS: usize = 512;
/// Questions under way, at least and at most; between, half of what the program's quota of messages leaves.
const CALLS: core::ops::RangeInclusive<u64> = 8..=1024;

/// This thread's way to the network. Copies are the same one.
///
/// Its functions, and those of its sockets, wait; what was dropped meanwhile is seen to then, too. They are not for tasks of another executor's on the same
/// thread, which they would hold up, and fail with `BadState` in tasks of this one.
#[derive(Clone)]
pub struct Session(Rc<Inner>);

struct Inner {
    session: task::Session,
    executor: RefCell<Executor>,
}

impl Session {
    /// With 16 MiB for rings, taken as they are used. The network server is waited for.
    ///
    /// # Errors
    /// `Way`: there is none, or the manifest does not say that this program needs `net`; `Full`: too many programs.
    pub fn open() -> Result<Self, Failure> {
        Self::with(BYTES)
    }

    /// With so many bytes for rings, rounded up to pages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with(bytes: u64) -> Result<Self, Failure> {
        let messages = Space::SELF.usage(Resource::Messages)?;
        let left = messages.limit.saturating_sub(messages.used + messages.reserved) / 2;
        let calls = left.clamp(*CALLS.start(), *CALLS.end());
        let port = Port::initport(Thread::SELF, calls as u32)?;
        let limits = Limits { tasks: TASKS, calls: calls as usize, requests: 1 };
        let executor = Executor::new(port, limits);
        let session = task::Session::new(executor.events(), bytes);
        session.reconnect()?;
        Ok(Self(Rc::new(Inner { session, executor: executor.into() })))
    }

    /// By any executor and any server: a test's.
    #[must_use]
    pub fn over(executor: Executor, attach: Box<dyn Attach>, bytes: u64) -> Self {
        let session = task::Session::over(executor.events(), attach, bytes);
        Self(Rc::new(Inner { session, executor: executor.into() }))
    }

    /// The session as tasks use it.
    #[must_use]
    pub fn tasks(&self) -> &task::Session {
        &self.0.session
    }

    /// Runs tasks, and this one among them, until it has ended.
    ///
    /// # Errors
    /// What it fails with; `BadState` in a task of the same executor's.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut executor = self.0.executor.try_borrow_mut().map_err(|_| Failure::BadState)?;
        executor.block_on(future)?
    }

    /// The same until then, when it is dropped.
    ///
    /// # Errors
    /// Also `Way` with the kernel's `TimedOut`.
    pub fn block_until<T>(
        &self,
        until: Instant,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let sleep = self.0.session.events().sleep_until(until);
        self.block_on(async {
            match race(future, sleep).await {
                Either::Left(outcome) => outcome,
                Either::Right(()) => Err(Error::TimedOut.into()),
            }
        })
    }

    /// Waits until all sockets that were dropped are closed: before the end of a program that has dropped some and cares for what they have written.
    ///
    /// # Errors
    /// As [`task::Session::settle`].
    pub fn settle(&self) -> Result<(), Failure> {
        self.block_on(self.0.session.settle())
    }

    /// Looks for the server's successor if it has died; any call that begins something does, too.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reconnect(&self) -> Result<(), Failure> {
        self.0.session.reconnect()
    }

    /// The addresses of a host, at least one; what is an address already is its own.
    ///
    /// # Errors
    /// As [`task::lookup`].
    pub fn lookup(&self, name: &str, version: Version) -> Result<Vec<IpAddr>, Failure> {
        self.block_on(task::lookup(&self.0.session, name, version))
    }

    /// The same for what is written as `host:port`, or `[address]:port`.
    ///
    /// # Errors
    /// `BadArgument`: it is not written so.
    pub fn resolve(&self, text: &str) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = text.parse() {
            return Ok(vec![address]);
        }
        let (host, port) = text.rsplit_once(':').ok_or(Failure::BadArgument)?;
        let port = port.parse().map_err(|_| Failure::BadArgument)?;
        let found = self.lookup(host, Version::Any)?;
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Sends an echo request with so many bytes, and waits for the reply: how long that took.
    ///
    /// # Errors
    /// As [`task::ping`].
    pub fn ping(&self, to: IpAddr, length: u16, patience: Duration) -> Result<Duration, Failure> {
        self.block_on(task::ping(&self.0.session, to, length, patience))
    }

    /// Waits until this host has an address by which others can be reached.
    ///
    /// # Errors
    /// `Way`; also that with `TimedOut`.
    pub fn wait_until_ready(&self, version: Version, until: Instant) -> Result<(), Failure> {
        self.block_until(until, task::wait_until_ready(&self.0.session, version))
    }

    /// All interfaces.
    ///
    /// # Errors
    /// `Way`.
    pub fn interfaces(&self) -> Result<Vec<InterfaceReport>, Failure> {
        task::interfaces(&self.0.session)
    }

    /// All routes.
    ///
    /// # Errors
    /// `Way`.
    pub fn routes(&self) -> Result<Vec<RouteReport>, Failure> {
        task::routes(&self.0.session)
    }

    /// All neighbours.
    ///
    /// # Errors
    /// `Way`.
    pub fn neighbours(&self) -> Result<Vec<NeighbourReport>, Failure> {
        task::neighbours(&self.0.session)
    }

    /// How many protocol threads the server has.
    ///
    /// # Errors
    /// `Way`.
    pub fn threads(&self) -> Result<u32, Failure> {
        self.0.session.threads()
    }

    /// What a thread of the server's has counted: names and values.
    ///
    /// # Errors
    /// As [`task::counters`].
    pub fn counters(&self, thread: u32) -> Result<Vec<(String, u64)>, Failure> {
        task::counters(&self.0.session, thread)
    }

    /// Gives an interface an address, or takes it away.
    ///
    /// # Errors
    /// As [`task::assign`].
    pub fn assign(&self, interface: u32, address: IpAddr, prefix: u8, change: Change) -> Result<(), Failure> {
        task::assign(&self.0.session, interface, address, prefix, change)
    }

    /// Adds a route to a network by a router, or takes it away.
    ///
    /// # Errors
    /// As [`task::route`].
    pub fn route(&self, network: (IpAddr, u8), via: IpAddr, change: Change) -> Result<(), Failure> {
        task::route(&self.0.session, network, via, change)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.0.session).finish()
    }
}
