//! This program's pipes, served by a thread of their own.
//!
//! That an end is not in use any more is told by the kernel's own rule that who sends to a port which ends is answered once: the thread sends a message to
//! each end's hold, a port at which it never listens and to which it keeps no handle. With the last handle the port ends, and the answer is `PeerDied`.

use anax_abi::object::Resource;
use anax_abi::{Error, Handle, Message, Rights, WORDS};
use anax_service::serve_one;
use anax_stream::{Pipes, byte_stream};
use anax_sys::lock::Lock;
use anax_sys::object::{Space, Thread};
use anax_sys::{Port, Received, Target, replymsg};

use super::{End, Lender, Reader, Writer};

/// What the thread is asked by this program alone: handles of this program's, as words.
const MAKE: u32 = 0x7001;
/// Ends that a program can have, if its quota of messages allows it: each has one under way.
const MOST_ENDS: u64 = 128;

/// Slots for lent memory, renewed as it comes; who finds none sends words instead.
const SLOTS: u32 = 4;

/// Where the thread is asked.
static SERVER: Lock<Option<Handle>> = Lock::new(None);

/// A pipe: what is written to the one end comes out of the other. It holds 32 KiB, and whoever writes more waits.
///
/// # Errors
/// `Quota`, `NoMemory`. A pipe takes two pages, four handles and two messages while it is in use, and 32 KiB of the heap once it was; the first one also
/// starts the thread.
pub fn pipe() -> Result<(Reader, Writer), Error> {
    let server = server()?;
    let [reader, reader_hold, writer, writer_hold, _] = server.domsg(MAKE, [0; WORDS])?.words;
    let end = |port, hold| End { port: Handle::from_word(port), hold: Handle::from_word(hold) };
    Ok((Reader(end(reader, reader_hold)), Writer(end(writer, writer_hold))))
}

fn server() -> Result<Target, Error> {
    let mut server = SERVER.lock();
    let port = match *server {
        Some(port) => port,
        None => {
            let messages = Space::SELF.usage(Resource::Messages)?;
            let left = messages.limit.saturating_sub(messages.used + messages.reserved);
            let priority = Thread::SELF.inspect()?.words[1];
            let port = crate::lwkt::lwkt_create(priority, left.div_ceil(2).min(MOST_ENDS) as u32, serve)?;
            Space::SELF.post_slots(SLOTS)?;
            *server.insert(port.handle())
        }
    };
    Ok(Target::from_handle(port))
}

fn serve(port: Port) {
    let mut pipes = byte_stream::Serve(Pipes::new(Lender));
    while let Ok(received) = port.waitport() {
        match received {
            Received { badge, .. } if received.is_reply() => pipes.0.gone(badge),
            // No handle without a badge leaves this program.
            Received { badge: 0, number, .. } if received.command() == MAKE => {
                let made = make(port, &mut pipes.0);
                let words = made.unwrap_or_default();
                // Who asked waits for it, unless the program is ending.
                let _ = replymsg(number, made.map(|_| 0), words);
            }
            request => serve_one(&mut pipes, &request),
        }
    }
}

/// Both ends of another one, each with its hold.
fn make(port: Port, pipes: &mut Pipes<Lender>) -> Result<[u64; WORDS], Error> {
    let badges = pipes.make()?;
    let mut words = [0; WORDS];
    for (place, badge) in badges.into_iter().enumerate() {
        let made = hold(port, badge).and_then(|hold| {
            let end = Space::SELF.duplicate(port.handle(), Rights::SEND.with(Rights::GRANT), badge);
            if end.is_err() {
                let _ = Space::SELF.close(hold);
            }
            Ok([end?, hold])
        });
        match made {
            Ok(end) => words[2 * place..2 * place + 2].copy_from_slice(&end.map(Handle::to_word)),
            Err(error) => {
                for handle in words.into_iter().filter(|word| *word != 0) {
                    let _ = Space::SELF.close(Handle::from_word(handle));
                }
                badges.into_iter().for_each(|badge| pipes.gone(badge));
                return Err(error);
            }
        }
    }
    Ok(words)
}

/// What an end is kept open by: its last copy's end comes to `port` as an answer of that token.
fn hold(port: Port, badge: u64) -> Result<Handle, Error> {
    let hold = Port::initport(Thread::SELF, 0)?;
    let message = Message { token: badge, ..Message::new(MAKE, [0; WORDS]) };
    let sent = Target::from_handle(hold.handle()).beginmsg(&message, port);
    match sent.and_then(|_| Space::SELF.narrow(hold.handle(), Rights::GRANT)) {
        Ok(()) => Ok(hold.handle()),
        Err(error) => {
            let _ = Space::SELF.close(hold.handle());
            Err(error)
        }
    }
}
