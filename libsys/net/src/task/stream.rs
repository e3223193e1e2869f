//! Connections.

use alloc::rc::Rc;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::time::Duration;

use anax_ring::SharedBytes;
use anax_socket::{Choice, Failure, Kind, sockets};

use super::attachment::Attachment;
use super::lending::Loan;
use super::open::{Half, Open};
use super::reaper::Reaper;
use super::session::Session;
use crate::address::{end, socket_address};
use crate::arena::Sizes;
use crate::flow::Flow;

/// How often a connection is begun anew because it is another thread's business.
const TRIES: u32 = 4;
/// Whoever waits for room waits for a quarter of the ring.
const QUARTER: u64 = 4;

/// A connection: two halves, which can be used apart. Dropped, it is closed: what was written still goes out.
#[derive(Debug)]
pub struct TcpStream {
    reader: ReadHalf,
    writer: WriteHalf,
}

/// Where what comes is read.
#[derive(Debug)]
pub struct ReadHalf(Rc<Open>);

/// Where what goes is written.
#[derive(Debug)]
pub struct WriteHalf(Rc<Open>);

impl TcpStream {
    /// Connects to somebody.
    ///
    /// # Errors
    /// `Refused`, `Reset`, `TimedOut`, `Unreachable`, `NoRoute`; `Full`: there is no room in the arena, or in the server.
    pub async fn connect(session: &Session, to: SocketAddr) -> Result<Self, Failure> {
        Self::connect_from(session, None, to, Sizes::default()).await
    }

    /// Connects to the first of these addresses that takes the connection: those of one host, as a name has several, of which not all can be reached from everywhere.
    ///
    /// # Errors
    /// That of the last one; `BadArgument`: there are none.
    pub async fn connect_any(session: &Session, addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let mut failure = Failure::BadArgument;
        for to in addresses {
            match Self::connect(session, *to).await {
                Ok(stream) => return Ok(stream),
                Err(next) => failure = next,
            }
        }
        Err(failure)
    }

    /// From an address and port of this host's (0: any), with rings of those sizes.
    ///
    /// # Errors
    /// Also `InUse` and `NoAddress`; `BadArgument` for sizes that no ring has.
    pub async fn connect_from(
        session: &Session,
        from: Option<SocketAddr>,
        to: SocketAddr,
        sizes: Sizes,
    ) -> Result<Self, Failure> {
        let attachment = session.attachment()?;
        let mut thread = attachment.next_thread();
        let mut left = TRIES;
        loop {
            let open = Open::new(&attachment, thread, Kind::Stream, sizes)?;
            match connect(&attachment, &open, from, to).await {
                Err(Failure::Elsewhere(other))
                    if left > 0 && other != thread && other < attachment.threads() =>
                {
                    left -= 1;
                    thread = other;
                }
                Err(failure) => return Err(failure),
                Ok(()) => {
                    open.use_it();
                    return Ok(Self::of(open));
                }
            }
        }
    }

    pub(crate) fn of(open: Rc<Open>) -> Self {
        Self { reader: ReadHalf(open.clone()), writer: WriteHalf(open) }
    }

