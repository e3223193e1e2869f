//! Datagrams, for code that waits.

use core::net::SocketAddr;

use anax_socket::Failure;
use anax_sys::Instant;

use crate::arena::Sizes;
use crate::session::Session;
use crate::task::{self, Broadcast};

/// A datagram socket. Dropped, it is closed.
#[derive(Debug)]
pub struct UdpSocket {
    session: Session,
    socket: task::UdpSocket,
}

impl UdpSocket {
    /// At that address (or "any") and port (0: one that is free).
    ///
    /// # Errors
    /// As [`task::UdpSocket::bind`].
    pub fn bind(session: &Session, at: SocketAddr) -> Result<Self, Failure> {
        Self::bind_with(session, at, Sizes::default())
    }

    /// The same with rings of those sizes.
    ///
    /// # Errors
    /// As [`task::UdpSocket::bind_with`].
    pub fn bind_with(session: &Session, at: SocketAddr, sizes: Sizes) -> Result<Self, Failure> {
        let socket = session.block_on(task::UdpSocket::bind_with(session.tasks(), at, sizes))?;
        Ok(Self { session: session.clone(), socket })
    }

    /// The socket as tasks use it.
    pub const fn tasks(&mut self) -> &mut task::UdpSocket {
        &mut self.socket
    }

    /// Speaks with that one alone from now on.
    ///
    /// # Errors
    /// As [`task::UdpSocket::connect`].
    pub fn connect(&self, to: SocketAddr) -> Result<(), Failure> {
        self.session.block_on(self.socket.connect(to))
    }

    /// Sends one to somebody.
    ///
    /// # Errors
    /// As [`task::Sender::send_to`].
    pub fn send_to(&mut self, payload: &[u8], to: SocketAddr) -> Result<(), Failure> {
        self.session.block_on(self.socket.send_to(payload, to))
    }

    /// Sends one to the end that the socket is connected to.
    ///
    /// # Errors
    /// As [`task::Sender::send`].
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.session.block_on(self.socket.send(payload))
    }

    /// The next one: how many bytes of it came to `to`, and from whom.
    ///
    /// # Errors
    /// As [`task::Receiver::receive_from`].
    pub fn recv_from(&mut self, to: &mut [u8]) -> Result<(usize, SocketAddr), Failure> {
        self.session.block_on(self.socket.recv_from(to))
    }

    /// The same until then.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn recv_from_until(&mut self, to: &mut [u8], until: Instant) -> Result<(usize, SocketAddr), Failure> {
        self.session.block_until(until, self.socket.recv_from(to))
    }

    /// The next one of a connected socket.
    ///
    /// # Errors
    /// As [`task::Receiver::receive`].
    pub fn recv(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        self.session.block_on(self.socket.recv(to))
    }

    /// The same until then.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn recv_until(&mut self, to: &mut [u8], until: Instant) -> Result<usize, Failure> {
        self.session.block_until(until, self.socket.recv(to))
    }

    /// This host's end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        self.socket.local_addr()
    }

    /// Whether datagrams to everybody may be sent.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn set_broadcast(&self, choice: Broadcast) -> Result<(), Failure> {
        self.socket.set_broadcast(choice)
    }

    /// Closes it, and waits until what was sent is out of its ring.
    ///
    /// # Errors
    /// What has ended it before.
    pub fn close(self) -> Result<(), Failure> {
        let Self { session, socket } = self;
        session.block_on(socket.close())
    }
}
