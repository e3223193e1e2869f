//! Interrupts of devices: vectors come and go, lines and messages reach their CPU, a shared line waits for everybody, and a
//! source that goes wild is held back.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anax_abi::Error;
use microkernel_core::acpi::{Polarity, Trigger, Wiring};
use microkernel_core::interrupts::{Livelock, Rate, Standing};
use x86_64::instructions::port::Port;
use x86_64::{PhysAddr, VirtAddr};

use super::{Broken, Context, Held, Verdict};
use crate::arch::cpu::{self, InterruptsOff};
use crate::arch::io_apic::Gate;
use crate::arch::msi::Kind;
use crate::arch::{apic, msi};
use crate::irq::{self, Irq, State, VECTORS};
use crate::mm::{frames, window};
use crate::percpu::{self, PerCpu};
use crate::time::clock::{self, Nanos};
use crate::{check, crossbar, ktest, start};

ktest!(
    vectors_are_used_again,
    arrivals_are_counted_until_the_answer,
    a_line_reaches_its_cpu_unless_disabled,
    a_shared_line_waits_for_everybody,
    the_dead_answer_when_fenced,
    messages_reach_their_cpu,
    a_table_entry_is_programmed_and_masked,
    a_capability_is_programmed_and_switched,
    a_wild_source_is_told_from_the_timer,
    a_budget_is_kept,
);

/// Runs `job` on `cpu` in an interrupt and returns what it does.
fn on<R: Send>(cpu: &PerCpu, job: impl FnOnce() -> R + Send) -> R {
    static DONE: AtomicBool = AtomicBool::new(false);
    let (mut job, mut result) = (Some(job), None);
    let mut run = || result = job.take().map(|job| job());
    let mut run: &mut dyn FnMut() = &mut run;
    let call = |[run, ..]: [u64; 3]| {
        // SAFETY: the sender keeps it and its hands off it until `DONE` is set; only the thread of the tests sends.
        let run = unsafe { &mut *core::ptr::with_exposed_provenance_mut::<&mut dyn FnMut()>(run as usize) };
        run();
        DONE.store(true, Ordering::Release);
    };
    DONE.store(false, Ordering::Release);
    crossbar::at(cpu.id(), call, [(&raw mut run).expose_provenance() as u64, 0, 0]);
    while !DONE.load(Ordering::Acquire) {
        cpu::pause();
    }
    result.expect("the job has run")
}

fn wait_until(condition: impl Fn() -> bool) -> bool {
    let limit = clock::now().0 + 60_000_000_000;
    while !condition() && clock::now().0 < limit {
        cpu::pause();
    }
    condition()
}

fn refused(error: Error) -> Broken {
    Broken(alloc::format!("no interrupt: {error:?}"))
}

/// Arrivals told, and how often somebody was told.
static ARRIVALS: AtomicU64 = AtomicU64::new(0);
static TOLD: AtomicU64 = AtomicU64::new(0);
/// Told on another CPU than the subscription's home.
static ASTRAY: AtomicU64 = AtomicU64::new(0);
/// Who is told answers at once, so many times.
static ANSWERS: AtomicU64 = AtomicU64::new(0);

/// Forgets what was told. From now on nobody answers by himself.
fn reset() {
    reset_answering(0);
}

/// As [`reset`], but from now on who is told answers at once, so many times.
fn reset_answering(answers: u64) {
    ANSWERS.store(0, Ordering::Release);
    for word in [&ARRIVALS, &TOLD, &ASTRAY] {
        word.store(0, Ordering::Release);
    }
    ANSWERS.store(answers, Ordering::Release);
}

fn note(irq: &'static Irq, arrivals: u64) {
    use crate::object::Object;
    ASTRAY.fetch_add(u64::from(irq.header().home() != percpu::this().id()), Ordering::AcqRel);
    ARRIVALS.fetch_add(arrivals, Ordering::AcqRel);
    if TOLD.fetch_add(1, Ordering::AcqRel) < ANSWERS.load(Ordering::Acquire) {
        irq.acknowledge();
    }
}

fn told() -> u64 {
    TOLD.load(Ordering::Acquire)
}