    /// Its halves, each for a task of its own. The connection is closed when both are dropped.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.reader, self.writer)
    }

    /// Its halves, to be used at the same time in one task.
    pub const fn split(&mut self) -> (&mut ReadHalf, &mut WriteHalf) {
        (&mut self.reader, &mut self.writer)
    }

    /// Puts halves together again.
    ///
    /// # Errors
    /// They are not of one connection: both as they were.
    pub fn unsplit(reader: ReadHalf, writer: WriteHalf) -> Result<Self, (ReadHalf, WriteHalf)> {
        if Rc::ptr_eq(&reader.0, &writer.0) { Ok(Self { reader, writer }) } else { Err((reader, writer)) }
    }

    /// As [`ReadHalf::read`].
    ///
    /// # Errors
    /// The same.
    pub async fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        self.reader.read(to).await
    }

    /// As [`ReadHalf::read_exact`].
    ///
    /// # Errors
    /// The same.
    pub async fn read_exact(&mut self, to: &mut [u8]) -> Result<(), Failure> {
        self.reader.read_exact(to).await
    }

    /// As [`ReadHalf::wait`].
    ///
    /// # Errors
    /// The same.
    pub async fn wait_readable(&mut self) -> Result<usize, Failure> {
        self.reader.wait().await
    }

    /// As [`ReadHalf::readable`].
    #[must_use]
    pub fn readable(&self) -> [SharedBytes<'_>; 2] {
        self.reader.readable()
    }

    /// As [`ReadHalf::consume`].
    ///
    /// # Panics
    /// The same.
    pub fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// As [`WriteHalf::write`].
    ///
    /// # Errors
    /// The same.
    pub async fn write(&mut self, from: &[u8]) -> Result<usize, Failure> {
        self.writer.write(from).await
    }

    /// As [`WriteHalf::write_all`].
    ///
    /// # Errors
    /// The same.
    pub async fn write_all(&mut self, from: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(from).await
    }

    /// As [`WriteHalf::wait`].
    ///
    /// # Errors
    /// The same.
    pub async fn wait_writable(&mut self, count: usize) -> Result<usize, Failure> {
        self.writer.wait(count).await
    }

    /// As [`WriteHalf::writable`].
    #[must_use]
    pub fn writable(&self) -> [SharedBytes<'_>; 2] {
        self.writer.writable()
    }

    /// As [`WriteHalf::commit`].
    ///
    /// # Panics
    /// The same.
    pub fn commit(&mut self, count: usize) {
        self.writer.commit(count);
    }

    /// As [`WriteHalf::lent`].
    #[must_use]
    pub fn lent(&self, behind: usize) -> u64 {
        self.writer.lent(behind)
    }

    /// As [`WriteHalf::lend`].
    ///
    /// # Errors
    /// The same.
    pub fn lend(&self, behind: usize, loan: &Loan) -> Result<(), Failure> {
        self.writer.lend(behind, loan)
    }

    /// As [`WriteHalf::push`].
    ///
    /// # Errors
    /// The same.
    pub async fn push(&mut self) -> Result<(), Failure> {
        self.writer.push().await
    }

    /// As [`WriteHalf::flush`].
    ///
    /// # Errors
    /// The same.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().await
    }

    /// As [`WriteHalf::shut_down`].
    ///
    /// # Errors
    /// The same.
    pub async fn shut_down(&mut self) -> Result<(), Failure> {
        self.writer.shut_down().await
    }

    /// Closes it, and waits until its rings are free: until what was written is somebody else's to send. Dropping it does the same without waiting.
    ///
    /// # Errors
    /// What has ended it before.
    pub async fn close(self) -> Result<(), Failure> {
        let Self { reader, writer } = self;
        drop(reader);
        close(writer.0).await
    }

    /// Ends it at once: what was written and not sent is lost, and the other end is told `Reset`.
    pub fn abort(self) {
        let open = &self.writer.0;
        // It may have ended before.
        let _ = open.attachment.ask(open.thread, |server| server.abort(open.socket));
    }

    /// This host's end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        let open = &self.reader.0;
        open.attachment.ask(open.thread, |server| server.local(open.socket)).map(socket_address)
    }

    /// The other end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn peer_addr(&self) -> Result<SocketAddr, Failure> {
        let open = &self.reader.0;
        open.attachment.ask(open.thread, |server| server.remote(open.socket)).map(socket_address)
    }

    /// Whether small segments go out while others are under way (no Nagle).
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn set_nodelay(&self, choice: NoDelay) -> Result<(), Failure> {
        self.choose(Choice::NoDelay, (choice == NoDelay::On).into())
    }

    /// After how long without a word the other end is asked whether it is there; never for `None`.
    ///
    /// # Errors
    /// `Gone`, `Way`; `BadArgument` for what is no such time.
    pub fn set_keep_alive(&self, after: Option<Duration>) -> Result<(), Failure> {
        self.choose(Choice::KeepAlive, milliseconds(after))
    }

    /// For how long data may stay unacknowledged; as long as usual for `None`.
    ///
    /// # Errors
    /// `Gone`, `Way`; `BadArgument` for what is no such time.
    pub fn set_user_timeout(&self, time: Option<Duration>) -> Result<(), Failure> {
        self.choose(Choice::UserTimeout, milliseconds(time))
    }

    /// Hops of what is sent.
    ///
    /// # Errors
    /// `Gone`, `Way`; `BadArgument` for 0.
    pub fn set_hop_limit(&self, hops: u8) -> Result<(), Failure> {
        self.choose(Choice::HopLimit, hops.into())
    }

    fn choose(&self, choice: Choice, value: u64) -> Result<(), Failure> {
        let open = &self.reader.0;
        open.attachment.ask(open.thread, |server| server.choose(open.socket, choice, value))
    }
}

