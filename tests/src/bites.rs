//! Deliberately broken variants, and the test that has to fail for each.
//!
//! A test that can't fail proves nothing. Each variant switches one precaution off by `--cfg bite="NAME"`;
//! `cargo xtask test --bite` builds it and expects its test, and that one, to notice.

mod channels;
mod kernel_core;
mod network;

use anyhow::bail;

use crate::context::Context;
use crate::kernel::{KernelOutcome, kernel_tests};

/// One broken variant.
#[derive(Debug)]
pub struct Bite {
    /// As in `--cfg bite="NAME"`.
    pub name: &'static str,
    /// What it breaks.
    pub breaks: &'static str,
    /// Which test has to fail.
    pub judge: Judge,
}

/// The test that has to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// A kernel test, on this many CPUs.
    Kernel {
        /// Its name, as the kernel lists it.
        test: &'static str,
        /// CPUs of the machine it runs on.
        cpus: u32,
    },
    /// A system test.
    System(&'static str),
    /// A test on the host. The build tool runs it.
    Host {
        /// Its package.
        package: &'static str,
        /// Its file in the package's `tests/`.
        file: &'static str,
        /// Its name.
        test: &'static str,
    },
    /// A model that loom explores. The build tool runs it.
    Model {
        /// Its package.
        package: &'static str,
        /// Its file in the package's `tests/`.
        file: &'static str,
        /// Its name.
        test: &'static str,
    },
}

/// All variants, the kernel's own first.
pub fn bites() -> impl Iterator<Item = &'static Bite> {
    KERNEL.iter().chain(kernel_core::KERNEL_CORE).chain(channels::CHANNELS).chain(network::NETWORK)
}

/// Variants of the kernel proper, judged in a booted machine.
const KERNEL: &[Bite] = &[
    Bite {
        name: "no-redzone-skip",
        breaks: "interrupt entry writes right below the stack pointer, over the red zone of compiled library code",
        judge: Judge::Kernel { test: "entry::vectors_and_red_zone_survive_interrupts", cpus: 1 },
    },
    Bite {
        name: "no-vector-save",
        breaks: "interrupts do not keep the vector registers of what they interrupt",
        judge: Judge::Kernel { test: "entry::vectors_and_red_zone_survive_interrupts", cpus: 1 },
    },
    Bite {
        name: "gs-trusted",
        breaks: "NMI and debug exceptions run on whatever GS they find",
        judge: Judge::Kernel { test: "entry::nmi_with_foreign_gs", cpus: 1 },
    },
    Bite {
        name: "constants-writable",
        breaks: "the kernel's read-only data is mapped writable",
        judge: Judge::Kernel { test: "memory::no_page_is_writable_and_executable", cpus: 1 },
    },
    Bite {
        name: "timer-believes-early",
        breaks: "a timer interrupt that comes before its deadline is taken for the deadline",
        judge: Judge::Kernel { test: "clock::timer_is_never_early", cpus: 1 },
    },
];

impl Bite {
    /// Runs the judge against this variant of the kernel, which `context` has to hold; an error says that the break was not
    /// noticed. Judges on the host are not this function's.
    pub fn run(&self, context: &Context<'_>) -> anyhow::Result<()> {
        match self.judge {
            Judge::Kernel { test, cpus } => {
                let results = kernel_tests(context, cpus, Some(test))?;
                match results.iter().find(|result| result.name == test).map(|result| result.outcome) {
                    Some(KernelOutcome::Failed) => Ok(()),
                    Some(outcome) => bail!("{test}: {outcome:?} although the kernel {}", self.breaks),
                    None => bail!("there is no kernel test {test}"),
                }
            }
            Judge::Host { .. } | Judge::Model { .. } => bail!("{}: not a variant of the kernel", self.name),
            Judge::System(name) => {
                let Some(test) = crate::all().find(|test| test.name == name) else {
                    bail!("there is no system test {name}");
                };
                match (test.run)(context) {
                    Err(_) => Ok(()),
                    Ok(()) => bail!("{name} passed although the kernel {}", self.breaks),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_exist_and_names_are_distinct() {
        let names: std::collections::BTreeSet<_> = bites().map(|bite| bite.name).collect();
        assert_eq!(names.len(), bites().count());
        for bite in bites() {
            if let Judge::System(name) = bite.judge {
                assert!(crate::all().any(|test| test.name == name), "{name}");
            }
        }
    }
}
