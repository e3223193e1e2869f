//! A server's loop.

use anax_abi::{Envelope, Error, MessageNumber, WORDS};
use anax_proto::{Answered, Beside, Caller, Dispatch, Gifts, Reply, Request, SPACE};
use anax_sys::object::Space;
use anax_sys::{Came, Port, Received, replymsg, withdraw_offers};

use crate::gifts::{close_all, collected, offer_all};
use crate::page::Lent;
use crate::words::{INLINE, pack, unpack};

/// Slots that a server keeps reserved for handles that come with requests: as many messages with handles wait at most. Its supervisor reserves them
/// before it starts ([`reserve_slots`]), so that its first clients need not know how far it has come; serving renews them.
pub const SLOTS: u32 = 16;

/// Serves what comes to the port, for ever: one message after the other, each answered, one trap each if there are only words.
///
/// # Errors
/// What receiving fails with: the port is gone.
pub fn serve<S: Dispatch>(port: Port, server: &mut S) -> Result<(), Error> {
    serve_until(port, server, 0)
}

/// The same until a message with that command was answered. Command 0 is none's.
///
/// # Errors
/// As [`serve`].
#[inline(always)]
pub fn serve_until<S: Dispatch>(port: Port, server: &mut S, last: u32) -> Result<(), Error> {
    let mut received = port.waitport()?;
    loop {
        if last != 0 && received.command() == last {
            serve_one(server, &received);
            return Ok(());
        }
        received = match answer(server, received) {
            None => port.waitport()?,
            Some(reply) => match port.replymsg_waitport(received.number, Ok(result(&reply)), reply.words) {
                // Whoever asked has ended meanwhile: nothing is held any more.
                Err(Error::BadHandle) => port.waitport()?,
                next => next?,
            },
        };
    }
}

/// Reserves the slots for handles that come with requests, in the space of a server.
///
/// # Errors
/// `Quota`.
pub fn reserve_slots(space: Space) -> Result<(), Error> {
    space.post_slots(SLOTS)
}

/// Serves one message: answers it, unless it is a notice or the server answers later. For servers that have a loop of their own.
pub fn serve_one<S: Dispatch>(server: &mut S, received: &Received) {
    if let Some(reply) = answer(server, *received) {
        reply_with(received.number, &reply, &Gifts::NONE);
    }
}

/// Serves one message as far as that goes: what is still to be answered, and in words alone, is left to the caller, who may wait for the next one by the same trap. Nothing for a notice, for
/// what was answered and for what will be later.
#[inline(always)]
pub fn serve_but_answer<S: Dispatch>(server: &mut S, received: &Received) -> Option<(u64, [u64; WORDS])> {
    answer(server, *received).map(|reply| (result(&reply), reply.words))
}

/// An answer that was given later, in time for it to be sent by the same trap as another one: nothing if it has handles.
#[must_use]
pub fn in_words(answered: &Answered) -> Option<(u64, [u64; WORDS])> {
    (answered.gifts.count() == 0).then(|| (result(&answered.reply), answered.reply.words))
}

/// What a message is answered with in words alone, for whoever sends the answer himself, as tasks do; nothing for a notice, and for what is answered
/// later. A method that takes handles, gives some, or more bytes than fit into words, is refused.
pub fn answer_in_words<S: Dispatch>(
    server: &mut S,
    received: &Received,
) -> Option<(Result<u64, Error>, [u64; WORDS])> {
    if received.number.to_word() == 0 {
        return None;
    }
    let (command, caller) = (received.command(), Caller(received.badge));
    let mut beside = Beside::default();
    let reply = if S::is_control(command) {
        let served = control(server, caller, received, &mut beside, None);
        served.unwrap_or_else(|error| Reply::failed(error.code()))
    } else {
        server.dispatch(caller, &Request::fixed(command, received.words), &mut beside, &mut [])
    };
    if beside.back.count() != 0 {
        return Some((Err(Error::NoSlot), [0; WORDS]));
    }
    (!reply.is_later()).then(|| (Ok(result(&reply)), reply.words))
}

/// Sends an answer that a server has given [later](anax_proto::Later).
pub fn send(answered: Answered) {
    let _is_gone = deliver(&answered);
}

/// The same. Whether it went to somebody who waits for it: what the dead were to get can be another's.
#[must_use]
pub fn deliver(answered: &Answered) -> bool {
    reply_with(MessageNumber::from_word(answered.ticket), &answered.reply, &answered.gifts)
}