/// Whether small segments wait for acknowledgements (Nagle's algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDelay {
    /// They don't.
    On,
    /// They do.
    Off,
}

fn milliseconds(time: Option<Duration>) -> u64 {
    // A time that is there is not never.
    time.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1))
}

async fn connect(
    attachment: &Attachment,
    open: &Open,
    from: Option<SocketAddr>,
    to: SocketAddr,
) -> Result<(), Failure> {
    if let Some(from) = from {
        attachment.ask(open.thread, |server| server.bind(open.socket, end(from)))?;
    }
    attachment.ask_later(open.thread, sockets::CONNECT, (open.socket, end(to))).await
}

/// Closes a socket that nobody else has, and waits for that, or hands it to the reaper when it is dropped.
pub(crate) async fn close(open: Rc<Open>) -> Result<(), Failure> {
    let failed = open.failed();
    let attachment = open.attachment.clone();
    let Some(mut open) = Rc::into_inner(open) else { return Err(Failure::BadState) };
    if let Some(closing) = open.close() {
        let closed = Reaper::see_to(&attachment.reaper, closing).await;
        // That it is closed twice is nobody's trouble.
        if let (Err(failure), None) = (closed, failed)
            && failure != Failure::Gone
        {
            return Err(failure);
        }
    }
    failed.map_or(Ok(()), Err)
}

impl ReadHalf {
    /// Waits until there is something to read: how many bytes, 0 at the stream's end.
    ///
    /// # Errors
    /// What has ended the connection: `Reset`, `TimedOut`, `Way` if the server has died.
    pub async fn wait(&mut self) -> Result<usize, Failure> {
        let found = |flow: &Flow| (flow.readable() > 0 || flow.has_ended()).then(|| flow.readable());
        poll_fn(|context| self.0.poll_until(Half::Reading, 0, found, context)).await
    }

    /// What can be read without waiting, where it lies: in one piece or two. Others may write there, but for who is honest.
    #[must_use]
    pub fn readable(&self) -> [SharedBytes<'_>; 2] {
        let flow = self.0.flow();
        self.0.lease().receive().pieces(flow.consumed(), flow.readable())
    }

    /// The first so many bytes of that are read.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }

    /// Reads what there is, and waits until there is something: how many bytes, 0 at the stream's end.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        if to.is_empty() {
            return Ok(0);
        }
        let count = self.wait().await?.min(to.len());
        let flow = self.0.flow();
        self.0.lease().receive().read(flow.consumed(), &mut to[..count]);
        self.0.consume(count);
        Ok(count)
    }

    /// Reads as much as fits.
    ///
    /// # Errors
    /// As [`wait`](Self::wait); `Reset` if the stream ends before.
    pub async fn read_exact(&mut self, to: &mut [u8]) -> Result<(), Failure> {
        let mut done = 0;
        while done < to.len() {
            match self.read(&mut to[done..]).await? {
                0 => return Err(Failure::Reset),
                count => done += count,
            }
        }
        Ok(())
    }
}

