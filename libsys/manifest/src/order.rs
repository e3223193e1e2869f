//! In which order programs can be started.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::{Manifest, Manifests, Start};

/// Programs that wait for each other in a circle, by their places in [`Manifests`]: each needs the next, the last one the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

impl Manifests {
    /// The programs that start with the system, each behind all that provide what it needs, directly or through programs that start
    /// on demand. Where that leaves a choice, lower layers come first, then names in their order. A service that nobody provides
    /// holds nobody up.
    ///
    /// # Errors
    /// A [`Cycle`] if there is one, also among programs that start on demand.
    pub fn boot_order(&self) -> Result<Vec<&Manifest>, Cycle> {
        let mut waiting = self.dependencies();
        let mut waited_for: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (&program, needed) in &waiting {
            needed.iter().for_each(|&needed| waited_for.entry(needed).or_default().push(program));
        }
        let rank = |program: usize| {
            let manifest = &self.0[program];
            (manifest.layer, manifest.name.as_str(), program)
        };
        let mut ready: BTreeSet<_> = waiting
            .iter()
            .filter(|(_, needed)| needed.is_empty())
            .map(|(&program, _)| rank(program))
            .collect();
        let mut order = Vec::new();
        while let Some((_, _, program)) = ready.pop_first() {
            waiting.remove(&program);
            if self.0[program].start == Start::Boot {
                order.push(&self.0[program]);
            }
            for &next in waited_for.get(&program).into_iter().flatten() {
                if let Some(needed) = waiting.get_mut(&next) {
                    needed.remove(&program);
                    if needed.is_empty() || cfg!(bite = "manifest-first-need") {
                        ready.insert(rank(next));
                    }
                }
            }
        }
        if waiting.is_empty() { Ok(order) } else { Err(circle(&waiting)) }
    }

    /// For each program those that provide what it needs.
    fn dependencies(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let services = self.services();
        let needed = |manifest: &Manifest| {
            let providers = manifest.needs.iter().filter_map(|need| services.get(need.as_str()));
            providers.flatten().map(|provided| provided.program).collect()
        };
        self.0.iter().enumerate().map(|(program, manifest)| (program, needed(manifest))).collect()
    }
}

/// A circle among programs each of which waits for another one of them. From anywhere, who always goes on to somebody that is waited for
/// comes to a place for the second time after at most as many steps as there are programs.
fn circle(waiting: &BTreeMap<usize, BTreeSet<usize>>) -> Cycle {
    let mut path = Vec::new();
    let mut next = waiting.keys().next().copied();
    while let Some(program) = next {
        if let Some(start) = path.iter().position(|&passed| passed == program) {
            path.drain(..start);
            break;
        }
        path.push(program);
        next = waiting.get(&program).and_then(|needed| needed.first()).copied();
    }
    Cycle(path)
}
