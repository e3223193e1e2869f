//! Requests that nobody sane would send, for the tests of servers: none may bring one down, and after all of them its books balance.
//!
//! | | |
//! |---|---|
//! | [`storm`] | asks a server on the host, [`cases`] times |
//! | [`Promises`], [`Taken`] | answers that it owes, handles that it has |
//! | [`Wild`], [`Dice`] | one such request, for whoever has another way to the server: the program `storm` |
//!
//! Each interface of the tree has such a test. `cargo xtask check` names one that has none.
#![cfg_attr(anax, no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod books;
mod dice;
mod wild;

pub use books::{Promises, Taken};
pub use dice::Dice;
pub use wild::{BYTES, Wild};

use anax_abi::{Error, Handle, MAX_HANDLES, Rights};
use anax_proto::{Beside, Caller, Dispatch, FIRST_METHOD, Gift, Gifts, Reply};

/// Bytes of room for an answer.
const ROOM: usize = 4096;
/// How many requests are sent if nobody says.
#[cfg(not(anax))]
const CASES: u64 = 20_000;

/// A request, and what came of it.
#[derive(Debug)]
pub struct Case<'a> {
    /// Who asked.
    pub caller: Caller,
    /// What.
    pub wild: &'a Wild,
    /// The handles that went along.
    pub sent: Gifts,
    /// The answer.
    pub reply: Reply,
    /// What stood beside it, with the handles that nobody has taken.
    pub beside: Beside,
}

/// How many requests a test sends: the variable `STORM_CASES`, else 20,000.
#[cfg(not(anax))]
#[must_use]
pub fn cases() -> u64 {
    std::env::var("STORM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

/// Asks `server` `cases` times, by the numbers that `seed` gives, and shows `each` what came of it. Some of the names that it asks for are of the
/// `vocabulary`, at least one.
///
/// # Panics
/// If an answer claims more than there is room for, or is none; if a method of the interface is said to be none.
pub fn storm<S: Dispatch>(
    server: &mut S,
    seed: u64,
    cases: u64,
    vocabulary: &[&str],
    mut each: impl FnMut(&mut S, &Case<'_>),
) {
    let mut dice = Dice::new(seed);
    let mut space = [0; ROOM];
    for case in 1..=cases {
        let wild = Wild::roll(&mut dice, S::METHODS, vocabulary);
        let mut sent = Gifts::NONE;
        // Most methods take none, and are not served with one.
        let handles = match dice.below(8) {
            0..=4 => 0,
            5..=6 => 1,
            _ => dice.below(MAX_HANDLES as u64 + 1),
        };
        for at in 0..handles {
            // Each is another one, so that whoever counts them knows which is which.
            sent.push(Gift::copy(Handle::from_word(case << 8 | at | 1 << 63), Rights::ALL));
        }
        let ticket = if dice.once_in(16) { 0 } else { case };
        let mut beside = Beside { sent, ticket, ..Beside::default() };
        let caller = Caller(if dice.once_in(2) { dice.below(8) } else { dice.word() });
        let reply = server.dispatch(caller, &wild.request(), &mut beside, &mut space);
        assert!(reply.length <= ROOM, "more than there is room for");
        assert!(reply.is_later() || reply.code <= 0, "a code that is none: {}", reply.code);
        let is_known = reply.code != Error::BadCommand.code() || wild.command != FIRST_METHOD;
        assert!(is_known || S::METHODS.is_empty() || ticket == 0, "a method that is not served");
        each(server, &Case { caller, wild: &wild, sent, reply, beside });
    }
}