impl WriteHalf {
    /// Waits until there is room for `count` bytes, or as many as the ring has: how much there is. What was written before is told.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`].
    pub async fn wait(&mut self, count: usize) -> Result<usize, Failure> {
        let flow = self.0.flow();
        let count = (count as u64).min(flow.send_size());
        // More than is needed is waited for, as long as it is not much: else each segment that is acknowledged would be a message.
        let wanted = count.max(flow.send_size() / QUARTER);
        let beyond = (flow.written() + wanted).saturating_sub(flow.send_size() + 1);
        let found = |flow: &Flow| {
            let room = flow.writable();
            (room as u64 >= count).then_some(room)
        };
        poll_fn(|context| self.0.poll_until(Half::Writing, beyond, found, context)).await
    }

    /// Where can be written without waiting: in one piece or two.
    #[must_use]
    pub fn writable(&self) -> [SharedBytes<'_>; 2] {
        let flow = self.0.flow();
        self.0.lease().send().pieces(flow.written(), flow.writable())
    }

    /// So many bytes are written there. Nobody is told yet: the next question of either half tells it, or [`push`](Self::push).
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn commit(&mut self, count: usize) {
        self.0.commit(count);
    }

    /// How many bytes, from `behind` bytes behind what is written on, lie in a piece that was [lent](Self::lend).
    #[must_use]
    pub fn lent(&self, behind: usize) -> u64 {
        self.0.lent(behind)
    }

    /// Has bytes sent from where they lie, behind what is written and `behind` bytes more: nothing is to be written into the ring for them, and they are [committed](Self::commit) as all others, all of them one
    /// after the other. If their memory is taken away before they are acknowledged, they are read from their source and put into the ring. The executor has one task and one call more for each thread of the server of which that was asked, as long as there is
    /// the session.
    ///
    /// # Errors
    /// Then they are to be written as usual: `BadArgument`: pieces lie there, or their memory has more bytes than can be shown; `BadState`: their source has nothing to be shown; `Full`: too much is lent, or shown. What has ended the connection.
    pub fn lend(&self, behind: usize, loan: &Loan) -> Result<(), Failure> {
        self.0.lend(behind, loan)
    }

    /// Tells the server what was written, if it does not know.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`].
    pub async fn push(&mut self) -> Result<(), Failure> {
        poll_fn(|context| self.0.poll_told(context)).await
    }

    /// Writes what there is room for, waits until there is some, and pushes: how many bytes.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`].
    pub async fn write(&mut self, from: &[u8]) -> Result<usize, Failure> {
        if from.is_empty() {
            return Ok(0);
        }
        let count = self.wait(1).await?.min(from.len());
        let flow = self.0.flow();
        self.0.lease().send().write(flow.written(), &from[..count]);
        self.0.commit(count);
        self.push().await?;
        Ok(count)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`]; part of it may be written then.
    pub async fn write_all(&mut self, from: &[u8]) -> Result<(), Failure> {
        let mut done = 0;
        while done < from.len() {
            done += self.write(&from[done..]).await?;
        }
        Ok(())
    }

    /// Waits until the other end has acknowledged all that was written.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`].
    pub async fn flush(&mut self) -> Result<(), Failure> {
        let written = self.0.flow().written();
        let found = |flow: &Flow| (flow.taken() >= written).then_some(());
        poll_fn(|context| self.0.poll_until(Half::Writing, written.saturating_sub(1), found, context)).await
    }

    /// Nothing more is written: the other end is told behind all that was.
    ///
    /// # Errors
    /// As [`ReadHalf::wait`].
    pub async fn shut_down(&mut self) -> Result<(), Failure> {
        self.push().await?;
        let open = &self.0;
        open.attachment.ask(open.thread, |server| server.shut_down(open.socket))
    }
}
