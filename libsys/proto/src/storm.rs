//! Requests that nobody sane would send, for the tests of servers: none may bring one down.

use anax_abi::{Error, Handle, MAX_HANDLES, Rights, WORDS};

use crate::beside::{Beside, Gift, Gifts};
use crate::message::{Caller, Reply, Request};
use crate::method::{Dispatch, Format};
use crate::{CONNECT, FIRST_METHOD};

/// Bytes of the longest arguments that are tried, and of room for an answer.
const BYTES: usize = 192;
const ROOM: usize = 4096;
/// Bytes of a name.
const NAME: usize = 24;

/// A generator of numbers that is the same everywhere: xorshift64*.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// A number that is likely to mean something.
    fn word(&mut self) -> u64 {
        match self.below(8) {
            0..=3 => self.below(12),
            4 => u64::MAX - self.below(3),
            5 => 1 << self.below(64),
            // Text, as names have it.
            6 => u64::from_le_bytes([(); 8].map(|()| b'a' + self.below(26) as u8)) >> (8 * self.below(8)),
            _ => self.roll(),
        }
    }

    /// A byte that is likely to be one of postcard's: a small number, a length, a letter.
    fn byte(&mut self) -> u8 {
        match self.below(4) {
            0 => self.below(4) as u8,
            1 => self.below(32) as u8,
            2 => b'a' + self.below(26) as u8,
            _ => self.roll() as u8,
        }
    }
}

/// Asks `server` `cases` times, by the numbers that `seed` gives, and shows `each` what came of it, with the handles that nobody has taken. Some of the
/// names that it asks for are of the `vocabulary`, at least one.
///
/// # Panics
/// If an answer claims more than there is room for, or more handles than a message has.
pub fn storm<S: Dispatch>(
    server: &mut S,
    seed: u64,
    cases: u64,
    vocabulary: &[&str],
    mut each: impl FnMut(&mut S, &Reply, &Beside),
) {
    let mut dice = Dice(seed | 1);
    let mut space = [0; ROOM];
    for case in 1..=cases {
        let mut bytes = [0; BYTES];
        bytes.fill_with(|| dice.byte());
        // As often as not, as many as two names take.
        let length = if dice.below(2) == 0 { 2 * NAME } else { dice.below(BYTES as u64) as usize };
        let mut words: [u64; WORDS] = [(); WORDS].map(|()| dice.word());
        // Names that mean something, where a name may stand: at the beginning, and behind another.
        let mut known = [[0; NAME]; 2];
        for name in &mut known {
            let text = vocabulary[dice.below(vocabulary.len() as u64) as usize].as_bytes();
            let count = text.len().min(NAME);
            name[..count].copy_from_slice(&text[..count]);
        }
        if dice.below(4) > 0 {
            bytes[..2 * NAME].copy_from_slice(known.as_flattened());
            let place = dice.below(3) as usize;
            for (word, chunk) in words.iter_mut().skip(place).zip(known[0].as_chunks().0) {
                *word = u64::from_le_bytes(*chunk);
            }
        }
        let command = match dice.below(16) {
            0 => CONNECT,
            1 => dice.roll() as u32,
            _ => FIRST_METHOD + dice.below(S::METHODS.len() as u64 + 1) as u32,
        };
        let request = if S::is_control(command) && dice.below(8) > 0 {
            Request::control(command, &bytes[..length])
        } else {
            Request { command, format: Format::Fixed, words, bytes: &[] }
        };
        let mut sent = Gifts::NONE;
        for _ in 0..dice.below(MAX_HANDLES as u64 + 1).saturating_sub(2) {
            // Each is another one, so that whoever counts them knows which is which.
            sent.push(Gift::copy(Handle::from_word(case << 8 | sent.count() as u64 | 1 << 63), Rights::ALL));
        }
        if sent.count() == 0 && dice.below(3) == 0 {
            sent.push(Gift::copy(Handle::from_word(case << 8 | 1 << 63), Rights::ALL));
        }
        let ticket = if dice.below(16) == 0 { 0 } else { case };
        let mut beside = Beside { sent, ticket, ..Beside::default() };
        let caller = Caller(dice.word());
        let reply = server.dispatch(caller, &request, &mut beside, &mut space);
        assert!(reply.length <= ROOM, "more than there is room for");
        assert!(reply.is_later() || reply.code <= 0, "a code that is none: {}", reply.code);
        let is_known = reply.code != Error::BadCommand.code() || command != FIRST_METHOD;
        assert!(is_known || S::METHODS.is_empty() || ticket == 0, "a method that is not served");
        each(server, &reply, &beside);
    }
}