fn vectors_are_used_again(context: &Context) -> Verdict {
    let before = irq::in_use();
    for cpu in percpu::all() {
        for _ in 0..context.rounds(100) {
            let verdict = on(cpu, || {
                let all: Vec<_> = (0..).map_while(|n| irq::software(n, Trigger::Edge, note).ok()).collect();
                let full = irq::software(1000, Trigger::Edge, note).err();
                let mut vectors: Vec<_> = all.iter().map(|irq| irq.vector()).collect();
                vectors.sort_unstable();
                vectors.dedup();
                let in_range = vectors.iter().all(|vector| VECTORS.contains(vector));
                // In another order than they were made.
                let (odd, even): (Vec<&'static Irq>, Vec<&'static Irq>) =
                    all.iter().copied().partition(|irq| irq.vector() % 2 == 1);
                odd.into_iter().chain(even).for_each(|irq| irq.set(State::Ended));
                (vectors.len(), full, in_range)
            });
            let expected = (VECTORS.count(), Some(Error::Full), true);
            check!(verdict == expected, "{verdict:?} instead of {expected:?}");
        }
    }
    check!(irq::in_use() == before, "{} sources are still in use", irq::in_use() - before);
    Ok(Held::Passed)
}

fn arrivals_are_counted_until_the_answer(context: &Context) -> Verdict {
    for cpu in percpu::all() {
        reset();
        let irq = on(cpu, || irq::software(1, Trigger::Edge, note)).map_err(refused)?;
        let raise = || {
            let before = cpu.interrupts.handled();
            apic::send(cpu.apic_id(), irq.vector());
            wait_until(|| cpu.interrupts.handled() > before)
        };
        check!(raise() && told() == 0, "told while disabled");
        on(cpu, || irq.set(State::Enabled));
        let rounds = context.rounds(100);
        for round in 1..=rounds {
            // The first is told; those that come until the answer are told together with it.
            check!(raise() && wait_until(|| told() == 2 * round - 1), "round {round}: told {} times", told());
            on(cpu, || {
                for _ in 0..3 {
                    irq::serve(irq.vector());
                }
            });
            check!(told() == 2 * round - 1, "told again before the answer");
            on(cpu, || irq.acknowledge());
            check!(told() == 2 * round, "what came meanwhile is not told");
            on(cpu, || irq.acknowledge());
            on(cpu, || irq.acknowledge());
        }
        let arrivals = ARRIVALS.load(Ordering::Acquire);
        check!(arrivals == 4 * rounds, "{arrivals} arrivals of {} were told", 4 * rounds);
        check!(ASTRAY.load(Ordering::Acquire) == 0, "told on the wrong CPU");
        on(cpu, || irq.set(State::Ended));
        let before = cpu.interrupts.unexpected();
        check!(
            raise() && wait_until(|| cpu.interrupts.unexpected() == before + 1),
            "a free vector is served"
        );
    }
    Ok(Held::Passed)
}

/// The interval timer's channel 0 interrupts every `microseconds`, or never again.
fn set_pit(microseconds: Option<u32>) {
    // SAFETY: channel 0 of the PIT, which the kernel does not use; mode 2 with a divisor, or mode 0 without one, which waits.
    unsafe {
        match microseconds {
            Some(period) => {
                let [low, high, ..] = (period * 1193 / 1000).to_le_bytes();
                Port::<u8>::new(0x43).write(0x34);
                Port::<u8>::new(0x40).write(low);
                Port::<u8>::new(0x40).write(high);
            }
            None => Port::<u8>::new(0x43).write(0x30),
        }
    }
}

fn a_line_reaches_its_cpu_unless_disabled(context: &Context) -> Verdict {
    let Some(machine) = start::machine() else { return Ok(Held::Skipped("not booted")) };
    let Some(line) = machine.platform.overrides.iter().find(|line| line.irq == 0) else {
        return Ok(Held::Skipped("not known where the PIT's line is"));
    };
    // Firmware knows better.
    let wiring = Wiring { trigger: Trigger::Level, polarity: Polarity::Low };
    check!(irq::line(9999, wiring, note).err() == Some(Error::BadArgument), "a line that no IO-APIC has");
    let wanted = context.rounds(300);
    for cpu in percpu::all() {
        reset_answering(u64::MAX);
        let irq = on(cpu, || irq::line(line.gsi, wiring, note)).map_err(refused)?;
        check!(irq.is_masked() == Some(true), "open before it is enabled");
        set_pit(Some(1000));
        for half in 1..=2 {
            check!(told() <= half * wanted, "told while disabled");
            on(cpu, || irq.set(State::Enabled));
            let came = wait_until(|| told() >= half * wanted);
            on(cpu, || irq.set(State::Disabled));
            check!(came, "{} of {wanted} interrupts came", told());
            let seen = (told(), irq.is_masked());
            check!(seen.1 == Some(true), "open although disabled");
            // Ten of its periods.
            clock::spin(Nanos(10_000_000));
            check!(told() == seen.0, "{} interrupts came while disabled", told() - seen.0);
            TOLD.store(half * wanted, Ordering::Release);
        }
        check!(ASTRAY.load(Ordering::Acquire) == 0, "told on the wrong CPU");
        let another = on(cpu, || irq::line(line.gsi, wiring, note)).err();
        check!(another == Some(Error::Exists), "an edge-triggered line is shared: {another:?}");
        set_pit(None);
        on(cpu, || irq.set(State::Ended));
    }
    Ok(Held::Passed)
}

