//! What was answered, until its time is up.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::{Addresses, Kind, Name, NoAnswer};

/// Answers that are remembered.
const ANSWERS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<(Name, Kind), (Duration, Result<Addresses, NoAnswer>)>);

impl Cache {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(
        &mut self,
        now: Duration,
        name: &Name,
        kind: Kind,
    ) -> Option<Result<Addresses, NoAnswer>> {
        let key = (name.clone(), kind);
        let (until, answer) = self.0.get(&key)?;
        if *until > now {
            return Some(answer.clone());
        }
        self.0.remove(&key);
        None
    }

    /// Remembers an answer for so long. Servers that do not answer are no property of a name.
    pub(super) fn put(
        &mut self,
        now: Duration,
        name: Name,
        kind: Kind,
        answer: Result<Addresses, NoAnswer>,
        lasts: Duration,
    ) {
        let is_about_name = matches!(answer, Ok(_) | Err(NoAnswer::NoName | NoAnswer::NoAddress));
        if lasts.is_zero() || !is_about_name {
            return;
        }
        if self.0.len() >= ANSWERS {
            self.0.retain(|_, (until, _)| *until > now);
        }
        if self.0.len() >= ANSWERS {
            let next = self.0.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            next.and_then(|key| self.0.remove(&key));
        }
        self.0.insert((name, kind), (now + lasts, answer));
    }
}
