//! A session: by it sockets are made. When its server has died, the next one is asked.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

use anax_abi::Error;
use anax_socket::Failure;
use anax_task::EventLoop;

use super::attachment::Attachment;
use crate::attach::{Attach, ByName};

/// Servers that die while it is attached to them, before it is given up.
const TRIES: u32 = 3;

/// A thread's way to the network: an arena of its own, for the rings of all its sockets. Copies are the same one.
///
/// What is answered at once is asked by waiting for it, which takes as long as a call; what is answered later is awaited. A server that has died is
/// looked for by the next call that begins something, which waits for its successor with all tasks of this thread. Sockets of the dead server stay
/// dead: they fail with `PeerDied`.
#[derive(Clone, Debug)]
pub struct Session(Rc<Inner>);

struct Inner {
    events: EventLoop,
    attach: Box<dyn Attach>,
    bytes: u64,
    current: RefCell<Option<Rc<Attachment>>>,
}

impl Session {
    /// With an arena of so many bytes, rounded up to pages; they are taken as they are used. The network server is attached to when it is first
    /// needed. The executor should have room for six calls a socket.
    #[must_use]
    pub fn new(events: EventLoop, bytes: u64) -> Self {
        Self::over(events, Box::new(ByName), bytes)
    }

    /// By any server: a test's.
    #[must_use]
    pub fn over(events: EventLoop, attach: Box<dyn Attach>, bytes: u64) -> Self {
        Self(Rc::new(Inner { events, attach, bytes, current: RefCell::default() }))
    }

    /// What its tasks are asked by.
    #[must_use]
    pub fn events(&self) -> &EventLoop {
        &self.0.events
    }

    /// Looks for the server's successor, if it has died, and otherwise does nothing.
    ///
    /// # Errors
    /// There will be none: `Way`; `Full`: too many programs; what the arena fails with.
    pub fn reconnect(&self) -> Result<(), Failure> {
        self.attachment().map(drop)
    }

    /// Waits until all sockets that were dropped are closed.
    ///
    /// # Errors
    /// `Way` with `Full`: there are too many tasks for one that waits for that.
    pub async fn settle(&self) -> Result<(), Failure> {
        let current = self.0.current.borrow().clone();
        match current {
            Some(attachment) => Ok(attachment.reaper.idle().await?),
            None => Ok(()),
        }
    }

    /// Pages of the arena that no socket uses; `None` before the first one.
    #[must_use]
    pub fn free_pages(&self) -> Option<u32> {
        self.0.current.borrow().as_ref().map(|attachment| attachment.arena.free())
    }

    /// How many protocol threads the server has.
    ///
    /// # Errors
    /// As [`reconnect`](Self::reconnect).
    pub fn threads(&self) -> Result<u32, Failure> {
        self.attachment().map(|attachment| attachment.threads())
    }

    pub(crate) fn attachment(&self) -> Result<Rc<Attachment>, Failure> {
        let current = self.0.current.borrow().clone();
        if let Some(current) = current.filter(|current| !current.is_dead()) {
            return Ok(current);
        }
        let mut left = TRIES;
        let parts = loop {
            match self.0.attach.attach(self.0.bytes) {
                Err(failure) if failure == Error::PeerDied.into() && left > 0 => left -= 1,
                attached => break attached?,
            }
        };
        let attachment = Attachment::new(self.0.events.clone(), parts)?;
        *self.0.current.borrow_mut() = Some(attachment.clone());
        Ok(attachment)
    }

    /// Asks what does no harm if it is asked twice: of the successor, if the server dies over it.
    pub(crate) fn ask<V>(
        &self,
        mut question: impl FnMut(&Attachment) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        match question(&*self.attachment()?) {
            Err(failure) if failure == Error::PeerDied.into() => question(&*self.attachment()?),
            answer => answer,
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
