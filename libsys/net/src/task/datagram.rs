//! Datagrams.

use alloc::rc::Rc;
use core::future::poll_fn;
use core::net::SocketAddr;

use anax_abi::Error;
use anax_ring::SharedBytes;
use anax_socket::datagram::{HEADER, Header, MOST, record};
use anax_socket::{Choice, Failure, Kind, sockets};

use super::open::{Half, Open};
use super::session::Session;
use super::stream::close;
use crate::address::{end, socket_address};
use crate::arena::Sizes;
use crate::flow::Flow;
use crate::pieces::copy;

/// How often it is opened anew because its port is another thread's business.
const TRIES: u32 = 4;

/// A datagram socket. Its rings hold records, so the sizes bound what comes and goes at once: a datagram that finds no room on its way in is lost.
#[derive(Debug)]
pub struct UdpSocket {
    receiver: Receiver,
    sender: Sender,
}

/// Where datagrams come in.
#[derive(Debug)]
pub struct Receiver(Rc<Open>);

/// Where datagrams go out.
#[derive(Debug)]
pub struct Sender(Rc<Open>);

/// One that has come, where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// From whom; nothing if it is the end that the socket is connected to.
    pub from: Option<SocketAddr>,
    /// Its payload, in one piece or two.
    pub payload: [SharedBytes<'a>; 2],
}

impl Datagram<'_> {
    /// Bytes of its payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there are none: a datagram may be empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl UdpSocket {
    /// At that address (or "any") and port (0: one that is free).
    ///
    /// # Errors
    /// `InUse`, `NoAddress`, `Full`.
    pub async fn bind(session: &Session, at: SocketAddr) -> Result<Self, Failure> {
        Self::bind_with(session, at, Sizes::default()).await
    }

    /// The same with rings of those sizes.
    ///
    /// # Errors
    /// Also `BadArgument` for sizes that no ring has.
    #[expect(clippy::unused_async, reason = "as the others of its kind")]
    pub async fn bind_with(session: &Session, at: SocketAddr, sizes: Sizes) -> Result<Self, Failure> {
        let attachment = session.attachment()?;
        let mut thread = attachment.next_thread();
        let mut left = TRIES;
        loop {
            let open = Open::new(&attachment, thread, Kind::Datagram, sizes)?;
            match attachment.ask(thread, |server| server.bind(open.socket, end(at))) {
                Err(Failure::Elsewhere(other))
                    if left > 0 && other != thread && other < attachment.threads() =>
                {
                    left -= 1;
                    thread = other;
                }
                Err(failure) => return Err(failure),
                Ok(()) => {
                    open.use_it();
                    return Ok(Self { receiver: Receiver(open.clone()), sender: Sender(open) });
                }
            }
        }
    }

    /// Speaks with that one alone from now on.
    ///
    /// # Errors
    /// `NoRoute`, `BadState`, `Way`.
    pub async fn connect(&self, to: SocketAddr) -> Result<(), Failure> {
        let open = &self.receiver.0;
        open.attachment.ask_later(open.thread, sockets::CONNECT, (open.socket, end(to))).await
    }

    /// Its halves, each for a task of its own.
    #[must_use]
    pub fn into_split(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }

    /// Its halves, to be used at the same time in one task.
    pub const fn split(&mut self) -> (&mut Receiver, &mut Sender) {
        (&mut self.receiver, &mut self.sender)
    }

    /// As [`Sender::send_to`].
    ///
    /// # Errors
    /// The same.
    pub async fn send_to(&mut self, payload: &[u8], to: SocketAddr) -> Result<(), Failure> {
        self.sender.send_to(payload, to).await
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    /// The same.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.sender.send(payload).await
    }

    /// As [`Receiver::receive_from`].
    ///
    /// # Errors
    /// The same.
    pub async fn recv_from(&mut self, to: &mut [u8]) -> Result<(usize, SocketAddr), Failure> {
        self.receiver.receive_from(to).await
    }

    /// The same of a connected socket.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn recv(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        self.receiver.receive(to).await.map(|(count, _)| count)
    }

    /// This host's end.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn local_addr(&self) -> Result<SocketAddr, Failure> {
        let open = &self.receiver.0;
        open.attachment.ask(open.thread, |server| server.local(open.socket)).map(socket_address)
    }

    /// Whether datagrams to everybody may be sent.
    ///
    /// # Errors
    /// `Gone`, `Way`.
    pub fn set_broadcast(&self, choice: Broadcast) -> Result<(), Failure> {
        self.choose(Choice::Broadcast, (choice == Broadcast::Allowed).into())
    }

    /// Hops of what is sent.
    ///
    /// # Errors
    /// `Gone`, `Way`; `BadArgument` for 0.
    pub fn set_hop_limit(&self, hops: u8) -> Result<(), Failure> {
        self.choose(Choice::HopLimit, hops.into())
    }

    fn choose(&self, choice: Choice, value: u64) -> Result<(), Failure> {
        let open = &self.receiver.0;
        open.attachment.ask(open.thread, |server| server.choose(open.socket, choice, value))
    }

    /// Closes it, and waits until what was sent is out of its ring. Dropping it does the same without waiting.
    ///
    /// # Errors
    /// What has ended it before.
    pub async fn close(self) -> Result<(), Failure> {
        let Self { receiver, sender } = self;
        drop(receiver);
        close(sender.0).await
    }
}

