//! Deliberately broken variants, and the test that has to fail for each.
//!
//! A test that can't fail proves nothing. Each variant switches one precaution off by `--cfg bite="NAME"`;
//! `cargo xtask test --bite` builds it and expects its test, and that one, to notice.

mod blocks;
mod channels;
mod files;
mod inet;
mod kernel_core;
mod logring;
mod lwkt;
mod manifests;
mod network;
mod pci;
mod peer;
mod program;
mod programs;
mod proto;
mod sockets;
mod streams;
mod task;
mod tcp;
mod timers;
mod uthread;

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
    let of_libraries = lwkt::LWKT
        .iter()
        .chain(channels::CHANNELS)
        .chain(timers::TIMERS)
        .chain(network::NETWORK)
        .chain(inet::INET)
        .chain(sockets::SOCKETS)
        .chain(blocks::BLOCKS)
        .chain(program::PROGRAM)
        .chain(proto::PROTO)
        .chain(logring::LOGRING)
        .chain(manifests::MANIFESTS)
        .chain(pci::PCI)
        .chain(peer::PEER)
        .chain(uthread::UTHREAD)
        .chain(task::TASK)
        .chain(tcp::TCP)
        .chain(programs::PROGRAMS)
        .chain(streams::STREAMS)
        .chain(files::FILES);
    KERNEL.iter().chain(kernel_core::KERNEL_CORE).chain(of_libraries)
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
        name: "lwkt-charges-too-much",
        breaks: "a thread that gets the CPU is charged as if it had had it from the beginning on",
        judge: Judge::Kernel { test: "lwkt::the_time_of_a_cpu_is_that_of_its_threads", cpus: 1 },
    },
    Bite {
        name: "timer-unbounded",
        breaks: "a timer interrupt calls all actions that are due, however many",
        judge: Judge::Kernel { test: "clock::deadlines::an_interrupt_is_bounded", cpus: 1 },
    },
    Bite {
        name: "timer-arms-always",
        breaks: "every deadline that is set arms the hardware, for itself",
        judge: Judge::Kernel {
            test: "clock::deadlines::a_call_with_a_time_out_touches_no_hardware",
            cpus: 1,
        },
    },
    Bite {
        name: "timer-believes-early",
        breaks: "a timer interrupt that comes before its deadline is taken for the deadline",
        judge: Judge::Kernel { test: "clock::timer_is_never_early", cpus: 1 },
    },
    Bite {
        name: "irq-first-answer",
        breaks: "opens a shared interrupt line with the first subscriber's answer",
        judge: Judge::Kernel { test: "irq::a_shared_line_waits_for_everybody", cpus: 1 },
    },
    Bite {
        name: "irq-only-told-owe",
        breaks: "takes a subscriber of a shared line that is yet to be told for one that has answered",
        judge: Judge::Kernel { test: "irq::a_shared_line_waits_for_everybody", cpus: 1 },
    },
    Bite {
        name: "irq-no-fence",
        breaks: "takes the end of a subscription for the answer that it owes",
        judge: Judge::Kernel { test: "irq::the_dead_answer_when_fenced", cpus: 1 },
    },
    Bite {
        name: "irq-stays-in-band",
        breaks: "leaves a driver its priority though its interrupt's budget is used up",
        judge: Judge::System("schedules.interrupt-storm"),
    },
    Bite {
        name: "crossbar-never-muted",
        breaks: "rings another CPU for every message that finds its bell silent, however often",
        judge: Judge::Kernel { test: "flood::few_interrupts_a_message", cpus: 2 },
    },
    Bite {
        name: "vm-no-flush",
        breaks: "acknowledges the loss of pages without forgetting them",
        judge: Judge::Kernel { test: "vm_shootdown::another_cpu_sees_what_is_mapped_and_no_more", cpus: 2 },
    },
    Bite {
        name: "vm-copy-anywhere",
        breaks: "copies to and from addresses that are no program's",
        judge: Judge::Kernel { test: "user::user_memory_is_reached_only_as_mapped", cpus: 1 },
    },
    Bite {
        name: "vm-registers-are-copied",
        breaks: "copies a device's registers as if they were memory",
        judge: Judge::Kernel { test: "vm::pages_are_copied_between_regions", cpus: 1 },
    },
    Bite {
        name: "vm-overhead-stays",
        breaks: "never gives back what a region costs besides its pages",
        judge: Judge::Kernel { test: "vm::accounts_come_back_exactly", cpus: 1 },
    },
    Bite {
        name: "msg-no-inheritance",
        breaks: "leaves a server its own priority whoever calls it",
        judge: Judge::System("schedules.no-unbounded-inversion"),
    },
    Bite {
        name: "ports-stay",
        breaks: "leaves a space's I/O ports open to the next space that has any",
        judge: Judge::Kernel { test: "user::ports_are_open_to_the_space_that_has_them", cpus: 1 },
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
