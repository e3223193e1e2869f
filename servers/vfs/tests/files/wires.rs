//! What is under way between the server and file systems.

use std::collections::{HashMap, HashSet, VecDeque};

use anax_abi::{Error, Handle};
use anax_proto::{Beside, Request};

use super::{Answer, Answering, Lent, Makers, Sent, Volume};
use crate::regions::Regions;

/// An answer that comes, by the token of the question.
type Came = (u64, Result<Answer, Error>);
/// Messages between the server and file systems: each file system gets them in order, and answers in order, but when, and which one is next, is a matter of chance.
pub(super) struct Wires {
    pub(super) regions: Regions,
    pub(super) makers: Makers,
    pub(super) volumes: HashMap<Handle, Volume>,
    /// In the order in which they came, so that a test that repeats itself repeats every step.
    pub(super) ports: Vec<Handle>,
    pub(super) asked: HashMap<Handle, VecDeque<Sent>>,
    pub(super) answers: HashMap<Handle, VecDeque<Came>>,
    pub(super) dead: HashSet<Handle>,
    pub(super) lent: Lent,
    /// Answers come in any order, as of a file system with several threads.
    pub(super) is_shuffling: bool,
}

impl Wires {
    pub(super) fn take(&mut self, sent: &mut VecDeque<Sent>) {
        for message in sent.drain(..) {
            if let Some(make) = self.makers.lock().unwrap().remove(&message.port) {
                self.volumes.insert(message.port, make(self.regions.clone()));
                self.ports.push(message.port);
            }
            self.asked.entry(message.port).or_default().push_back(message);
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.asked.values().all(VecDeque::is_empty) && self.answers.values().all(VecDeque::is_empty)
    }

    /// One step of one of them: an answer that has come.
    pub(super) fn step(&mut self, chance: u64) -> Option<Came> {
        let is_busy = |port: &&Handle| {
            self.asked.get(*port).is_some_and(|asked| !asked.is_empty())
                || self.answers.get(*port).is_some_and(|answers| !answers.is_empty())
        };
        let busy: Vec<_> = self.ports.iter().filter(is_busy).copied().collect();
        let port = *busy.get((chance >> 20) as usize % busy.len().max(1))?;
        let answers = self.answers.entry(port).or_default();
        let message = self.asked.get_mut(&port).and_then(|asked| {
            if answers.is_empty() || chance >> 40 & 1 == 0 { asked.pop_front() } else { None }
        });
        let message = message.inspect(|message| {
            if message.gifts.count() > 0 {
                *self.lent.borrow_mut().entry(port).or_default() -= 1;
            }
        });
        let Some(Sent { token, command, words, gifts, .. }) = message else {
            let place = if self.is_shuffling { (chance >> 8) as usize % answers.len().max(1) } else { 0 };
            return answers.remove(place);
        };
        if self.dead.contains(&port) {
            answers.push_back((token, Err(Error::PeerDied)));
            return None;
        }
        let mut beside = Beside { sent: gifts, ..Beside::default() };
        let volume = self.volumes.get_mut(&port).unwrap();
        match volume(&Request::fixed(command, words), &mut beside) {
            Answering::Answer(reply) => answers.push_back((token, Ok((reply, beside.back)))),
            Answering::Never => {}
            Answering::Died => {
                self.dead.insert(port);
                answers.push_back((token, Err(Error::PeerDied)));
            }
        }
        None
    }
}