/// Whether datagrams to everybody may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// They may.
    Allowed,
    /// They may not.
    Refused,
}

impl Receiver {
    /// Waits until there is one, without taking it.
    ///
    /// # Errors
    /// `Refused`, `Unreachable`, `NoRoute`: what an earlier datagram has come to, told once; what has ended the socket: `Way` if the server has died.
    pub async fn wait(&mut self) -> Result<(), Failure> {
        let found = |flow: &Flow| match flow.readable() {
            0 => flow.has_ended().then_some(Err(Failure::Gone)),
            _ => Some(Ok(())),
        };
        poll_fn(|context| self.0.poll_until(Half::Reading, 0, found, context)).await?
    }

    /// The next one, if there is one, where it lies, until it is [done with](Self::done).
    ///
    /// # Errors
    /// `PeerMisbehaved`: what lies there is no datagram; it never will be.
    pub fn next(&self) -> Result<Option<Datagram<'_>>, Failure> {
        let flow = self.0.flow();
        if flow.readable() == 0 {
            return Ok(None);
        }
        let ring = self.0.lease().receive();
        let Some(header) = Header::read(ring, flow.consumed(), flow.received()) else {
            return Err(self.0.fail(Error::PeerMisbehaved.into()));
        };
        let payload = ring.pieces(flow.consumed() + HEADER as u64, header.length);
        Ok(Some(Datagram { from: header.end.map(socket_address), payload }))
    }

    /// A datagram with so many bytes of payload, the next one, is done with.
    ///
    /// # Panics
    /// If there is none so long.
    pub fn done(&mut self, length: usize) {
        self.0.consume(record(length));
    }

    /// The next one: how many bytes of it came to `to`, which cuts off what does not fit, and from whom.
    ///
    /// # Errors
    /// As [`wait`](Self::wait) and [`next`](Self::next).
    pub async fn receive(&mut self, to: &mut [u8]) -> Result<(usize, Option<SocketAddr>), Failure> {
        self.wait().await?;
        let datagram = self.next()?.ok_or(Failure::Gone)?;
        let (length, from, mut copied) = (datagram.len(), datagram.from, 0);
        for piece in datagram.payload {
            let count = piece.len().min(to.len() - copied);
            // Both are so long at least.
            let _ = piece.copy_out(0, &mut to[copied..copied + count]);
            copied += count;
        }
        self.done(length);
        Ok((copied, from))
    }

    /// The same of a socket that is not connected.
    ///
    /// # Errors
    /// Also `BadState`: it is, and the one that has come does not say from whom.
    pub async fn receive_from(&mut self, to: &mut [u8]) -> Result<(usize, SocketAddr), Failure> {
        let (count, from) = self.receive(to).await?;
        from.map(|from| (count, from)).ok_or(Failure::BadState)
    }
}

impl Sender {
    /// Waits until there is room for one with so many bytes of payload.
    ///
    /// # Errors
    /// As [`Receiver::wait`]; `BadArgument` for what never fits.
    pub async fn wait(&mut self, length: usize) -> Result<(), Failure> {
        let flow = self.0.flow();
        let needed = record(length) as u64;
        if length > MOST || needed > flow.send_size() {
            return Err(Failure::BadArgument);
        }
        let beyond = (flow.written() + needed).saturating_sub(flow.send_size() + 1);
        let found = |flow: &Flow| (flow.writable() as u64 >= needed).then_some(());
        poll_fn(|context| self.0.poll_until(Half::Writing, beyond, found, context)).await
    }

    /// Whether there is room for one with so many bytes of payload.
    #[must_use]
    pub fn has_room(&self, length: usize) -> bool {
        length <= MOST && record(length) <= self.0.flow().writable()
    }

    /// Puts one into the ring, from anywhere in shared memory; nobody is told yet: the next question of either half tells it, or
    /// [`push`](Self::push). Without `to` it goes to the end that the socket is connected to.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn put(&mut self, payload: [SharedBytes<'_>; 2], to: Option<SocketAddr>) {
        let length = payload.iter().map(|piece| piece.len()).sum();
        let at = self.begin(length, to);
        let ring = self.0.lease().send();
        copy(payload, ring.pieces(at, length));
        self.0.commit(record(length));
    }

    /// Where the payload goes.
    fn begin(&self, length: usize, to: Option<SocketAddr>) -> u64 {
        assert!(self.has_room(length), "there is no room for a datagram of {length} bytes");
        let written = self.0.flow().written();
        let header = Header { length, end: to.map(end) };
        header.write(self.0.lease().send(), written);
        written + HEADER as u64
    }

    /// Tells the server what was put there, if it does not know.
    ///
    /// # Errors
    /// As [`Receiver::wait`].
    pub async fn push(&mut self) -> Result<(), Failure> {
        poll_fn(|context| self.0.poll_told(context)).await
    }

    async fn send_any(&mut self, payload: &[u8], to: Option<SocketAddr>) -> Result<(), Failure> {
        self.wait(payload.len()).await?;
        let at = self.begin(payload.len(), to);
        self.0.lease().send().write(at, payload);
        self.0.commit(record(payload.len()));
        self.push().await
    }

    /// Sends one to somebody; waits while there is no room for it.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn send_to(&mut self, payload: &[u8], to: SocketAddr) -> Result<(), Failure> {
        self.send_any(payload, Some(to)).await
    }

    /// Sends one to the end that the socket is connected to.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.send_any(payload, None).await
    }
}