/// The HPET's timer 0 as a device that pulls a level-triggered line until its status bit is cleared.
struct Device {
    registers: VirtAddr,
    gsi: u32,
}

impl Device {
    const CONFIGURATION: u64 = 0x10;
    const STATUS: u64 = 0x20;
    const COUNTER: u64 = 0xf0;
    const TIMER: u64 = 0x100;
    const COMPARATOR: u64 = 0x108;

    /// None if the machine has no such line.
    fn find() -> Option<Self> {
        let platform = &start::machine()?.platform;
        let registers = window::device(PhysAddr::new(platform.hpet?.address), 1024).ok()?;
        let mut device = Self { registers, gsi: 0 };
        let lines = (device.read(Self::TIMER) >> 32) as u32;
        device.gsi = (0..32).rev().find(|gsi| lines & 1 << gsi != 0 && platform.wiring(*gsi).is_none())?;
        device.write(Self::CONFIGURATION, device.read(Self::CONFIGURATION) | 1);
        Some(device)
    }

    fn read(&self, register: u64) -> u64 {
        // SAFETY: a register of the HPET; only its timers, which the kernel does not use, are changed below.
        unsafe { (self.registers + register).as_ptr::<u64>().read_volatile() }
    }

    fn write(&self, register: u64, value: u64) {
        // SAFETY: as above.
        unsafe { (self.registers + register).as_mut_ptr::<u64>().write_volatile(value) }
    }

    /// Pulls the line soon.
    fn pull(&self) {
        self.quiet();
        self.write(Self::TIMER, u64::from(self.gsi) << 9 | 1 << 2 | 1 << 1);
        self.write(Self::COMPARATOR, self.read(Self::COUNTER) + 10_000);
    }

    /// Lets the line go.
    fn quiet(&self) {
        // First of all: QEMU lets go of the line that the timer is led to at that moment.
        self.write(Self::STATUS, 1);
        self.write(Self::TIMER, u64::from(self.gsi) << 9);
        // It may have fired between the two: QEMU does so when it is enabled with an old comparator, and again at the new one.
        self.write(Self::STATUS, 1);
    }
}

const LEVEL: Wiring = Wiring { trigger: Trigger::Level, polarity: Polarity::High };

