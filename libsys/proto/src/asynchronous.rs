//! The client's side for tasks: a question is a future, and many can be under way by one transport.
//!
//! The methods, formats and checks are those of the blocking client; what differs is who waits. So [`ask_async`] is
//! [`ask`](crate::ask) with the waiting left to whoever polls.

use core::cell::RefCell;

use anax_abi::Error;

use crate::client::{RETRIES, Transport};
use crate::message::{Reply, Request};

/// What carries a task's messages to its server.
pub trait AsyncTransport {
    /// Asks, and ends with the answer; the bytes of a long one come to `space`. Dropped before, it asks for the question's end, and
    /// writes nothing to `space` any more.
    ///
    /// It fails with `PeerDied` if the server has ended over it, or before; with what else the way there can fail with.
    fn call(&self, request: &Request<'_>, space: &mut [u8]) -> impl Future<Output = Result<Reply, Error>>;

    /// Waits for the server's successor and connects to it, which has to have the same fingerprint. Tasks may do so at the same time.
    ///
    /// It fails with `PeerDied` if there will be none, `PeerMisbehaved` if it serves another interface.
    fn reconnect(&self, fingerprint: u64) -> impl Future<Output = Result<(), Error>>;
}

/// Asks by `transport`, and again if the server dies and that `is_idempotent`. Used by generated clients.
///
/// # Errors
/// As [`AsyncTransport::call`]; `PeerMisbehaved` for an answer with more bytes than there is room.
pub async fn ask_async<T: AsyncTransport>(
    transport: &T,
    (fingerprint, is_idempotent): (u64, bool),
    request: &Request<'_>,
    space: &mut [u8],
) -> Result<Reply, Error> {
    let mut left = if is_idempotent || cfg!(bite = "proto-async-asks-twice") { RETRIES } else { 0 };
    loop {
        match transport.call(request, space).await {
            // A lie that would make the client look beyond its buffer.
            Ok(reply) if reply.length > space.len() && cfg!(not(bite = "proto-async-length-believed")) => {
                return Err(Error::PeerMisbehaved);
            }
            Err(Error::PeerDied) if left > 0 => {
                left -= 1;
                transport.reconnect(fingerprint).await?;
            }
            answer => return answer,
        }
    }
}

/// A transport that waits itself is one that has always answered when it is polled: a server's source is tested by the
/// [`Loopback`](crate::Loopback) from tasks, too.
impl<T: Transport> AsyncTransport for RefCell<T> {
    async fn call(&self, request: &Request<'_>, space: &mut [u8]) -> Result<Reply, Error> {
        self.borrow_mut().call(request, &mut crate::Beside::default(), space)
    }

    async fn reconnect(&self, fingerprint: u64) -> Result<(), Error> {
        self.borrow_mut().reconnect(fingerprint)
    }
}
