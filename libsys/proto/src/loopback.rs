//! A client and its server in one thread: how a server's source is tested on the host, with peers that die or lie.

use anax_abi::{Error, WORDS};

use crate::batch::Batching;
use crate::beside::Beside;
use crate::client::Transport;
use crate::message::{Caller, Reply, Request};
use crate::method::Dispatch;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// It dies before it has looked at the next question, and a successor stands ready.
    DiesBefore,
    /// It dies when it has done what was asked, but has not said so, and a successor stands ready.
    DiesAfter,
    /// It is gone for good.
    Gone,
    /// It answers the next question with these words, whatever was asked, and claims so many bytes.
    Lies {
        /// The result.
        code: i64,
        /// The words.
        words: [u64; WORDS],
        /// The bytes that it says it has written.
        length: usize,
    },
}

/// The way to a server that is called directly.
#[derive(Debug)]
pub struct Loopback<S> {
    server: S,
    caller: Caller,
    mood: Mood,
    /// Deaths so far.
    deaths: u32,
    /// The server has died, and the client has not connected to its successor.
    is_broken: bool,
    /// Of requests so far.
    tickets: u64,
    /// What is to be asked together: command, words, token.
    waiting: [Option<(u32, [u64; WORDS], u64)>; MOST],
}

/// Questions that can be asked together.
const MOST: usize = 64;

impl<S: Dispatch> Loopback<S> {
    /// To `server`, as `caller`.
    pub const fn new(server: S, caller: Caller) -> Self {
        Self {
            server,
            caller,
            mood: Mood::Well,
            deaths: 0,
            is_broken: false,
            tickets: 0,
            waiting: [None; MOST],
        }
    }

    /// How it behaves from now on.
    pub const fn set_mood(&mut self, mood: Mood) {
        self.mood = mood;
    }

    /// How often it has died.
    #[must_use]
    pub const fn deaths(&self) -> u32 {
        self.deaths
    }

    /// The server, which keeps its state when it "dies": what survives a real one is tested by what it makes of that.
    pub const fn server(&mut self) -> &mut S {
        &mut self.server
    }

    fn ask(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        if self.is_broken || self.mood == Mood::Gone {
            return Err(Error::PeerDied);
        }
        if self.mood == Mood::DiesBefore {
            return Err(self.die());
        }
        self.tickets += 1;
        beside.ticket = self.tickets;
        let reply = self.server.dispatch(self.caller, request, beside, space);
        match self.mood {
            Mood::Well if reply.is_later() => Err(Error::WouldBlock),
            Mood::DiesAfter => Err(self.die()),
            Mood::Lies { code, words, length } => {
                self.mood = Mood::Well;
                Ok(Reply { code, words, length })
            }
            _ => Ok(reply),
        }
    }

    fn die(&mut self) -> Error {
        self.deaths += 1;
        self.is_broken = true;
        self.mood = Mood::Well;
        Error::PeerDied
    }
}

impl<S: Dispatch> Transport for Loopback<S> {
    /// Handles are the client's own on both sides. An answer that is to come later is `WouldBlock`: the server has its ticket. The successor of a
    /// server that has died over an earlier question is asked in its place, as it is between programs.
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        self.is_broken = false;
        self.ask(request, beside, space)
    }

    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error> {
        if self.mood == Mood::Gone {
            return Err(Error::PeerDied);
        }
        if fingerprint != S::FINGERPRINT {
            return Err(Error::PeerMisbehaved);
        }
        self.is_broken = false;
        Ok(())
    }
}

impl<S: Dispatch> Batching for Loopback<S> {
    fn begin(&mut self) {
        self.waiting = [None; MOST];
    }

    fn submit(&mut self, request: &Request<'_>, token: u64) -> Result<(), Error> {
        let place = self.waiting.iter_mut().find(|place| place.is_none()).ok_or(Error::Full)?;
        *place = Some((request.command, request.words, token));
        Ok(())
    }

    /// The last one first: nobody is to count on an order.
    fn collect(&mut self, mut each: impl FnMut(u64, Result<Reply, Error>)) {
        for place in (0..MOST).rev() {
            if let Some((command, words, token)) = self.waiting[place].take() {
                each(token, self.ask(&Request::fixed(command, words), &mut Beside::default(), &mut []));
            }
        }
    }
}
