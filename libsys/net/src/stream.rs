//! Connections, for code that waits.

use core::net::SocketAddr;
use core::time::Duration;

use anax_ring::SharedBytes;
use anax_socket::Failure;
use anax_sys::Instant;

use crate::arena::Sizes;
use crate::session::Session;
use crate::task::{self, Loan, NoDelay};

/// A connection. Dropped, it is closed; what was written still goes out, but [`close`](Self::close) waits for that, and the end of a program does not.
#[derive(Debug)]
pub struct TcpStream {
    session: Session,
    stream: task::TcpStream,
}

impl TcpStream {
    /// Connects to somebody.
    ///
    /// # Errors
    /// As [`task::TcpStream::connect`].
    pub fn connect(session: &Session, to: SocketAddr) -> Result<Self, Failure> {
        Self::connect_from(session, None, to, Sizes::default())
    }

    /// Connects to the first of these addresses of one host that takes the connection: `TcpStream::connect_any(&net, &net.resolve("example.com:80")?)`.
    ///
    /// # Errors
    /// As [`task::TcpStream::connect_any`].
    pub fn connect_any(session: &Session, addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let stream = session.block_on(task::TcpStream::connect_any(session.tasks(), addresses))?;
        Ok(Self { session: session.clone(), stream })
    }

    /// From an address and port of this host's (0: any), with rings of those sizes.
    ///
    /// # Errors
    /// As [`task::TcpStream::connect_from`].
    pub fn connect_from(
        session: &Session,
        from: Option<SocketAddr>,
        to: SocketAddr,
        sizes: Sizes,
    ) -> Result<Self, Failure> {
        let stream = session.block_on(task::TcpStream::connect_from(session.tasks(), from, to, sizes))?;
        Ok(Self { session: session.clone(), stream })
    }

    /// Connects until then.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn connect_until(session: &Session, to: SocketAddr, until: Instant) -> Result<Self, Failure> {
        let stream = session.block_until(until, task::TcpStream::connect(session.tasks(), to))?;
        Ok(Self { session: session.clone(), stream })
    }

    pub(crate) fn of(session: &Session, stream: task::TcpStream) -> Self {
        Self { session: session.clone(), stream }
    }

    /// The connection as tasks use it.
    pub const fn tasks(&mut self) -> &mut task::TcpStream {
        &mut self.stream
    }

    /// Reads what there is, and waits until there is something: how many bytes, 0 at the stream's end. What has come already costs no message.
    ///
    /// # Errors
    /// As [`task::ReadHalf::read`].
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        self.session.block_on(self.stream.read(to))
    }

    /// The same until then.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn read_until(&mut self, to: &mut [u8], until: Instant) -> Result<usize, Failure> {
        self.session.block_until(until, self.stream.read(to))
    }

    /// Reads as much as fits.
    ///
    /// # Errors
    /// As [`task::ReadHalf::read_exact`].
    pub fn read_exact(&mut self, to: &mut [u8]) -> Result<(), Failure> {
        self.session.block_on(self.stream.read_exact(to))
    }

    /// Waits until there is something to read: how many bytes, 0 at the stream's end.
    ///
    /// # Errors
    /// As [`task::ReadHalf::wait`].
    pub fn wait_readable(&mut self) -> Result<usize, Failure> {
        self.session.block_on(self.stream.wait_readable())
    }

    /// What can be read without waiting, where it lies.
    #[must_use]
    pub fn readable(&self) -> [SharedBytes<'_>; 2] {
        self.stream.readable()
    }

    /// The first so many bytes of that are read.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        self.stream.consume(count);
    }

    /// Writes what there is room for, and waits until there is some: how many bytes.
    ///
    /// # Errors
    /// As [`task::WriteHalf::write`].
    pub fn write(&mut self, from: &[u8]) -> Result<usize, Failure> {
        self.session.block_on(self.stream.write(from))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// As [`task::WriteHalf::write_all`].
    pub fn write_all(&mut self, from: &[u8]) -> Result<(), Failure> {
        self.session.block_on(self.stream.write_all(from))
    }

    /// The same until then; part of it may be written.
    ///
    /// # Errors
    /// Also `Way` with `TimedOut`.
    pub fn write_all_until(&mut self, from: &[u8], until: Instant) -> Result<(), Failure> {
        self.session.block_until(until, self.stream.write_all(from))
    }

    /// Waits until there is room for `count` bytes, or as many as the ring has: how much there is.
    ///
    /// # Errors
    /// As [`task::WriteHalf::wait`].
    pub fn wait_writable(&mut self, count: usize) -> Result<usize, Failure> {
        self.session.block_on(self.stream.wait_writable(count))
    }

    /// Where can be written without waiting.
    #[must_use]
    pub fn writable(&self) -> [SharedBytes<'_>; 2] {
        self.stream.writable()
    }

    /// So many bytes are written there, which the next question tells, or [`push`](Self::push).
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn commit(&mut self, count: usize) {
        self.stream.commit(count);
    }

    /// As [`task::WriteHalf::lent`].
    #[must_use]
    pub fn lent(&self, behind: usize) -> u64 {
        self.stream.lent(behind)
    }

    /// As [`task::WriteHalf::lend`]. What is lost is put into the ring while somebody waits by this session.
    ///
    /// # Errors
    /// The same.
    pub fn lend(&self, behind: usize, loan: &Loan) -> Result<(), Failure> {
        self.stream.lend(behind, loan)
    }

    /// Tells the server what was written, if it does not know.
    ///
    /// # Errors
    /// As [`task::WriteHalf::push`].
    pub fn push(&mut self) -> Result<(), Failure> {
        self.session.block_on(self.stream.push())
    }

    /// Waits until the other end has acknowledged all that was written.
    ///
    /// # Errors
    /// As [`task::WriteHalf::flush`].
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.session.block_on(self.stream.flush())
    }

    /// Nothing more is written: the other end is told.
    ///
    /// # Errors
    /// As [`task::WriteHalf::shut_down`].
    pub fn shutdown(&mut self) -> Result<(), Failure> {
        self.session.block_on(self.stream.shut_down())
    }

    /// Closes it, and waits until its rings are free.
    ///
    /// # Errors
    /// What has ended it before.
    pub fn close(self) -> Result<(), Failure> {
        let Self { session, stream } = self;
        session.block_on(stream.close())
    }

    /// Ends it at once.
    pub fn abort(self) {
        self.stream.abort();
    }

    /// This host's end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        self.stream.local_addr()
    }

    /// The other end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn peer_addr(&self) -> Result<SocketAddr, Failure> {
        self.stream.peer_addr()
    }

    /// Whether small segments go out while others are under way.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn set_nodelay(&self, choice: NoDelay) -> Result<(), Failure> {
        self.stream.set_nodelay(choice)
    }

    /// As [`task::TcpStream::set_keep_alive`].
    ///
    /// # Errors
    /// The same.
    pub fn set_keep_alive(&self, after: Option<Duration>) -> Result<(), Failure> {
        self.stream.set_keep_alive(after)
    }

    /// As [`task::TcpStream::set_user_timeout`].
    ///
    /// # Errors
    /// The same.
    pub fn set_user_timeout(&self, time: Option<Duration>) -> Result<(), Failure> {
        self.stream.set_user_timeout(time)
    }
}
