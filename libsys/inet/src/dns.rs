//! The resolver (RFC 1034, 1035, 3596): addresses for names, asked of servers that do the work.
//!
//! Whoever can guess a question can answer it, so each has a number, a port and an order of servers of its own, and what is no answer to exactly that question is not
//! looked at (RFC 5452). Records about anything else are not kept. All that a name can cause is bounded: questions, tries, links of a chain, answers, and
//! what is remembered of all that.

mod cache;
mod message;
mod name;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use arrayvec::ArrayVec;
use smoltcp::wire::IpAddress;

pub use message::Kind;
pub use name::{BadName, Name};

use crate::Random;
use crate::udp::Endpoint;
use cache::Cache;

/// Servers that are asked.
pub const SERVERS: usize = 6;
/// Questions under way.
pub const QUESTIONS: usize = 64;
/// Addresses of one answer.
pub const ADDRESSES: usize = 16;
/// Names of a chain of aliases.
pub const ALIASES: usize = 8;
/// The servers' port.
pub const PORT: u16 = 53;

const TRY: Duration = Duration::from_secs(1);
/// All servers are asked so many times.
const ROUNDS: usize = 3;

/// A question under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// The addresses that a name has, at most [`ADDRESSES`].
pub type Addresses = Vec<IpAddress>;

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no such name.
    NoName,
    /// There is, but without an address of that kind.
    NoAddress,
    /// No server answered in time, or none could.
    NoServer,
    /// Too much is being asked already.
    Busy,
    /// The aliases go on for ever, or in a circle.
    Aliases,
}

/// What is to be sent: a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// To which server.
    pub server: Endpoint,
    /// From which port; the answer comes to it.
    pub port: u16,
    /// What.
    pub message: Vec<u8>,
}

/// What was asked, or is known already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is known.
    Known(Result<Addresses, NoAnswer>),
    /// An [answer](Resolver::answer) will come, whichever.
    Asking(QuestionId),
}

#[derive(Debug)]
struct Question {
    kind: Kind,
    /// As it was asked, and what it has turned out to be an alias of.
    asked: Name,
    name: Name,
    aliases: usize,
    /// How long all the aliases may be remembered.
    lasts: Duration,
    id: u16,
    port: u16,
    server: Endpoint,
    tries: usize,
    offset: usize,
    /// None if the next query is to be sent at once.
    due: Option<Duration>,
}

/// The resolver; thread 0's.
#[derive(Debug)]
pub struct Resolver {
    servers: ArrayVec<Endpoint, SERVERS>,
    questions: BTreeMap<QuestionId, Question>,
    next: u64,
    answers: Vec<(QuestionId, Result<Addresses, NoAnswer>)>,
    cache: Cache,
    random: Random,
}

