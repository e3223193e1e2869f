//! Shows threads scheduled in user-land, and ends with the number of the first promise that does not hold.
//!
//! The main thread becomes a virtual CPU. On it run, one after the other: a crowd that takes turns, pairs that wake each other, threads that
//! get their work from another thread of the kernel's (on CPU 1 if there is one), and calls of a server that answers one of them only when
//! another one has come, which can only be if others run while a reply is due. Argument 1: a thread that overflows its stack instead,
//! which has to end by a fault in the guard page.
#![no_std]
#![no_main]

mod calls;
mod crowd;
mod remote;

use anax_abi::object::priority;
use anax_sys::object::{Cpu, Machine, RegionKind, Space, Thread};
use anax_sys::{Error, Handle, Port, Rights, log};
use anax_uthread::{Ended, Idle, Memory, Priority, QueueIndex, Stacks, VirtualCpu};

anax_sys::main!(main);

const THREADS: usize = 64;
const QUEUES: usize = 64;
const STACK: usize = 8 * 1024;
const KERNEL_STACK: u64 = 16 * 1024;

static MEMORY: Memory<THREADS, QUEUES> = Memory::new();

/// What every part needs.
#[derive(Clone, Copy)]
struct Machinery {
    cpu: &'static VirtualCpu,
    /// Where the virtual CPU waits when none of its threads can run.
    port: Port,
    /// The CPU of the other kernel threads.
    other: Cpu,
}

impl Machinery {
    /// Runs all threads to their ends; how often the kernel was entered to wait.
    fn run(self) -> Result<u64, Error> {
        self.run_and(|| Ok(()))
    }

    /// The same; does `first` when no thread can run for the first time.
    fn run_and(self, first: impl FnOnce() -> Result<(), Error>) -> Result<u64, Error> {
        let (mut waits, mut first) = (0, Some(first));
        let ended = self.cpu.run(|cpu| {
            if first.take().is_some_and(|first| first().is_err()) {
                return Idle::Stop;
            }
            waits += 1;
            cpu.waitport(self.port, |_notice| ())
        });
        if ended == Ended::All { Ok(waits) } else { Err(Error::PeerMisbehaved) }
    }
}

/// A call of the package that cannot fail here.
fn refused(_: anax_uthread::Error) -> Error {
    Error::Full
}

/// The running thread waits for the next signal.
fn block(cpu: &VirtualCpu, queue: QueueIndex) {
    // Threads here use queues that there are.
    if let Ok(seen) = cpu.lwkt_generation(queue) {
        let _ = cpu.lwkt_block(queue, seen);
    }
}

/// A kernel thread of this program.
fn start(cpu: Cpu, entry: extern "C" fn(u64) -> !, argument: u64) -> Result<Thread, Error> {
    let thread = Space::SELF.create_thread(cpu, priority::USER, None)?;
    start_thread(thread, entry, argument)?;
    Ok(thread)
}

fn start_thread(thread: Thread, entry: extern "C" fn(u64) -> !, argument: u64) -> Result<(), Error> {
    let stack = Space::SELF.create_region(KERNEL_STACK, RegionKind::Pinned)?;
    let bottom = Space::SELF.map(stack, 0, KERNEL_STACK, Rights::READ.with(Rights::WRITE))?;
    // SAFETY: a function that never returns, on a stack of its own, aligned as if it had been called.
    unsafe { thread.start(entry as usize as u64, bottom + KERNEL_STACK - 8, argument) }
}

/// A server: a kernel thread that is told the handle of its own port.
fn serve(cpu: Cpu, entry: extern "C" fn(u64) -> !) -> Result<Handle, Error> {
    let thread = Space::SELF.create_thread(cpu, priority::USER, None)?;
    let port = Space::SELF.create_port(thread, 0)?;
    start_thread(thread, entry, port.handle().to_word())?;
    Ok(port.handle())
}

/// Uses up a stack, frame by frame.
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = core::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { deeper(depth + 1) + frame[7] }
}

fn main(argument: u64) -> Result<u64, Error> {
    log::to(Machine::FIRST);
    let cpu = MEMORY.claim(Stacks::guarded(THREADS, STACK)?).map_err(refused)?;
    if argument == 1 {
        cpu.lwkt_create(Priority::USER_NORMAL, |_| log!("uthreads: {} frames", deeper(0)))
            .map_err(refused)?;
        cpu.run(|_| Idle::Stop);
        return Ok(100);
    }
    let port = Port::initport(Thread::SELF, 16)?;
    let cpus = Machine::FIRST.cpus()?;
    let machinery = Machinery { cpu, port, other: Cpu(cpus.min(2) as u32 - 1) };
    for (number, part) in (1..).zip([crowd::turns, crowd::pairs, crowd::sections, remote::run, calls::run]) {
        if !part(machinery)? {
            return Ok(number);
        }
    }
    log!("uthreads: verified; {} switches", cpu.switches());
    Ok(0)
}
