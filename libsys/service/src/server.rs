//! A server's loop.

use anax_abi::{Error, WORDS};
use anax_proto::{Caller, Dispatch, Request};
use anax_sys::{Port, Received};

use crate::words::{INLINE, pack, unpack};

/// Serves what comes to the port, for ever: one message after the other, each answered, one trap each.
///
/// # Errors
/// What receiving fails with: the port is gone.
pub fn serve<S: Dispatch>(port: Port, server: &mut S) -> Result<(), Error> {
    let mut received = port.waitport()?;
    loop {
        received = match answer(server, &received) {
            // A notice: nobody waits for an answer.
            None => port.waitport()?,
            Some((result, words)) => match port.replymsg_waitport(received.number, result, words) {
                // Whoever asked has ended meanwhile: nothing is held any more.
                Err(Error::BadHandle) => port.waitport()?,
                next => next?,
            },
        };
    }
}

/// What a received message is answered with; none for a notice. For servers that have a loop of their own. A failure of the server's own
/// is a positive result: negative ones are the kernel's, which says so of a server that has died.
#[inline(always)]
pub fn answer<S: Dispatch>(
    server: &mut S,
    received: &Received,
) -> Option<(Result<u64, Error>, [u64; WORDS])> {
    if received.number.to_word() == 0 {
        return None;
    }
    let (result, words) = answer_words(server, received.command(), received.words, Caller(received.badge));
    Some((Ok(result), words))
}

/// The same of a request's parts.
#[inline(always)]
pub(crate) fn answer_words<S: Dispatch>(
    server: &mut S,
    command: u32,
    words: [u64; WORDS],
    caller: Caller,
) -> (u64, [u64; WORDS]) {
    let (code, words) = if S::is_control(command) {
        let (bytes, length) = unpack(words);
        let mut space = [0; INLINE];
        let reply = server.dispatch(caller, &Request::control(command, &bytes[..length]), &mut space);
        (reply.code, pack(space.get(..reply.length).unwrap_or_default()).unwrap_or_default())
    } else {
        let reply = server.dispatch(caller, &Request::fixed(command, words), &mut []);
        (reply.code, reply.words)
    };
    (if code < 0 { code.unsigned_abs() } else { 0 }, words)
}