impl Resolver {
    /// One without servers.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let (servers, questions, answers) = Default::default();
        Self { servers, questions, next: 0, answers, cache: Cache::default(), random }
    }

    /// Whom to ask from now on, at most [`SERVERS`] of them.
    pub fn set_servers(&mut self, servers: impl IntoIterator<Item = IpAddress>) {
        let endpoints = servers.into_iter().map(|address| Endpoint::new(address, PORT));
        self.servers = endpoints.take(SERVERS).collect();
    }

    /// Whom.
    #[must_use]
    pub fn servers(&self) -> &[Endpoint] {
        &self.servers
    }

    /// Questions under way, and answers that are remembered.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.questions.len(), self.cache.count())
    }

    /// Asks.
    pub fn ask(&mut self, now: Duration, name: &Name, kind: Kind) -> Asked {
        if let Some(known) = self.cache.get(now, name, kind) {
            return Asked::Known(known);
        }
        if self.servers.is_empty() {
            return Asked::Known(Err(NoAnswer::NoServer));
        }
        if self.questions.len() >= QUESTIONS {
            return Asked::Known(Err(NoAnswer::Busy));
        }
        let id = QuestionId(self.next);
        self.next += 1;
        let question = Question {
            kind,
            asked: name.clone(),
            name: name.clone(),
            aliases: 0,
            lasts: Duration::MAX,
            id: 0,
            port: 0,
            server: self.servers[0],
            tries: 0,
            offset: self.random.below(self.servers.len() as u64) as usize,
            due: None,
        };
        self.questions.insert(id, question);
        Asked::Asking(id)
    }

    /// The answer is not wanted any more.
    pub fn cancel(&mut self, id: QuestionId) {
        self.questions.remove(&id);
    }

    /// An answer to a question. To be asked until there is none.
    pub fn answer(&mut self) -> Option<(QuestionId, Result<Addresses, NoAnswer>)> {
        self.answers.pop()
    }

    /// What is to be sent. To be asked until there is nothing, after each call.
    pub fn transmit(&mut self, now: Duration) -> Option<Query> {
        let question = self.questions.values_mut().find(|question| question.due.is_none())?;
        let count = self.servers.len().max(1);
        if let Some(server) = self.servers.get((question.offset + question.tries) % count) {
            question.server = *server;
        }
        question.id = self.random.draw() as u16;
        question.port = (49_152 + self.random.below(16_384)) as u16;
        // Each round waits twice as long.
        question.due = Some(now + TRY * (1 << (question.tries / count).min(4)));
        question.tries += 1;
        let message = message::query(question.id, &question.name, question.kind);
        Some(Query { server: question.server, port: question.port, message })
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.questions.values().filter_map(|question| question.due).min()
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        let is_late = |question: &Question| question.due.is_some_and(|due| due <= now);
        let late: Vec<QuestionId> =
            self.questions.iter().filter(|(_, question)| is_late(question)).map(|(id, _)| *id).collect();
        for id in late {
            self.again(now, id);
        }
    }

    /// Whether a datagram may be an answer: from a server to the port from which it was asked.
    #[must_use]
    pub fn expects(&self, from: Endpoint, port: u16) -> bool {
        let is_it = |question: &Question| question.server == from && question.port == port;
        self.questions.values().any(|question| question.due.is_some() && is_it(question))
    }

    /// A datagram.
    pub fn input(&mut self, now: Duration, from: Endpoint, port: u16, payload: &[u8]) {
        let is_of = |question: &Question| {
            let is_from = question.server == from && question.port == port;
            question.due.is_some() && (is_from || cfg!(bite = "inet-answers-from-anybody"))
        };
        let of = self.questions.iter().filter(|(_, question)| is_of(question));
        // Several may wait at one port: the number and the question say which.
        let mut found = None;
        for (id, question) in of {
            if let Some(reply) = message::parse(payload, question.id, &question.name, question.kind) {
                found = Some((*id, reply));
                break;
            }
        }
        let Some((id, reply)) = found else { return };
        let Some(question) = self.questions.get_mut(&id) else { return };
        question.lasts = question.lasts.min(reply.lasts);
        question.aliases += reply.aliases;
        if question.aliases > ALIASES {
            self.end(now, id, Err(NoAnswer::Aliases));
            return;
        }
        match reply.end {
            message::End::Addresses(addresses) => self.end(now, id, Ok(addresses)),
            message::End::Nothing(why) => self.end(now, id, Err(why)),
            // The server did not follow it: asked again, by that name.
            message::End::Alias(name) => (question.name, question.due, question.tries) = (name, None, 0),
            message::End::Useless => self.again(now, id),
        }
    }

    /// The next server, or none if all have been asked often enough.
    fn again(&mut self, now: Duration, id: QuestionId) {
        let most = ROUNDS * self.servers.len();
        let Some(question) = self.questions.get_mut(&id) else { return };
        if question.tries < most {
            question.due = None;
        } else {
            self.end(now, id, Err(NoAnswer::NoServer));
        }
    }

    fn end(&mut self, now: Duration, id: QuestionId, answer: Result<Addresses, NoAnswer>) {
        let Some(question) = self.questions.remove(&id) else { return };
        self.cache.put(now, question.asked, question.kind, answer.clone(), question.lasts);
        self.answers.push((id, answer));
    }
}
