//! Listening, for code that waits.

use core::net::SocketAddr;

use anax_socket::Failure;
use anax_sys::Instant;

use crate::session::Session;
use crate::stream::TcpStream;
use crate::task::{self, Listening};

/// Waits for connections to a port. Dropped, the port is closed.
#[derive(Debug)]
pub struct TcpListener {
    session: Session,
    listener: task::TcpListener,
}

impl TcpListener {
    /// At that address (or "any") and port (0: one that is free).
    ///
    /// # Errors
    /// As [`task::TcpListener::bind`].
    pub fn bind(session: &Session, at: SocketAddr) -> Result<Self, Failure> {
        Self::bind_with(session, at, Listening::default())
    }

    /// The same; connections begin as said.
    ///
    /// # Errors
    /// As [`task::TcpListener::bind_with`].
    pub fn bind_with(session: &Session, at: SocketAddr, how: Listening) -> Result<Self, Failure> {
        let listener = session.block_on(task::TcpListener::bind_with(session.tasks(), at, how))?;
        Ok(Self { session: session.clone(), listener })
    }

    /// The next connection, and with whom.
    ///
    /// # Errors
    /// As [`task::TcpListener::accept`].
    pub fn accept(&mut self) -> Result<(TcpStream, SocketAddr), Failure> {
        let (stream, from) = self.session.block_on(self.listener.accept())?;
        Ok((TcpStream::of(&self.session, stream), from))
    }

    /// The same until then.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn accept_until(&mut self, until: Instant) -> Result<(TcpStream, SocketAddr), Failure> {
        let (stream, from) = self.session.block_until(until, self.listener.accept())?;
        Ok((TcpStream::of(&self.session, stream), from))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        self.listener.local_addr()
    }

    /// Closes the port, and waits until that is done.
    ///
    /// # Errors
    /// `Way`.
    pub fn close(self) -> Result<(), Failure> {
        let Self { session, listener } = self;
        session.block_on(listener.close())
    }
}
