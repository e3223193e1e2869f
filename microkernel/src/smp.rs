//! Bringing up all CPUs.

use alloc::boxed::Box;

use arrayvec::ArrayVec;
use microkernel_core::acpi::{CpuState, Lint, Platform};
use microkernel_core::clock::Questions;
use microkernel_core::runqueue::Priority;
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::apic;
use crate::arch::cpu::{self, Features, timestamp};
use crate::arch::descriptors::CpuTables;
use crate::arch::trampoline::Trampoline;
use crate::console::Ring;
use crate::lwkt;
use crate::mm::frames::NodeId;
use crate::mm::stack;
use crate::percpu::{self, CpuId, MAX_CPUS, PerCpu};
use crate::time::clock::{self, Nanos};
use crate::time::timer;

/// How long a CPU may take to say that it runs.
const PATIENCE: Nanos = Nanos(2_000_000_000);

/// Why a CPU was not started that may still come.
const SILENT: &str = "it does not answer";

/// What a newcomer needs, handed over by address.
struct Newcomer {
    data: &'static PerCpu,
    tables: &'static mut CpuTables,
    interrupt_stacks: [VirtAddr; 5],
    stack: VirtAddr,
    features: Features,
    nmi_pin: Option<Lint>,
}

/// By which the boot CPU and a newcomer compare their time-stamp counters.
static QUESTIONS: Questions = Questions::new();

/// Starts every CPU that `platform` names besides this one; those that do not answer are reported and left out.
pub(crate) fn start_all(platform: &Platform, features: &Features, trampoline_page: Option<PhysAddr>) {
    let own = percpu::this().apic_id();
    let enabled = platform.cpus.iter().filter(|entry| entry.state == CpuState::Enabled);
    let others = enabled.filter(|entry| entry.apic_id != own).take(MAX_CPUS - 1);
    let others: ArrayVec<_, MAX_CPUS> = others.collect();
    if others.is_empty() {
        return;
    }
    let Some(page) = trampoline_page else {
        log::warn!("no free page below 1 MiB: {} CPUs are not started", others.len());
        return;
    };
    // SAFETY: the page was found free and reserved for this.
    let mut trampoline = unsafe { Trampoline::install(page) };
    for entry in &others {
        apic::send_init(entry.apic_id);
    }
    // Intel SDM volume 3A, section 9.4.4.1: 10 ms between INIT and the start-up message.
    clock::spin(Nanos(10_000_000));
    for entry in others {
        let index = percpu::count();
        let nmi_pin = platform.nmi_pin(entry.uid);
        let started = CpuId::new(index)
            .ok_or("the kernel has no room for it")
            .and_then(|id| newcomer(id, entry.apic_id, NodeId::new(entry.node as usize), features, nmi_pin))
            .and_then(|newcomer| start_one(&mut trampoline, newcomer));
        if let Err(error) = started {
            log::warn!("CPU with APIC ID {} was not started: {error}", entry.apic_id);
            if error == SILENT {
                // It may still come and would read a form meant for the next.
                log::warn!("no further CPUs are started");
                return;
            }
        }
    }
}

fn newcomer(
    id: CpuId,
    apic_id: u32,
    node: NodeId,
    features: &Features,
    nmi_pin: Option<Lint>,
) -> Result<Newcomer, &'static str> {
    let stack = || stack::make().map_err(|_| "no memory");
    let interrupt_stacks = [stack()?, stack()?, stack()?, stack()?, stack()?];
    let own_stack = stack()?;
    let thread = lwkt::adopt("idle", id, || Ok(own_stack), Priority::IDLE).map_err(|_| "no memory")?;
    let ring: &'static Ring = Box::leak(Box::new(Ring::new()));
    let data: &'static PerCpu = Box::leak(Box::new(PerCpu::new(id, thread, ring)));
    data.place(apic_id, node);
    let tables = Box::leak(Box::new(CpuTables::new()));
    Ok(Newcomer { data, tables, interrupt_stacks, stack: stack()?, features: *features, nmi_pin })
}

fn start_one(trampoline: &mut Trampoline, newcomer: Newcomer) -> Result<(), &'static str> {
    let (id, apic_id, top) = (newcomer.data.id(), newcomer.data.apic_id(), newcomer.stack);
    let argument = Box::into_raw(Box::new(newcomer)).expose_provenance() as u64;
    trampoline.prepare(top, argument, on_new_cpu);
    let up = || percpu::get(id).is_some();
    // The second start-up message is for CPUs that missed the first.
    for patience in [Nanos(1_000_000), PATIENCE] {
        if !up() {
            apic::send_start_up(apic_id, trampoline.page());
        }
        let end = clock::now().0 + patience.0;
        while !up() && clock::now().0 < end {
            cpu::pause();
        }
    }
    if !up() {
        return Err(SILENT);
    }
    let (before, give_up) = (clock::source(), clock::now().0 + PATIENCE.0);
    let source = clock::judge(QUESTIONS.ask(timestamp, || {
        cpu::pause();
        clock::now().0 > give_up
    }));
    if source != before {
        log::warn!("CPU {}'s time-stamp counter disagrees: the clock is now {source:?}", id.index());
    }
    Ok(())
}

/// The first Rust that a further CPU runs, on its own stack and the kernel's tables.
extern "C" fn on_new_cpu(argument: u64) -> ! {
    // SAFETY: `start_one` leaked this box for exactly one CPU: this one.
    let newcomer =
        unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<Newcomer>(argument as usize)) };
    let Newcomer { data, tables, interrupt_stacks, stack, features, nmi_pin } = *newcomer;
    cpu::configure(&features);
    percpu::install(data);
    percpu::install_tables(data, tables, interrupt_stacks, stack);
    apic::enable();
    nmi_pin.into_iter().for_each(apic::enable_nmi_pin);
    timer::prepare();
    let mark = QUESTIONS.mark();
    percpu::announce(data);
    QUESTIONS.answer(mark, timestamp, cpu::pause);
    log::debug!("CPU {} runs, APIC ID {}, node {}", data.id().index(), data.apic_id(), data.node().index());
    data.scheduler.idle.set(Some(data.thread().index));
    lwkt::idle()
}
