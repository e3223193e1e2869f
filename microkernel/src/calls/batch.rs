//! Many messages by one trap: a ring of slots in the program's memory, each as in a channel, with the target's handle in place of the
//! result; what comes of it takes that place. No position is shared: the trap carries both.
//!
//! A batch takes what is done at once on this CPU. It ends before a message for which the thread would have to wait, and after
//! [`MOST`]; the program sends that one by itself and goes on behind it. Slots lie in memory that other threads may change at any time:
//! each word is read once, and where a slot lies is looked up anew after all that might have changed it.

use anax_abi::object::{NULL, ends_batch};
use anax_abi::{Error, Handle, Message, Rights, WORDS};

use super::{Call, Served, home, serve};
use crate::cap::Space;
use crate::lwkt::Thread;
use crate::mm::layout::PAGE_SIZE;
use crate::msg::{self, Flow, Port, Registers};
use crate::object::Kind;

/// Messages served by one trap, at most: interrupts are off meanwhile.
const MOST: u64 = 64;
/// Messages that one look-up answers for, at most.
const RUN: u64 = 32;
/// Slots of a ring, at most.
const SLOTS: u64 = 1 << 16;
const SLOT: u64 = size_of::<Message>() as u64;
/// Words of a slot: command, flags and handles; the target's handle, then the result; the token; five words.
const SLOT_WORDS: usize = SLOT as usize / 8;
const RESULT: usize = 1;
const TOKEN: usize = 2;
const FIRST: usize = 3;

/// What comes of a message: the result and the words.
type Outcome = (Result<u64, Error>, [u64; WORDS]);

/// [`Operation::Drain`](anax_abi::Operation::Drain): how many of the messages are served.
///
/// # Errors
/// `BadArgument` for a ring that is none; `BadAddress` if its first slot is not there.
pub(crate) fn drain(thread: &'static Thread, registers: &Registers) -> Result<Flow, Error> {
    let [base, slots, first, count, reply_port] = registers.words;
    if !slots.is_power_of_two() || slots > SLOTS || count > slots || !base.is_multiple_of(SLOT) {
        return Err(Error::BadArgument);
    }
    let space = thread.space().ok_or(Error::BadHandle)?;
    let (mut done, most) = (0, count.min(MOST));
    while done < most {
        let place = first.wrapping_add(done) & (slots - 1);
        let at = base.checked_add(place * SLOT).ok_or(Error::BadAddress)?;
        let in_page = (PAGE_SIZE - at % PAGE_SIZE) / SLOT;
        let line = match space.memory().line(at) {
            Ok(line) => line,
            Err(_) if done > 0 => break,
            Err(_) => return Err(Error::BadAddress),
        };
        let empty = look_up_all(thread, line, in_page.min(slots - place).min(most - done));
        done += empty;
        if empty == 0 {
            let Some((result, words)) = one(thread, space, line, reply_port) else { break };
            // What was served may have taken time, and the page away.
            let line = space.memory().line(at).map_err(|_| Error::BadAddress)?;
            write(line, RESULT, result.map_or_else(Error::code, u64::cast_signed).cast_unsigned());
            words.into_iter().enumerate().for_each(|(place, word)| write(line, FIRST + place, word));
            done += 1;
        }
    }
    Ok(Flow::Done(done))
}

/// Reads a word of a slot.
#[inline(always)]
fn read(line: *mut u64, word: usize) -> u64 {
    // SAFETY: `line` leads to a whole slot of the program's, which stays while interrupts are off and nothing else is served; volatile,
    // since its threads may be writing.
    unsafe { line.add(word).read_volatile() }
}

/// Writes a word of a slot.
#[inline(always)]
fn write(line: *mut u64, word: usize, value: u64) {
    // SAFETY: as in `read`; the program may write there.
    unsafe { line.add(word).write_volatile(value) }
}

/// Serves the first of `count` slots from `line` on as long as they do nothing but ask whether a handle is good; how many that were.
/// One look-up answers for up to [`RUN`] of the same handle: within about as many instructions as another call takes from its
/// look-up to its end.
#[inline(always)]
fn look_up_all(thread: &Thread, line: *mut u64, count: u64) -> u64 {
    let at = |place: u64| line.wrapping_add(place as usize * SLOT_WORDS);
    let mut place = 0;
    while place < count && read(at(place), 0) as u32 == NULL {
        let word = read(at(place), RESULT);
        let result = match thread.look_up(Handle::from_word(word), Rights::SEND) {
            Ok(capability) if capability.object.header().kind() == Kind::Port => break,
            Ok(_) => 0,
            Err(error) => error.code().cast_unsigned(),
        };
        // The first of them is this one.
        write(at(place), RESULT, result);
        let run = count.min(place + RUN);
        place += 1;
        while place < run && read(at(place), 0) as u32 == NULL && read(at(place), RESULT) == word {
            write(at(place), RESULT, result);
            place += 1;
        }
    }
    place
}

/// Serves one message; none, and nothing has happened, if the thread would have to wait for it.
fn one(thread: &'static Thread, space: &'static Space, line: *mut u64, reply_port: u64) -> Option<Outcome> {
    let (head, handle, token) = (read(line, 0), read(line, RESULT), read(line, TOKEN));
    let mut words = core::array::from_fn(|word| read(line, FIRST + word));
    let command = head as u32;
    let target = match thread.look_up(Handle::from_word(handle), Rights::NONE) {
        Ok(_) if head >> 48 != 0 => return Some((Err(Error::BadArgument), words)),
        Ok(target) => target,
        Err(error) => return Some((Err(error), words)),
    };
    if target.object.get::<Port>().is_some() {
        let (r12, r13, r14) = (token, head >> 32, reply_port);
        let registers = Registers { handle, words, r12, r13, r14, ..Registers::default() };
        return Some((msg::send(thread, &registers, command), words));
    }
    let kind = target.object.header().kind();
    let here = match home(thread, space, target, command, &words) {
        Ok(home) => home == thread.cpu(),
        Err(error) => return Some((Err(error), words)),
    };
    // New handles are made where the space is at home.
    let makes = matches!(kind, Kind::Space | Kind::Machine) && space.home() != thread.cpu();
    if !here || makes || ends_batch(command) {
        return None;
    }
    let mut call = Call { caller: thread, space, rights: target.rights, words: &mut words };
    let result = match serve(target, command, &mut call) {
        Ok(Served::Value(value)) => Ok(value),
        Ok(Served::Handle(capability)) => space.insert(capability),
        Ok(Served::Later) => unreachable!("a call that waits is not served in a batch"),
        Err(error) => Err(error),
    };
    Some((result, words))
}
