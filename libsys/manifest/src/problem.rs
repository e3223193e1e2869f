//! What can be wrong among manifests each of which is right by itself.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{Layer, Manifests, Start};

/// A service at the place where a manifest provides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provided {
    /// The program's place in [`Manifests`].
    pub program: usize,
    /// The service's place in its list.
    pub place: usize,
}

/// A rule that manifests break together. Programs are places in [`Manifests`], needs places in the program's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Two programs have one name.
    SameName {
        /// The first one.
        first: usize,
        /// The other.
        second: usize,
    },
    /// Two programs provide one service, and are not both drivers that start on demand.
    TwoProviders {
        /// Where it is provided first.
        first: Provided,
        /// Where again.
        second: Provided,
    },
    /// Nobody provides what a program needs.
    UnknownService {
        /// The program.
        program: usize,
        /// What it needs.
        need: usize,
    },
    /// The provider of what a program needs does not stand below it.
    NotBelow {
        /// The program.
        program: usize,
        /// What it needs.
        need: usize,
        /// Who provides that.
        provider: usize,
    },
    /// Programs that need each other: none of them can be started first.
    Cycle(Vec<usize>),
}

impl Manifests {
    /// Everything that is wrong among them, program by program; at the end one circle, if there are any.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut names = BTreeMap::new();
        for (second, manifest) in self.0.iter().enumerate() {
            if let Some(&first) = names.get(manifest.name.as_str()) {
                problems.push(Problem::SameName { first, second });
            } else {
                names.insert(manifest.name.as_str(), second);
            }
        }
        let services = self.services();
        for providers in services.values() {
            let interchangeable = providers.iter().all(|provided| {
                let manifest = &self.0[provided.program];
                manifest.layer == Layer::Driver && manifest.start == Start::Demand
            });
            if let [first, others @ ..] = providers.as_slice()
                && !interchangeable
            {
                let again = |&second| Problem::TwoProviders { first: *first, second };
                problems.extend(others.iter().map(again));
            }
        }
        for (program, manifest) in self.0.iter().enumerate() {
            for (need, name) in manifest.needs.iter().enumerate() {
                let Some(providers) = services.get(name.as_str()) else {
                    problems.push(Problem::UnknownService { program, need });
                    continue;
                };
                let above =
                    providers.iter().find(|other| !manifest.layer.may_call(self.0[other.program].layer));
                if let Some(&Provided { program: provider, .. }) = above {
                    problems.push(Problem::NotBelow { program, need, provider });
                }
            }
        }
        problems.extend(self.boot_order().err().map(|cycle| Problem::Cycle(cycle.0)));
        problems
    }
}
