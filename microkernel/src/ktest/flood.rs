//! Messages from many threads of every CPU to the next one: how many interrupts that takes.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Flags;
use microkernel_core::runqueue::Priority;
use spin::Mutex;

use super::{Broken, Context, Held, Verdict};
use crate::arch::cpu;
use crate::lwkt::{Start, lwkt_create, lwkt_yield};
use crate::msg::Port;
use crate::msg::table2::{Target, domsg, initport, replymsg, sendmsg, waitport};
use crate::percpu::{self, CpuId, PerCpu};
use crate::{check, ktest};

ktest!(few_interrupts_a_message);

static ENDED: AtomicU64 = AtomicU64::new(0);
static SINKS: Mutex<Vec<&'static Port>> = Mutex::new(Vec::new());
static FLOODED: AtomicU64 = AtomicU64::new(0);
/// Threads on each CPU that flood the next one, and messages that each has under way.
const FLOODERS: usize = 16;
const UNDER_WAY: u32 = 256;
const END: u32 = 7;

fn sink(_: u64) {
    let Ok(port) = initport(0) else { return };
    {
        let _off = cpu::InterruptsOff::new();
        SINKS.lock().push(port);
    }
    while let Ok(request) = waitport(port) {
        let _gone = replymsg(request.number, 0, request.words);
        if request.envelope.command() == END {
            break;
        }
    }
}

fn sink_of(cpu: CpuId) -> Option<&'static Port> {
    let _off = cpu::InterruptsOff::new();
    SINKS.lock().iter().find(|port| port.home() == cpu).copied()
}

/// Sends messages to the next CPU's sink, many at a time, and takes the replies.
fn flood(rounds: u64) {
    let next = CpuId::new((percpu::this().id().index() + 1) % percpu::count()).and_then(sink_of);
    if let (Some(target), Ok(replies)) = (next, initport(UNDER_WAY)) {
        for _ in 0..rounds {
            let send = |_: &u32| sendmsg(Target::of(target), replies, (1, Flags::NONE, 0), [0; 5]).is_ok();
            let sent = (0..UNDER_WAY).take_while(send).count();
            if (0..sent).all(|_| waitport(replies).is_ok()) {
                FLOODED.fetch_add(sent as u64, Ordering::AcqRel);
            }
        }
    }
    ENDED.fetch_add(1, Ordering::AcqRel);
}

/// However many messages are on the way, a CPU that has been told to look is not told again: interrupts a message fall towards none.
fn few_interrupts_a_message(context: &Context) -> Verdict {
    if percpu::count() == 1 {
        return Ok(Held::Skipped("needs two CPUs"));
    }
    let (cpus, rounds) = (percpu::count(), context.rounds(100));
    FLOODED.store(0, Ordering::Release);
    let make = |cpu: &PerCpu, function: fn(u64)| {
        let made = lwkt_create(cpu, "flood", Priority::KERNEL_USER, Start::Now, function, rounds);
        made.map(drop).map_err(|error| Broken(alloc::format!("no thread: {error:?}")))
    };
    for cpu in percpu::all() {
        make(cpu, sink)?;
    }
    let sinks = || {
        let _off = cpu::InterruptsOff::new();
        SINKS.lock().len()
    };
    while sinks() < cpus {
        lwkt_yield();
    }
    let totals = || {
        let each = percpu::all().map(|cpu| cpu.inbound.totals());
        each.fold((0, 0), |sum, (counters, interrupts)| (sum.0 + counters.sent, sum.1 + interrupts))
    };
    let once = || {
        let before = totals();
        ENDED.store(0, Ordering::Release);
        for cpu in percpu::all() {
            for _ in 0..FLOODERS {
                make(cpu, flood)?;
            }
        }
        while ENDED.load(Ordering::Acquire) < (cpus * FLOODERS) as u64 {
            lwkt_yield();
        }
        let after = totals();
        let (messages, sent, interrupts) =
            (FLOODED.swap(0, Ordering::AcqRel), after.0 - before.0, after.1 - before.1);
        log::info!("flood: {messages} messages, {sent} calls, {interrupts} interrupts");
        Ok((sent, interrupts))
    };
    // A host with fewer CPUs stops some of these now and then, which then sleep: the best of a few counts.
    let mut tried = [once()?; 4];
    for again in &mut tried[1..] {
        *again = once()?;
    }
    for port in percpu::all().filter_map(|cpu| sink_of(cpu.id())) {
        domsg(Target::of(port), END, Flags::NONE, [0; 5])
            .map_err(|error| Broken(alloc::format!("{error}")))?;
    }
    {
        let _off = cpu::InterruptsOff::new();
        SINKS.lock().clear();
    }
    // Hundredths of an interrupt a message: at most 5.
    let few = tried.iter().any(|(sent, interrupts)| interrupts * 100 <= sent * 5);
    check!(few, "interrupts, of so many calls: {tried:?}");
    Ok(Held::Passed)
}
