//! Work that another thread of the kernel's gives out, by signals: most find the virtual CPU awake and need no trap.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_sys::object::{Channel, RegionKind, Space, Thread};
use anax_sys::{Error, Handle, Port, log};
use anax_uthread::{Priority, QueueIndex, Waker};

use crate::{MEMORY, Machinery, QUEUES, refused, start};

const WORK: u64 = 20_000;
/// So many pieces are given out before the giver waits until all are done; then the virtual CPU sleeps.
const BURST: u64 = 500;
const PAGE: u64 = 4096;

static GIVEN: [AtomicU64; QUEUES] = [const { AtomicU64::new(0) }; QUEUES];
static DONE: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);
/// The giver's own end of the channel by which it is told that a burst is done.
static TOLD_BY: AtomicU64 = AtomicU64::new(0);

/// Gives out work, and rings by this channel where that is needed.
extern "C" fn giver(bell: u64) -> ! {
    Thread::exit(give(Channel::from_handle(Handle::from_word(bell))).is_err().into())
}

fn give(bell: Channel) -> Result<(), Error> {
    let waker = Waker::over(MEMORY.signals(), bell);
    let port = Port::initport(Thread::SELF, 0)?;
    Channel::from_handle(Handle::from_word(TOLD_BY.load(Ordering::Acquire))).bind(port, 0)?;
    for number in 0..WORK {
        let queue = number * 7 % QUEUES as u64;
        GIVEN[queue as usize].fetch_add(1, Ordering::Relaxed);
        if waker.lwkt_signal(QueueIndex(queue as u16), 1).is_err() {
            FAILED.store(1, Ordering::Relaxed);
        }
        while (number + 1).is_multiple_of(BURST) && DONE.load(Ordering::Acquire) <= number {
            let _rung = port.waitport()?;
        }
    }
    Ok(())
}

pub(crate) fn run(machinery: Machinery) -> Result<bool, Error> {
    let waker = Waker::new(MEMORY.signals(), machinery.port, 1)?;
    let memory = Space::SELF.create_region(PAGE, RegionKind::Lazy)?;
    let (tells, told_by) = Space::SELF.create_channel(memory, PAGE)?;
    TOLD_BY.store(told_by.handle().to_word(), Ordering::Release);
    for (queue, given) in (0..).map(QueueIndex).zip(&GIVEN) {
        let work = move |cpu: &'static anax_uthread::VirtualCpu| {
            loop {
                let Ok(seen) = cpu.lwkt_generation(queue) else { return };
                let found = given.swap(0, Ordering::Relaxed);
                let done = DONE.load(Ordering::Relaxed) + found;
                DONE.store(done, Ordering::Release);
                if found != 0 && done.is_multiple_of(BURST) && tells.ring().is_err() {
                    FAILED.store(1, Ordering::Relaxed);
                }
                if done == WORK {
                    // The others wait for work that never comes.
                    (0..QUEUES as u16).map(QueueIndex).for_each(|queue| {
                        let _ = cpu.lwkt_signal(queue, usize::MAX);
                    });
                    return;
                }
                if found == 0 {
                    let _ = cpu.lwkt_block(queue, seen);
                }
            }
        };
        machinery.cpu.lwkt_create(Priority::USER_NORMAL, work).map_err(refused)?;
    }
    // The giver begins when the virtual CPU sleeps, so that it is woken at least once; how often after that is a matter of timing.
    let bell = waker.bell().handle().to_word();
    let waits = machinery.run_and(|| start(machinery.other, giver, bell).map(|_| ()))?;
    let done = DONE.load(Ordering::Relaxed);
    log!("uthreads: {done} pieces of work from CPU {}; {waits} waits in the kernel", machinery.other.0);
    Ok(done == WORK && FAILED.load(Ordering::Relaxed) == 0 && waits > 0)
}
