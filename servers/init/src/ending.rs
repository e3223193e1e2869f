//! The orderly end: applications first, then whoever has something that is to last, then all others.

use alloc::vec::Vec;

use anax_abi::Error;
use anax_manifest::{Capability, Layer};
use anax_proto::{Caller, Later};

use crate::init::Init;
use crate::process::Process;
use crate::system::System;

/// How long those are waited for who have something that is to last, in nanoseconds: a disk may have to turn for it.
const PATIENCE: u64 = 3_000_000_000;

/// The system ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// With that status; nothing: it starts again.
    how: Option<u8>,
    /// When those who were told have had their time.
    until: u64,
}

impl<S: System> Init<S> {
    /// If the caller may, all ends, and he with it.
    pub(crate) fn end_for(&mut self, caller: Caller, how: Option<u8>, later: Later<(), Error>) {
        if let Err(error) = self.can(caller.0, &Capability::Power) {
            self.answers.push(later.answer(Err(error)));
        } else if self.ending.is_none() {
            self.begin_to_end(how);
        }
    }

    fn begin_to_end(&mut self, how: Option<u8>) {
        self.ending = Some(Ending { how, until: self.system.now() + PATIENCE });
        self.end_all(|layer| layer == Layer::Application);
        let farewells = self.farewells.values_mut().filter_map(Option::take);
        let told: Vec<_> = farewells.map(|later| later.answer(Ok(()))).collect();
        if told.is_empty() || cfg!(bite = "init-says-no-farewell") {
            return self.end();
        }
        self.answers.extend(told);
    }

    /// A process has ended: perhaps it was the last one that had something to do.
    pub(crate) fn has_said_farewell(&mut self, number: u64) {
        let Some(later) = self.farewells.remove(&number) else { return };
        self.answers.extend(later.map(|later| later.answer(Err(Error::Aborted))));
        if self.farewells.is_empty() && self.ending.is_some() {
            self.end();
        }
    }

    /// Ends all when it has taken long enough; when that will be.
    pub(crate) fn tick_of_the_end(&mut self, now: u64) -> Option<u64> {
        let until = self.ending?.until;
        if now < until {
            return Some(until);
        }
        self.system.say(format_args!("what was to last may not: somebody takes too long over it"));
        self.end();
        None
    }

    fn end(&mut self) {
        let Some(Ending { how, .. }) = self.ending else { return };
        self.end_all(|_| true);
        self.system.finish(how);
    }

    /// Ends all processes of such layers, those above first. Nobody is told.
    fn end_all(&mut self, of: impl Fn(Layer) -> bool) {
        let layer_of = |process: &Process<S::Made>| process.manifest.layer;
        let mut all: Vec<_> = self
            .processes
            .values()
            .filter_map(|process| process.made.map(|made| (layer_of(process), made)))
            .filter(|(layer, _)| of(*layer))
            .collect();
        all.sort_by_key(|(layer, _)| core::cmp::Reverse(*layer));
        all.into_iter().for_each(|(_, made)| self.system.end(made));
        self.processes.retain(|_, process| !of(layer_of(process)));
        let lives = |number: &u64| self.processes.contains_key(number);
        self.farewells.retain(|number, _| lives(number));
    }
}
