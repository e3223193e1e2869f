//! Listening for connections: each protocol thread of the server has those that are its own, so that each is asked for the next one.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Poll, Waker};

use anax_abi::Error;
use anax_socket::{End, Failure, Kind, Socket, sockets};

use super::attachment::Attachment;
use super::open::Open;
use super::session::Session;
use super::stream::{TcpStream, close};
use crate::address::{end, socket_address};
use crate::arena::Sizes;

/// How a listener's connections begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Connections that wait to be accepted, at most, on each thread of the server's.
    pub backlog: u32,
    /// The rings that each is accepted with.
    pub sizes: Sizes,
}

impl Default for Listening {
    fn default() -> Self {
        Self { backlog: 128, sizes: Sizes::default() }
    }
}

/// Waits for connections to a port. On each thread of the server one accept is posted, by a task; one connection of each is ready for
/// [`accept`](Self::accept). Dropped, the port is closed, and so are connections that nobody has accepted.
#[derive(Debug)]
pub struct TcpListener {
    open: Option<Rc<Open>>,
    accepted: Rc<Accepted>,
}

/// What asking for the next connection came to: it, and with whom.
type Next = Result<(Rc<Open>, SocketAddr), Failure>;

struct Accepted {
    ready: RefCell<VecDeque<Next>>,
    waiting: RefCell<Option<Waker>>,
    /// Of the tasks that ask, by their threads.
    askers: RefCell<VecDeque<Waker>>,
    is_closed: Cell<bool>,
    /// Tasks that still ask.
    alive: Cell<u32>,
    most: usize,
}

impl TcpListener {
    /// At that address (or "any") and port (0: one that is free).
    ///
    /// # Errors
    /// `InUse`, `NoAddress`; `Full`: there is no room in the arena, or there are too many tasks.
    pub async fn bind(session: &Session, at: SocketAddr) -> Result<Self, Failure> {
        Self::bind_with(session, at, Listening::default()).await
    }

    /// The same; connections begin as said.
    ///
    /// # Errors
    /// Also `BadArgument` for sizes that no ring has.
    pub async fn bind_with(session: &Session, at: SocketAddr, how: Listening) -> Result<Self, Failure> {
        let attachment = session.attachment()?;
        let open = Open::new(&attachment, 0, Kind::Stream, Sizes::SMALL)?;
        attachment.ask(0, |server| server.bind(open.socket, end(at)))?;
        let arguments = (open.socket, how.backlog, how.sizes.receive);
        attachment.ask_later::<()>(0, sockets::LISTEN, arguments).await?;
        open.use_it();
        let accepted = Rc::new(Accepted {
            ready: RefCell::default(),
            waiting: RefCell::default(),
            askers: RefCell::default(),
            is_closed: Cell::new(false),
            alive: Cell::new(0),
            most: attachment.threads() as usize,
        });
        let listener = Self { open: Some(open.clone()), accepted };
        for thread in 0..attachment.threads() {
            let accepted = listener.accepted.clone();
            let task = ask_for_connections(attachment.clone(), thread, open.socket, how.sizes, accepted);
            session.events().spawn(task)?;
            listener.accepted.alive.set(thread + 1);
        }
        Ok(listener)
    }

    /// The next connection, and with whom.
    ///
    /// # Errors
    /// `Gone`, `Way`: there will be none any more. `Full`: there is no room for its rings; another may be accepted when there is.
    pub async fn accept(&mut self) -> Result<(TcpStream, SocketAddr), Failure> {
        let accepted = &self.accepted;
        poll_fn(|context| {
            let Some(next) = accepted.ready.borrow_mut().pop_front() else {
                if accepted.alive.get() == 0 {
                    return Poll::Ready(Err(Failure::Gone));
                }
                *accepted.waiting.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            };
            if let Some(asker) = accepted.askers.borrow_mut().pop_front() {
                asker.wake();
            }
            Poll::Ready(next.map(|(open, from)| {
                open.use_it();
                (TcpStream::of(open), from)
            }))
        })
        .await
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        let open = self.open.as_ref().ok_or(Failure::Gone)?;
        open.attachment.ask(0, |server| server.local(open.socket)).map(socket_address)
    }

    /// Closes the port, and waits until that is done and nothing that was asked of it is under way.
    ///
    /// # Errors
    /// `Way`.
    pub async fn close(mut self) -> Result<(), Failure> {
        self.accepted.close();
        let closed = match self.open.take() {
            Some(open) => close(open).await,
            None => Ok(()),
        };
        poll_fn(|context| {
            if self.accepted.alive.get() == 0 {
                return Poll::Ready(());
            }
            *self.accepted.waiting.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        closed
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.accepted.close();
    }
}

impl Accepted {
    fn close(&self) {
        self.is_closed.set(true);
        self.ready.borrow_mut().clear();
        self.askers.take().into_iter().for_each(Waker::wake);
    }

    fn put(&self, next: Next) {
        if !self.is_closed.get() {
            self.ready.borrow_mut().push_back(next);
            if let Some(waiting) = self.waiting.take() {
                waiting.wake();
            }
        }
    }
}

/// One thread's part. It ends with the port.
async fn ask_for_connections(
    attachment: Rc<Attachment>,
    thread: u32,
    listener: Socket,
    sizes: Sizes,
    accepted: Rc<Accepted>,
) {
    loop {
        poll_fn(|context| {
            if accepted.is_closed.get() || accepted.ready.borrow().len() < accepted.most {
                return Poll::Ready(());
            }
            accepted.askers.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await;
        if accepted.is_closed.get() {
            break;
        }
        let next = accept(&attachment, thread, listener, sizes).await;
        let is_over = match &next {
            Err(Failure::Gone) => true,
            Err(failure) => *failure == Error::PeerDied.into(),
            Ok(_) => false,
        };
        accepted.put(next);
        if is_over {
            break;
        }
    }
    accepted.alive.set(accepted.alive.get() - 1);
    if let Some(waiting) = accepted.waiting.take() {
        waiting.wake();
    }
}

async fn accept(attachment: &Rc<Attachment>, thread: u32, listener: Socket, sizes: Sizes) -> Next {
    let lease = attachment.arena.lease(sizes)?;
    let arguments = (listener, lease.rings());
    let (socket, from): (Socket, End) = attachment.ask_later(thread, sockets::ACCEPT, arguments).await?;
    // Until somebody has it, it is ended and not closed when it is dropped.
    Ok((Open::with(attachment, (thread, socket), Kind::Stream, lease, false), socket_address(from)))
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("is_closed", &self.is_closed).finish_non_exhaustive()
    }
}
