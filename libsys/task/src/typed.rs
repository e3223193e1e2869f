//! Typed interfaces (`anax_proto`) from tasks: the way to a server's port, and by a channel.
//!
//! ```text
//! let counters = CountersAsync::over(PortCaller::open(events, find, counters::FINGERPRINT).await?);
//! let (first, second) = join(counters.add(3, 1), counters.read(4)).await;
//! ```

use core::cell::Cell;
use core::fmt;

use anax_abi::{Error, Message, WORDS};
use anax_proto::{AsyncTransport, CONNECT, Format, Reply, Request};
use anax_service::{pack, unpack};
use anax_sys::Target;

use crate::channel::ChannelClient;
use crate::events::EventLoop;

/// Messages to a port, which `find` finds, and finds again when its server has died: it waits for the successor.
pub struct PortCaller<F> {
    events: EventLoop,
    find: F,
    target: Cell<Target>,
}

impl<F: AsyncFn() -> Result<Target, Error>> PortCaller<F> {
    /// Finds the server and connects to it.
    ///
    /// # Errors
    /// As `find`; `PeerMisbehaved` if what it finds does not serve the interface of that fingerprint; what a message there fails with.
    pub async fn open(events: EventLoop, find: F, fingerprint: u64) -> Result<Self, Error> {
        let target = Cell::new(find().await?);
        let caller = Self { events, find, target };
        connect(&caller, fingerprint).await?;
        Ok(caller)
    }

    /// Where messages go.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target.get()
    }
}

impl<F: AsyncFn() -> Result<Target, Error>> AsyncTransport for PortCaller<F> {
    async fn call(&self, request: &Request<'_>, space: &mut [u8]) -> Result<Reply, Error> {
        let message = Message::new(request.command, words_of(request)?);
        let answer = self.events.call(self.target.get(), message).await?;
        self.events.shared.close_all(answer.handles);
        Ok(reply(request, answer.result, answer.words, space))
    }

    async fn reconnect(&self, fingerprint: u64) -> Result<(), Error> {
        self.target.set((self.find)().await?);
        connect(self, fingerprint).await
    }
}

/// The successor is there when the channel says that its predecessor has died.
impl<const N: usize> AsyncTransport for ChannelClient<N> {
    async fn call(&self, request: &Request<'_>, space: &mut [u8]) -> Result<Reply, Error> {
        let message = Message::new(request.command, words_of(request)?);
        let (result, words) = self.submit(message).await?;
        Ok(reply(request, result, words, space))
    }

    async fn reconnect(&self, fingerprint: u64) -> Result<(), Error> {
        connect(self, fingerprint).await
    }
}

/// Makes sure that the interface is served.
async fn connect<T: AsyncTransport>(transport: &T, fingerprint: u64) -> Result<(), Error> {
    let asked = Request::fixed(CONNECT, [fingerprint, 0, 0, 0, 0]);
    let answer = transport.call(&asked, &mut []).await?;
    if answer.code == 0 && answer.words[0] == fingerprint { Ok(()) } else { Err(Error::PeerMisbehaved) }
}

fn words_of(request: &Request<'_>) -> Result<[u64; WORDS], Error> {
    if request.format == Format::Fixed { Ok(request.words) } else { pack(request.bytes) }
}

/// What an answer says. A failure of the server's own is a positive result.
fn reply(request: &Request<'_>, result: u64, words: [u64; WORDS], space: &mut [u8]) -> Reply {
    if result != 0 {
        return Reply::failed(-result.cast_signed());
    }
    if request.format == Format::Fixed {
        return Reply { code: 0, words, length: 0 };
    }
    let (bytes, length) = unpack(words);
    let length = length.min(space.len());
    space[..length].copy_from_slice(&bytes[..length]);
    Reply { code: 0, words, length }
}

impl<F> fmt::Debug for PortCaller<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortCaller").field("target", &self.target).finish_non_exhaustive()
    }
}