/// The device, and two enabled subscribers of its line on `cpu`.
fn shared(cpu: &PerCpu) -> Result<Option<(Device, [&'static Irq; 2])>, Broken> {
    let Some(device) = Device::find() else { return Ok(None) };
    let gsi = device.gsi;
    let subscribe = || irq::line(gsi, LEVEL, note).inspect(|irq| irq.set(State::Enabled));
    let subscribers = on(cpu, || Ok([subscribe()?, subscribe()?])).map_err(refused)?;
    check!(subscribers[0].vector() == subscribers[1].vector(), "one line has two vectors");
    reset();
    Ok(Some((device, subscribers)))
}

fn a_shared_line_waits_for_everybody(context: &Context) -> Verdict {
    for cpu in percpu::all() {
        let Some((device, [a, b])) = shared(cpu)? else { return Ok(Held::Skipped("no HPET")) };
        for round in 0..context.rounds(50) {
            reset();
            check!(a.is_masked() == Some(false), "round {round}: masked without reason");
            device.pull();
            check!(wait_until(|| told() == 2), "round {round}: {} were told", told());
            check!(a.is_masked() == Some(true), "open although nobody has answered");
            on(cpu, || a.acknowledge());
            check!(a.is_masked() == Some(true), "open although one has not answered");
            on(cpu, || a.acknowledge());
            check!(a.is_masked() == Some(true) && told() == 2, "answered twice for the other");
            // The device still pulls: with the last answer it all begins again.
            on(cpu, || b.acknowledge());
            check!(wait_until(|| told() == 4), "round {round}: {} were told again", told());
            device.quiet();
            on(cpu, || b.acknowledge());
            on(cpu, || a.acknowledge());
        }
        check!(ASTRAY.load(Ordering::Acquire) == 0, "told on the wrong CPU");
        let edge = Wiring { trigger: Trigger::Edge, ..LEVEL };
        let edge = on(cpu, || irq::line(device.gsi, edge, note)).err();
        check!(edge == Some(Error::Exists), "a line of two kinds: {edge:?}");
        if let Some(other) = percpu::all().find(|other| other.id() != cpu.id()) {
            let elsewhere = on(other, || irq::line(device.gsi, LEVEL, note)).err();
            check!(elsewhere == Some(Error::Exists), "a line on two CPUs: {elsewhere:?}");
        }
        answered_as_told(cpu, &device, [a, b])?;
        on(cpu, || a.set(State::Ended));
        check!(b.is_masked() == Some(false), "masked by the end of the other");
        on(cpu, || b.set(State::Ended));
    }
    Ok(Held::Passed)
}

/// The shared line, open and at rest, as it is once more in the end, while its subscribers answer as they are told.
fn answered_as_told(cpu: &PerCpu, device: &Device, [a, b]: [&'static Irq; 2]) -> Result<(), Broken> {
    /// Interrupts that both answer as they are told while the device pulls: more than may come in a window of the livelock limit. They
    /// have an end, or the tests' own CPU would do nothing else where each takes so long that the limit is never reached.
    const STORM: u64 = 500;
    // One that answers as it is told does not open the line for the other.
    reset_answering(1);
    device.pull();
    check!(wait_until(|| told() >= 2), "{} were told", told());
    check!(a.is_masked() == Some(true), "opened by who was told first");
    device.quiet();
    on(cpu, || [a.acknowledge(), b.acknowledge()]);
    check!(told() == 2, "{} were told before both had answered", told());
    check!(a.is_at_rest() == Some(true), "masked although both have answered, one as it was told");
    // Both do, again and again.
    reset_answering(2 * STORM);
    device.pull();
    check!(wait_until(|| told() == 2 * STORM + 2), "{} were told in a storm", told());
    check!(a.is_masked() == Some(true), "open although nobody has answered the last");
    // When the device lets go, an interrupt of the open line may be under way, and mask it once more: here one is, since the CPU takes
    // none before the job is done. So that the line is open says nothing of the next moment; that it is at rest does.
    reset_answering(u64::MAX);
    let under_way = on(cpu, || {
        a.acknowledge();
        b.acknowledge();
        let under_way = wait_until(|| a.is_masked() == Some(false) && a.is_at_rest() == Some(false));
        device.quiet();
        under_way
    });
    check!(under_way, "the line has not opened with the last answer, or does not interrupt");
    check!(wait_until(|| a.is_at_rest() == Some(true)), "masked although both have answered");
    check!(told() == 2, "of an interrupt that was under way {} were told", told());
    Ok(())
}

fn the_dead_answer_when_fenced(_: &Context) -> Verdict {
    let before = irq::in_use();
    for cpu in percpu::all() {
        let Some((device, [a, b])) = shared(cpu)? else { return Ok(Held::Skipped("no HPET")) };
        device.pull();
        check!(wait_until(|| told() == 2), "{} were told", told());
        device.quiet();
        on(cpu, || b.set(State::Disabled));
        on(cpu, || a.acknowledge());
        check!(a.is_masked() == Some(true), "being disabled counts as an answer");
        on(cpu, || b.acknowledge());
        check!(a.is_masked() == Some(false), "a fence does not count as an answer");
        device.pull();
        check!(wait_until(|| told() == 3), "{} were told, one is disabled", told());
        device.quiet();
        on(cpu, || [a.acknowledge(), b.set(State::Enabled)]);
        device.pull();
        check!(wait_until(|| told() == 5), "{} were told", told());
        device.quiet();
        on(cpu, || b.set(State::Ended));
        on(cpu, || a.acknowledge());
        check!(a.is_masked() == Some(true), "an end counts as an answer");
        on(cpu, || b.acknowledge());
        check!(a.is_masked() == Some(false), "the ended one's fence does not count");
        device.pull();
        check!(wait_until(|| told() == 6), "{} were told, one has ended", told());
        device.quiet();
        // Nobody else is on the line: whatever it does, it does to nobody.
        on(cpu, || a.set(State::Ended));
        check!(irq::in_use() == before, "the line is still in use");
    }
    Ok(Held::Passed)
}

fn messages_reach_their_cpu(context: &Context) -> Verdict {
    let message = msi::message(0x12, 0x34);
    check!(message == msi::Message { address: 0xfee1_2000, data: 0x34 }, "{message:x?}");
    check!(apic::short_id(254) == Some(254), "a reachable CPU");
    check!(apic::short_id(255).is_none() && apic::short_id(256).is_none(), "an unreachable CPU");
    // TCGT: that emulator takes what a CPU writes there for a device's message; a real CPU's goes to its own local APIC.
    if cpu::cpuid(0x4000_0000, 0)[1] != u32::from_le_bytes(*b"TCGT") || apic::is_x2apic() {
        return Ok(Held::Skipped("no device to send messages"));
    }
    for cpu in percpu::all() {
        reset_answering(u64::MAX);
        let subscribe = || {
            let irq = irq::software(2, Trigger::Edge, note)?;
            irq.set(State::Enabled);
            Ok(irq)
        };
        let irq = on(cpu, subscribe).map_err(refused)?;
        let target = apic::short_id(cpu.apic_id()).expect("it has subscribed");
        let message = msi::message(target, irq.vector());
        let address =
            window::device(PhysAddr::new(message.address), 4).map_err(|_| Broken("no window".into()))?;
        for sent in 1..=context.rounds(300) {
            // SAFETY: an interrupt for a vector with a handler.
            unsafe { address.as_mut_ptr::<u32>().write_volatile(message.data) };
            check!(wait_until(|| told() == sent), "message {sent} did not arrive");
        }
        check!(ASTRAY.load(Ordering::Acquire) == 0, "told on the wrong CPU");
        on(cpu, || irq.set(State::Ended));
    }
    Ok(Held::Passed)
}

fn a_table_entry_is_programmed_and_masked(_: &Context) -> Verdict {
    let mut table = Box::new([0xaaaa_aaa0u32; 12]);
    // SAFETY: the second entry of a table of three, that outlives its use; it is read below as it stands then.
    let entry = unsafe { msi::entry_at(VirtAddr::from_ptr(&raw mut table[4]), Kind::Table) };
    let word = |index: usize| {
        // SAFETY: within the table.
        unsafe { (&raw const table[0]).add(index).read_volatile() }
    };
    entry.set(Gate::Masked);
    entry.program(msi::message(3, 0x77));
    let seen = [word(4), word(5), word(6), word(7)];
    check!(seen == [0xfee0_3000, 0, 0x77, 0xaaaa_aaa1], "{seen:x?}");
    entry.set(Gate::Open);
    check!(word(7) == 0xaaaa_aaa0, "{:x}", word(7));
    entry.set(Gate::Masked);
    check!(word(7) == 0xaaaa_aaa1, "{:x}", word(7));
    check!(
        [0, 1, 2, 3, 8, 9, 10, 11].iter().all(|&index| word(index) == 0xaaaa_aaa0),
        "other entries changed"
    );
    table.fill(0);
    // Memory, in which the kernel itself may lie, is no table.
    let memory = frames::take_zeroed().ok_or(Broken("no frame".into()))?;
    for address in [memory, PhysAddr::new(0x10_0000)] {
        let refused = irq::message(address.as_u64(), Kind::Table, note).err();
        check!(refused == Some(Error::BadArgument), "{address:?}: {refused:?}");
    }
    // SAFETY: taken above.
    unsafe { frames::give(memory) };
    for (address, entry) in [(0xfe00_0008, 0), (0x000f_ffff_ffff_fff0, 1)] {
        let refused = irq::message(address + entry * msi::ENTRY_SIZE, Kind::Table, note).err();
        check!(refused == Some(Error::BadArgument), "{address:#x}, {entry}: {refused:?}");
    }
    // Nothing answers there on this machine, which is all the same to the kernel: the entry can be had once.
    let entry = |entry: u64| irq::message(0xfd00_0000 + entry * msi::ENTRY_SIZE, Kind::Table, note);
    let (first, second) = (entry(5).map_err(refused)?, entry(5).err());
    check!(second == Some(Error::Exists), "an entry was given twice: {second:?}");
    let neighbour = entry(6).map_err(refused)?;
    // A capability there would be a way to write the table.
    let refused = irq::message(0xfd00_0054, Kind::Capability, note).err();
    check!(refused == Some(Error::BadArgument), "a capability in a table: {refused:?}");
    [first, neighbour].iter().for_each(|irq| irq.set(State::Ended));
    Ok(Held::Passed)
}

fn a_capability_is_programmed_and_switched(_: &Context) -> Verdict {
    const WIDE: u32 = 1 << 23;
    for (head, expected) in
        [(0x0072_5005, [0xfee0_3000, 0x77, 0x33, 0x44]), (0x0072_5005 | WIDE, [0xfee0_3000, 0, 0x77, 0x44])]
    {
        let mut words = Box::new([head, 0x11, 0x22, 0x33, 0x44]);
        // SAFETY: a capability and a word more, that outlives its use; it is read below as it stands then.
        let entry = unsafe { msi::entry_at(VirtAddr::from_ptr(&raw mut words[0]), Kind::Capability) };
        let seen = || {
            // SAFETY: within the words.
            core::array::from_fn::<u32, 5, _>(|index| unsafe {
                (&raw const words[0]).add(index).read_volatile()
            })
        };
        entry.set(Gate::Masked);
        entry.program(msi::message(3, 0x77));
        check!(seen()[1..] == expected, "{:x?}", seen());
        // One message, whatever the device would like; all else in the first word stays.
        check!(seen()[0] == 0x0002_5005 | head & WIDE, "{:x?}", seen());
        entry.set(Gate::Open);
        check!(seen()[0] == 0x0003_5005 | head & WIDE, "{:x?}", seen());
        entry.set(Gate::Masked);
        check!(seen()[0] == 0x0002_5005 | head & WIDE, "{:x?}", seen());
    }
    Ok(Held::Passed)
}

fn a_wild_source_is_told_from_the_timer(_: &Context) -> Verdict {
    for trigger in [Trigger::Edge, Trigger::Level] {
        let irq = irq::software(3, trigger, note).map_err(refused)?;
        reset_answering(u64::MAX);
        irq.set(State::Enabled);
        let off = InterruptsOff::new();
        let mut sent = 0;
        while irq.rate() == Rate::Normal && sent < 1_000_000 {
            irq::serve(irq.vector());
            sent += 1;
        }
        check!(irq.rate() == Rate::Limited, "{sent} arrivals in no time are no storm");
        let before = told();
        check!(before < sent, "all were told");
        for _ in 0..100 {
            irq::serve(irq.vector());
            sent += 1;
        }
        check!(told() == before, "told {} times above the limit", told() - before);
        // The timer that was asked for tells them, all at once.
        drop(off);
        check!(wait_until(|| told() > before), "the timer does not come");
        let off = InterruptsOff::new();
        let arrivals = ARRIVALS.load(Ordering::Acquire);
        check!(arrivals == sent && told() == before + 1, "{arrivals} arrivals of {sent}, told {}", told());
        // Quiet for a while: back to normal, and the timer is not asked for again.
        let mut now = clock::now().0;
        let mut turns = 0;
        while irq.rate() == Rate::Limited && turns < 10_000 {
            irq::poll_deferred(Nanos(now));
            now += Livelock::PERIOD_NS;
            turns += 1;
        }
        check!(irq.rate() == Rate::Normal, "still limited after {turns} quiet turns");
        drop(off);
        irq.set(State::Ended);
    }
    Ok(Held::Passed)
}

fn a_budget_is_kept(_: &Context) -> Verdict {
    const MS: u64 = 1_000_000;
    let irq = irq::software(4, Trigger::Edge, note).map_err(refused)?;
    let now = clock::now().0;
    let first = irq.charge(Nanos(now), Nanos(3 * MS));
    check!(first == Standing::InBand, "fallen after 3 ms");
    let second = irq.charge(Nanos(now), Nanos(2 * MS));
    check!(second == Standing::Fallen, "in the band after 5 ms");
    let later = irq.charge(Nanos(now + 20 * MS), Nanos(0));
    check!(later == Standing::InBand, "still fallen after two windows");
    irq.set(State::Ended);
    Ok(Held::Passed)
}
