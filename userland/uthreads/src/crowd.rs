//! Among themselves: turns, ping-pong, critical sections. The kernel is not entered at all.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_sys::{Error, log};
use anax_uthread::{Priority, QueueIndex};

use crate::{Machinery, QUEUES, THREADS, block, refused};

const TURNS: u64 = 200;
const PAIRS: usize = QUEUES / 2;

static COUNTS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
/// The widest that equals have been apart.
static SPREAD: AtomicU64 = AtomicU64::new(0);

/// Only threads of the virtual CPU write these: no locked instruction.
fn add(count: &AtomicU64) -> u64 {
    let next = count.load(Ordering::Relaxed) + 1;
    count.store(next, Ordering::Relaxed);
    next
}

fn sum() -> u64 {
    COUNTS.iter().map(|count| count.swap(0, Ordering::Relaxed)).sum()
}

/// As many threads as there are stacks take turns; nobody is ever more than a turn ahead.
pub(crate) fn turns(machinery: Machinery) -> Result<bool, Error> {
    for own in &COUNTS {
        machinery
            .cpu
            .lwkt_create(Priority::USER_NORMAL, |cpu| {
                for _ in 0..TURNS {
                    let turn = add(own);
                    let others = COUNTS.iter().map(|count| count.load(Ordering::Relaxed).abs_diff(turn));
                    SPREAD.fetch_max(others.max().unwrap_or(0), Ordering::Relaxed);
                    cpu.lwkt_yield();
                }
            })
            .map_err(refused)?;
    }
    let full = machinery.cpu.lwkt_create(Priority::USER_NORMAL, |_| ()) == Err(anax_uthread::Error::NoRoom);
    let waits = machinery.run()?;
    let (turns, spread) = (sum(), SPREAD.load(Ordering::Relaxed));
    log!(
        "uthreads: {THREADS} threads took {turns} turns, {spread} apart at most; {waits} waits in the kernel"
    );
    Ok(full && turns == TURNS * THREADS as u64 && spread == 1 && waits == 0)
}

/// Pairs that wake each other, each thread by a queue of its own.
pub(crate) fn pairs(machinery: Machinery) -> Result<bool, Error> {
    for pair in 0..PAIRS as u16 {
        let queues = [QueueIndex(2 * pair), QueueIndex(2 * pair + 1)];
        for side in [0, 1] {
            let (own, other) = (queues[side], queues[1 - side]);
            machinery
                .cpu
                .lwkt_create(Priority::USER_NORMAL, move |cpu| {
                    for _ in 0..TURNS {
                        // The one sleeps before the other one, which came later, wakes it.
                        if side == 0 {
                            block(cpu, own);
                        }
                        add(&COUNTS[usize::from(own.0)]);
                        let _ = cpu.lwkt_signal(other, 1);
                        if side == 1 {
                            block(cpu, own);
                        }
                    }
                })
                .map_err(refused)?;
        }
    }
    let waits = machinery.run()?;
    let turns = sum();
    log!("uthreads: {PAIRS} pairs woke each other {turns} times; {waits} waits in the kernel");
    Ok(turns == 2 * TURNS * PAIRS as u64 && waits == 0)
}

/// A more urgent thread that is woken waits for the end of the section, and no longer.
pub(crate) fn sections(machinery: Machinery) -> Result<bool, Error> {
    let queue = QueueIndex(0);
    machinery
        .cpu
        .lwkt_create(Priority::DAEMON, move |cpu| {
            for _ in 0..TURNS {
                block(cpu, queue);
                add(&COUNTS[0]);
            }
        })
        .map_err(refused)?;
    machinery
        .cpu
        .lwkt_create(Priority::USER_NORMAL, move |cpu| {
            for turn in 0..TURNS {
                cpu.crit_enter();
                let _ = cpu.lwkt_signal(queue, 1);
                let inside = COUNTS[0].load(Ordering::Relaxed) == turn;
                cpu.crit_exit();
                if inside && COUNTS[0].load(Ordering::Relaxed) == turn + 1 {
                    add(&COUNTS[1]);
                }
            }
        })
        .map_err(refused)?;
    let waits = machinery.run()?;
    let turns = sum();
    log!("uthreads: {} sections deferred a more urgent thread", turns / 2);
    Ok(turns == 2 * TURNS && waits == 0)
}
