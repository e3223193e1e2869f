//! Threads scheduled in user-land: what Table I costs where no kernel is entered.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_sys::Error;
use anax_uthread::{Memory, Priority, QueueIndex, Stacks, VirtualCpu};

use crate::bench::{COUNT, ROUNDS, best, report_marked, verify};

const ALL: u64 = COUNT * (ROUNDS as u64 + 1);
const QUEUE: [QueueIndex; 2] = [QueueIndex(0), QueueIndex(1)];

static MEMORY: Memory<3, 2> = Memory::new();
/// What was measured, or what no figure is.
static FIGURE: AtomicU64 = AtomicU64::new(u64::MAX);
static TURNS: AtomicU64 = AtomicU64::new(0);
static STOP: AtomicU64 = AtomicU64::new(0);

fn turn() {
    TURNS.store(TURNS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn block(cpu: &VirtualCpu, queue: QueueIndex) {
    if let Ok(seen) = cpu.lwkt_generation(queue) {
        let _ = cpu.lwkt_block(queue, seen);
    }
}

fn signal(cpu: &VirtualCpu, queue: QueueIndex) -> u64 {
    cpu.lwkt_signal(queue, 1).map_or(0, |woken| woken as u64)
}

/// One thread that measures, and the one that it measures with, which is to see `ALL` turns.
fn between(
    cpu: &'static VirtualCpu,
    measure: impl FnOnce(&'static VirtualCpu) -> Result<u64, Error> + 'static,
    other: fn(&VirtualCpu),
) -> Result<u64, Error> {
    for word in [&TURNS, &STOP] {
        word.store(0, Ordering::Relaxed);
    }
    FIGURE.store(u64::MAX, Ordering::Relaxed);
    let measuring = move |cpu: &'static VirtualCpu| {
        FIGURE.store(measure(cpu).unwrap_or(u64::MAX), Ordering::Relaxed);
        STOP.store(1, Ordering::Relaxed);
        signal(cpu, QUEUE[1]);
    };
    let other = move |cpu: &'static VirtualCpu| {
        while STOP.load(Ordering::Relaxed) == 0 {
            other(cpu);
        }
    };
    cpu.lwkt_create(Priority::USER_NORMAL, measuring).map_err(|_| Error::Full)?;
    cpu.lwkt_create(Priority::USER_NORMAL, other).map_err(|_| Error::Full)?;
    let mut waits = 0;
    cpu.run(|_| {
        waits += 1;
        anax_uthread::Idle::Stop
    });
    verify(waits, 0)?;
    verify(TURNS.load(Ordering::Relaxed), ALL)?;
    match FIGURE.load(Ordering::Relaxed) {
        u64::MAX => Err(Error::PeerMisbehaved),
        figure => Ok(figure),
    }
}

pub(crate) fn all() -> Result<(), Error> {
    let cpu = MEMORY.claim(Stacks::guarded(3, 16 * 1024)?).map_err(|_| Error::Full)?;
    let yields = |cpu: &'static VirtualCpu| {
        best::<20>(COUNT, |_| {
            cpu.lwkt_yield();
            1
        })
    };
    let round = between(cpu, yields, |cpu| {
        turn();
        cpu.lwkt_yield();
    })?;
    report_marked::<20>("uthread.switch", round / 2, 2 * COUNT);
    let wakes = |cpu: &'static VirtualCpu| {
        // The other one is to sleep first.
        cpu.lwkt_yield();
        best::<21>(COUNT, |_| {
            let woken = signal(cpu, QUEUE[1]);
            block(cpu, QUEUE[0]);
            woken
        })
    };
    let round = between(cpu, wakes, |cpu| {
        block(cpu, QUEUE[1]);
        if STOP.load(Ordering::Relaxed) == 0 {
            turn();
            signal(cpu, QUEUE[0]);
        }
    })?;
    report_marked::<21>("uthread.signal_block", round / 2, 2 * COUNT);
    let creates = |cpu: &'static VirtualCpu| {
        // A more urgent thread, which has run to its end when the call returns.
        best::<22>(COUNT, |_| cpu.lwkt_create(Priority::DAEMON, |_| turn()).is_ok().into())
    };
    let figure = between(cpu, creates, |_| ())?;
    report_marked::<22>("uthread.create_exit", figure, COUNT);
    Ok(())
}