/// A client that has ended meanwhile has no use for an answer, and one without slots gets none of the handles.
fn reply_with(number: MessageNumber, reply: &Reply, gifts: &Gifts) -> bool {
    let offered = offer_all(gifts);
    let sent = offered.and_then(|()| replymsg(number, Ok(result(reply)), reply.words));
    let Err(error) = sent else { return true };
    for gift in gifts.iter().filter(|gift| gift.is_given) {
        let _ = Space::SELF.close(gift.handle);
    }
    let _ = withdraw_offers();
    let _ = replymsg(number, Err(error), [0; WORDS]);
    false
}

/// As a message's result. A failure of the server's own is a positive one: negative ones are the kernel's, which says so of a server that has died.
#[inline(always)]
pub(crate) const fn result(reply: &Reply) -> u64 {
    if reply.code < 0 { reply.code.unsigned_abs() & i64::MAX as u64 } else { 0 }
}

/// Serves a message: what is still to be answered, in words alone. Nothing if it is a notice, if the answer was sent or comes later.
#[inline(always)]
fn answer<S: Dispatch>(server: &mut S, received: Received) -> Option<Reply> {
    if received.number.to_word() == 0 {
        return None;
    }
    let command = received.command();
    if received.came.count() != 0 || S::is_control(command) {
        answer_with(
            server,
            received.number,
            received.envelope,
            received.badge,
            received.came,
            received.words,
        );
        return None;
    }
    let mut beside = Beside { ticket: received.number.to_word(), ..Beside::default() };
    let request = Request::fixed(command, received.words);
    let reply = server.dispatch(Caller(received.badge), &request, &mut beside, &mut []);
    if reply.is_later() {
        return None;
    }
    if beside.back.count() != 0 {
        reply_with(received.number, &reply, &beside.back);
        return None;
    }
    Some(reply)
}

/// Serves one with handles or bytes. By its parts, so that one without is nowhere in memory.
#[inline(never)]
fn answer_with<S: Dispatch>(
    server: &mut S,
    number: MessageNumber,
    envelope: Envelope,
    badge: u64,
    came: Came,
    words: [u64; WORDS],
) {
    let received = Received { number, badge, envelope, result: 0, words, came };
    let mut came = collected(received.came);
    let used = u32::from(received.came.count());
    if used > 0 {
        // For those that come next. If there is no room, the next ones are refused where they are sent.
        let _ = Space::SELF.post_slots(used);
    }
    if came.count() as u32 != used {
        // One was revoked on the way: which one it was, nobody knows.
        close_all(&came);
        reply_with(received.number, &Reply::failed(Error::PeerMisbehaved.code()), &Gifts::NONE);
        return;
    }
    let mut beside = Beside { ticket: received.number.to_word(), ..Beside::default() };
    let caller = Caller(received.badge);
    let command = received.command();
    let reply = if S::is_control(command) {
        let mut all = came.iter();
        let page = all.next().map(|gift| Lent(gift.handle));
        let mut rest = Gifts::NONE;
        all.for_each(|gift| rest.push(gift));
        came = rest;
        beside.sent = came;
        let served = control(server, caller, &received, &mut beside, page.as_ref());
        served.unwrap_or_else(|error| Reply::failed(error.code()))
    } else {
        beside.sent = came;
        server.dispatch(caller, &Request::fixed(command, received.words), &mut beside, &mut [])
    };
    close_all(&beside.sent);
    if !reply.is_later() {
        reply_with(received.number, &reply, &beside.back);
    }
}

/// A method whose arguments and result are bytes: in words if they are few, else in the client's page.
fn control<S: Dispatch>(
    server: &mut S,
    caller: Caller,
    received: &Received,
    beside: &mut Beside,
    page: Option<&Lent>,
) -> Result<Reply, Error> {
    let (mut bytes, mut space) = ([0; SPACE], [0; SPACE]);
    let length = usize::try_from(received.words[0]).unwrap_or(usize::MAX);
    let bytes = bytes.get_mut(..length).ok_or(Error::PeerMisbehaved)?;
    if length <= INLINE {
        bytes.copy_from_slice(&unpack(received.words).0[..length]);
    } else {
        page.ok_or(Error::PeerMisbehaved)?.read(bytes)?;
    }
    let reply = server.dispatch(caller, &Request::control(received.command(), bytes), beside, &mut space);
    if reply.code < 0 {
        return Ok(reply);
    }
    let answer = space.get(..reply.length).ok_or(Error::Full)?;
    if reply.length <= INLINE {
        return Ok(Reply { words: pack(answer)?, ..reply });
    }
    page.ok_or(Error::Full)?.write(answer)?;
    Ok(Reply { words: [reply.length as u64, 0, 0, 0, 0], ..reply })
}
