//! A question to a file system, and its answer some time later, by the typed client that everybody uses.
//!
//! The client is called twice: the first call writes the message down and comes to nothing, the second reads the answer. So this side has no second description of what the messages look like.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use anax_abi::{Error, WORDS};
use anax_files::Failure;
use anax_files::volume::VolumeClient;
use anax_proto::{Beside, Gifts, Reply, Request, Transport};

use crate::ops::{Id, Ops};

/// What an answer brings: the message's result and words, and what came beside them.
pub type Answer = Result<(Reply, Gifts), Error>;

/// A message on its way, or an answer: what a typed client has for a transport whose method is called twice.
#[derive(Debug)]
pub enum Line {
    /// To be asked.
    Asking,
    /// What was asked.
    Asked {
        /// The method's number.
        command: u32,
        /// The message's words.
        words: [u64; WORDS],
        /// Handles beside it.
        gifts: Gifts,
    },
    /// What was answered.
    Answered(Answer),
    /// An answer that is none, and what came beside it.
    Refused(Gifts),
}

impl Transport for Line {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, _: &mut [u8]) -> Result<Reply, Error> {
        match core::mem::replace(self, Self::Asking) {
            Self::Answered(answer) => {
                let (reply, gifts) = answer?;
                // As many handles as the method says, or it lies; none beside a failure.
                let due = if reply.code == 0 { beside.room } else { 0 };
                if gifts.count() != due {
                    *self = Self::Refused(gifts);
                    return if reply.code == 0 { Err(Error::PeerMisbehaved) } else { Ok(reply) };
                }
                beside.back = gifts;
                Ok(reply)
            }
            _ => {
                let (command, words, gifts) = (request.command, request.words, beside.sent);
                *self = Self::Asked { command, words, gifts };
                Err(Error::WouldBlock)
            }
        }
    }

    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}

/// A question that is to be answered, or a place for one.
#[derive(Debug)]
struct Place {
    /// Which use of the place it is: a token is good for one.
    generation: u32,
    asker: Option<Id>,
    answer: Option<Answer>,
}

/// Answers that are due, by their tokens.
#[derive(Debug, Default)]
pub(crate) struct Due {
    places: RefCell<Vec<Place>>,
    free: RefCell<Vec<u32>>,
}

impl Due {
    /// Asks by `send`, which is given the token, and waits for the answer. Handles that nobody has expected beside it go to `refuse`.
    pub(crate) async fn ask<R>(
        &self,
        ops: &Ops,
        mut method: impl FnMut(&mut VolumeClient<Line>) -> Result<R, Failure>,
        send: impl FnOnce(u64, u32, [u64; WORDS], &Gifts) -> Result<(), Error>,
        refuse: impl FnOnce(&Gifts),
    ) -> Result<R, Failure> {
        let mut client = VolumeClient::over(Line::Asking);
        let nothing = method(&mut client);
        let Line::Asked { command, words, gifts } = client.transport() else {
            // The method had something to say before it asked.
            return nothing;
        };
        let token = self.claim(ops.current());
        if let Err(error) = send(token, *command, *words, gifts) {
            self.give_back(token);
            return Err(error.into());
        }
        let answer = poll_fn(|_| {
            let answer = self.places.borrow_mut().get_mut(place(token)).and_then(|place| place.answer.take());
            answer.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        self.give_back(token);
        *client.transport() = Line::Answered(answer);
        let outcome = method(&mut client);
        if let Line::Refused(gifts) = client.transport() {
            refuse(gifts);
        }
        outcome
    }

    fn claim(&self, asker: Id) -> u64 {
        let mut places = self.places.borrow_mut();
        let number = self.free.borrow_mut().pop().unwrap_or_else(|| {
            places.push(Place { generation: 0, asker: None, answer: None });
            (places.len() - 1) as u32
        });
        let place = &mut places[number as usize];
        // Tokens have 62 bits, and are never 0.
        place.generation = place.generation.wrapping_add(1) & 0x3fff_ffff;
        place.asker = Some(asker);
        u64::from(number) | u64::from(place.generation) << 32
    }

    fn give_back(&self, token: u64) {
        if let Some(place) = self.places.borrow_mut().get_mut(place(token)) {
            (place.asker, place.answer) = (None, None);
        }
        self.free.borrow_mut().push(token as u32);
    }

    /// The answer to the question with that token. False if nobody waits for it.
    pub(crate) fn answered(&self, token: u64, answer: Answer, ops: &Ops) -> bool {
        let mut places = self.places.borrow_mut();
        let Some(place) = places.get_mut(place(token)) else { return false };
        let Some(asker) = place.asker else { return false };
        if u64::from(place.generation) != token >> 32 || place.answer.is_some() {
            return false;
        }
        place.answer = Some(answer);
        ops.wake(asker);
        true
    }
}

const fn place(token: u64) -> usize {
    (token & 0xffff_ffff) as usize
}
