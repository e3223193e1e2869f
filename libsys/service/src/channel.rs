//! Typed interfaces over channels: many questions by one doorbell, and none while the other side is awake.
//!
//! A client has a port of its own for the doorbell that tells it of answers. The channel is its supervisor's: when the server dies, a successor
//! takes over in a new epoch, what was under way ends with `PeerDied`, and an idempotent question is asked again by itself.

use anax_abi::{Error, Message};
use anax_proto::{Batching, Beside, CONNECT, Caller, Dispatch, Format, Reply, Request, Transport};
use anax_ring::{Completion, Doorbell, Misbehaved, Requester, Responder, Sleep, SubmitError, Taken};
use anax_sys::Port;
use anax_sys::object::Channel;

use crate::words::{INLINE, pack, unpack};

/// Up to `N` questions under way by a channel; used by the thread that owns the port.
#[derive(Debug)]
pub struct ChannelTransport<'a, const N: usize> {
    requester: Requester<'a, N>,
    channel: Channel,
    port: Port,
    /// Which batch or call is under way; it stands above the tokens, so that an answer to an earlier one is known.
    number: u64,
}

/// Bits of a token within its batch.
const TOKEN_BITS: u32 = 32;

fn misbehaved(_: Misbehaved) -> Error {
    Error::PeerMisbehaved
}

impl<'a, const N: usize> ChannelTransport<'a, N> {
    /// Connects by a requester with nothing under way, whose end of the channel is bound to `port`.
    ///
    /// # Errors
    /// `PeerMisbehaved` if the other side does not serve the interface of that fingerprint; what asking it fails with.
    pub fn open(
        requester: Requester<'a, N>,
        channel: Channel,
        port: Port,
        fingerprint: u64,
    ) -> Result<Self, Error> {
        let mut transport = Self { requester, channel, port, number: 0 };
        transport.reconnect(fingerprint)?;
        Ok(transport)
    }

    #[inline(always)]
    fn tell(&mut self) -> Result<(), Error> {
        match self.requester.flush().map_err(misbehaved)? {
            Doorbell::Ring => self.channel.ring(),
            _ => Ok(()),
        }
    }

    /// The next answer, which it waits for.
    #[inline(always)]
    fn next(&mut self) -> Result<Message, Error> {
        loop {
            match self.requester.complete().map_err(misbehaved)? {
                Completion::Reply(reply) => return Ok(reply),
                Completion::NewPeer(_) => {}
                Completion::Nothing => match self.requester.prepare_to_sleep().map_err(misbehaved)? {
                    Sleep::MaySleep => drop(self.port.waitport()?),
                    Sleep::MoreToDo => {}
                    Sleep::RingFirst => self.channel.ring()?,
                },
            }
        }
    }
}

/// What an answer says. A failure of the server's own is a positive result, as over ports.
#[inline(always)]
fn reply(message: &Message) -> Result<Reply, Error> {
    match message.outcome()? {
        0 => Ok(Reply { code: 0, words: message.words, length: 0 }),
        failed => Ok(Reply::failed(-failed.cast_signed())),
    }
}

impl<const N: usize> Transport for ChannelTransport<'_, N> {
    /// Handles don't travel by a channel, and bytes only as far as they fit into words.
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        if beside.sent.count() != 0 || beside.room != 0 {
            return Err(Error::BadArgument);
        }
        let is_fixed = request.format == Format::Fixed;
        let words = if is_fixed { request.words } else { pack(request.bytes)? };
        self.begin();
        self.submit(&Request::fixed(request.command, words), 0)?;
        self.tell()?;
        let message = loop {
            let message = self.next()?;
            if message.token >> TOKEN_BITS == self.number {
                break message;
            }
        };
        let mut reply = reply(&message)?;
        if !is_fixed && reply.code >= 0 {
            let (bytes, length) = unpack(reply.words);
            reply.length = length.min(space.len());
            space[..reply.length].copy_from_slice(&bytes[..reply.length]);
        }
        Ok(reply)
    }

    /// The successor is there when the channel says that its predecessor has died.
    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error> {
        let asked = Request::fixed(CONNECT, [fingerprint, 0, 0, 0, 0]);
        let answer = self.call(&asked, &mut Beside::default(), &mut [])?;
        if answer.code == 0 && answer.words[0] == fingerprint { Ok(()) } else { Err(Error::PeerMisbehaved) }
    }
}

impl<const N: usize> Batching for ChannelTransport<'_, N> {
    #[inline(always)]
    fn begin(&mut self) {
        self.number += 1;
    }

    #[inline(always)]
    fn submit(&mut self, request: &Request<'_>, token: u64) -> Result<(), Error> {
        let token = self.number << TOKEN_BITS | token;
        let message = Message { token, ..Message::new(request.command, request.words) };
        self.requester.submit(&message).map_err(|error| match error {
            SubmitError::Full => Error::Full,
            _ => Error::PeerMisbehaved,
        })
    }

    #[inline(always)]
    fn collect(&mut self, mut each: impl FnMut(u64, Result<Reply, Error>)) {
        let (mut told, mut was_caught) = (self.tell(), false);
        while self.requester.in_flight() > 0 {
            match told.and_then(|()| self.next()) {
                Ok(message) if message.token >> TOKEN_BITS == self.number => {
                    each(message.token & u64::from(u32::MAX), reply(&message));
                }
                Ok(_) => {}
                // Said once when the peer is caught; then each question comes back.
                Err(Error::PeerMisbehaved) if !was_caught => was_caught = true,
                // The port is gone. Whoever waits for an answer that is not handed over learns that there is none.
                Err(_) => return,
            }
            told = Ok(());
        }
    }
}

/// Serves what comes by a channel until its client lies or the port is gone: as much as there is, then one doorbell, then sleep.
///
/// # Errors
/// `PeerMisbehaved`; what waiting fails with.
pub fn serve_channel<S: Dispatch>(
    responder: &mut Responder<'_>,
    channel: Channel,
    port: Port,
    server: &mut S,
) -> Result<(), Error> {
    loop {
        match responder.take().map_err(misbehaved)? {
            Taken::Request(request, ticket) => {
                let reply = answer(server, &request);
                let result = crate::server::result(&reply).cast_signed();
                let answer = Message { result, ..Message::new(request.command, reply.words) };
                // A client that has been replaced meanwhile wants no answer.
                let _stale = responder.reply(ticket, &answer);
            }
            Taken::NewPeer(_) => {}
            Taken::Nothing => match responder.prepare_to_sleep().map_err(misbehaved)? {
                Sleep::MaySleep => drop(port.waitport()?),
                Sleep::MoreToDo => {}
                Sleep::RingFirst => channel.ring()?,
            },
        }
    }
}

#[inline(always)]
fn answer<S: Dispatch>(server: &mut S, request: &Message) -> Reply {
    let (caller, mut beside) = (Caller(0), Beside::default());
    if !S::is_control(request.command) {
        return server.dispatch(
            caller,
            &Request::fixed(request.command, request.words),
            &mut beside,
            &mut [],
        );
    }
    let (bytes, length) = unpack(request.words);
    let mut space = [0; INLINE];
    let request = Request::control(request.command, &bytes[..length]);
    let reply = server.dispatch(caller, &request, &mut beside, &mut space);
    let words = pack(space.get(..reply.length).unwrap_or_default()).unwrap_or_default();
    Reply { words, ..reply }
}
