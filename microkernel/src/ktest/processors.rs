//! All CPUs run, answer, and sleep without losing a wake-up.

use core::sync::atomic::{AtomicU64, Ordering};

use microkernel_core::acpi::CpuState;

use super::{Context, Held, Verdict};
use crate::arch::cpu;
use crate::time::clock;
use crate::{check, crossbar, ktest, percpu, start};

ktest!(all_announced_cpus_run, jobs_reach_every_cpu, no_wake_up_is_lost_before_sleep);

fn all_announced_cpus_run(_: &Context) -> Verdict {
    let Some(machine) = start::machine() else { return Ok(Held::Skipped("not booted")) };
    let enabled =
        machine.platform.cpus.iter().filter(|entry| entry.state == CpuState::Enabled).count().max(1);
    check!(percpu::count() == enabled, "{} of {enabled} CPUs run", percpu::count());
    let mut seen = alloc::collections::BTreeSet::new();
    for cpu in percpu::all() {
        check!(seen.insert(cpu.apic_id()), "two CPUs have APIC ID {}", cpu.apic_id());
    }
    Ok(Held::Passed)
}

static VISITS: AtomicU64 = AtomicU64::new(0);
static WRONG: AtomicU64 = AtomicU64::new(0);

fn be_visited([expected, ..]: [u64; 3]) {
    if percpu::this().id().index() as u64 != expected {
        WRONG.fetch_add(1, Ordering::AcqRel);
    }
    VISITS.fetch_add(1, Ordering::AcqRel);
}

/// Hands a job to `target` and waits for its end; false if it did not come.
fn visit(target: &percpu::PerCpu) -> bool {
    let before = VISITS.load(Ordering::Acquire);
    crossbar::at(target.id(), be_visited, [target.id().index() as u64, 0, 0]);
    let limit = clock::now().0 + 60_000_000_000;
    while VISITS.load(Ordering::Acquire) == before && clock::now().0 < limit {
        cpu::pause();
    }
    VISITS.load(Ordering::Acquire) == before + 1
}

fn jobs_reach_every_cpu(context: &Context) -> Verdict {
    WRONG.store(0, Ordering::Release);
    for _ in 0..context.rounds(1000) {
        for target in percpu::all().skip(1) {
            check!(visit(target), "CPU {} did not do its job", target.id().index());
        }
    }
    check!(WRONG.load(Ordering::Acquire) == 0, "a job ran on the wrong CPU");
    Ok(Held::Passed)
}

/// A job that answers by waking the boot CPU, which may be about to sleep just then.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

fn note(_: [u64; 3]) {
    ANSWERED.fetch_add(1, Ordering::AcqRel);
}

fn answer(_: [u64; 3]) {
    if let Some(boot) = percpu::get(percpu::CpuId::BOOT) {
        crossbar::at(boot.id(), note, [0; 3]);
    }
}

fn no_wake_up_is_lost_before_sleep(context: &Context) -> Verdict {
    let Some(other) = percpu::all().nth(1) else { return Ok(Held::Skipped("needs two CPUs")) };
    for round in 0..context.rounds(20_000) {
        let before = ANSWERED.load(Ordering::Acquire);
        crossbar::at(other.id(), answer, [0; 3]);
        // Spread the moment of going to sleep over the time that the answer takes.
        for _ in 0..round % 97 {
            cpu::pause();
        }
        cpu::disable_interrupts();
        while ANSWERED.load(Ordering::Acquire) == before {
            // A lost wake-up sleeps here for ever; the tool's time limit then names this test.
            crossbar::poll();
            if !crossbar::is_rung(percpu::this()) && ANSWERED.load(Ordering::Acquire) == before {
                cpu::wait_for_interrupt();
            }
        }
        cpu::enable_interrupts();
    }
    Ok(Held::Passed)
}
