//! Shows what the user schedulers do, and ends with the number of the first promise that does not hold.
//!
//! Four threads that never pause ("hogs") share a CPU. Under `rr` each gets a quarter. Under `bsd4` a thread that mostly sleeps
//! runs within one slice of each wake-up beside them. A policy can be changed while they run. The argument is how many slices of
//! 10 ms the shares are measured over; 0 asks for priorities that are inherited instead ([`inversion`]), 1 for a storm of interrupts
//! ([`storm`]).
#![no_std]
#![no_main]

mod inversion;
mod storm;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use anax_abi::object::{Policy, priority};
use anax_sys::object::{Cpu, Machine, RegionKind, Space, Thread};
use anax_sys::{Error, Rights, log};

anax_sys::main!(main);

const HOGS: usize = 4;
const SLICE: Duration = Duration::from_millis(10);
const STACK: u64 = 16 * 1024;

static TURNS: [AtomicU64; HOGS] = [const { AtomicU64::new(0) }; HOGS];
/// The longest that the sleeper had to wait after its time, nanoseconds; and how often it woke up.
static LATEST: AtomicU64 = AtomicU64::new(0);
static WAKE_UPS: AtomicU64 = AtomicU64::new(0);

extern "C" fn hog(number: u64) -> ! {
    let turns = &TURNS[number as usize];
    loop {
        // Nobody else writes it: no locked instruction.
        turns.store(turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

extern "C" fn sleeper(_: u64) -> ! {
    loop {
        let Ok(now) = Thread::time() else { Thread::exit(1) };
        let due = now.after(Duration::from_millis(37));
        if Thread::sleep(due).is_err() {
            Thread::exit(1);
        }
        let Ok(woken) = Thread::time() else { Thread::exit(1) };
        let late = woken.nanoseconds() - due.nanoseconds();
        LATEST.fetch_max(late, Ordering::Relaxed);
        WAKE_UPS.fetch_add(1, Ordering::Relaxed);
    }
}

fn start(function: extern "C" fn(u64) -> !, argument: u64, cpu: Cpu, priority: u64) -> Result<Thread, Error> {
    let stack = Space::SELF.create_region(STACK, RegionKind::Lazy)?;
    let bottom = Space::SELF.map(stack, 0, STACK, Rights::READ.with(Rights::WRITE))?;
    let thread = Space::SELF.create_thread(cpu, priority, None)?;
    // SAFETY: a function that never returns, on a stack of its own, aligned as if it had been called.
    unsafe { thread.start(function as usize as u64, bottom + STACK - 8, argument)? };
    Ok(thread)
}

/// How often each hog came round in `time`.
fn turns_in(time: Duration) -> Result<[u64; HOGS], Error> {
    let read = || TURNS.each_ref().map(|turns| turns.load(Ordering::Relaxed));
    let before = read();
    Thread::sleep(Thread::time()?.after(time))?;
    let after = read();
    Ok(core::array::from_fn(|hog| after[hog] - before[hog]))
}

/// The largest deviation from an equal share, in thousandths.
fn deviation(turns: [u64; HOGS]) -> u64 {
    let share = turns.iter().sum::<u64>() / HOGS as u64;
    turns.iter().map(|turns| turns.abs_diff(share) * 1000 / share.max(1)).max().unwrap_or(1000)
}

fn main(slices: u64) -> Result<u64, Error> {
    log::to(Machine::FIRST);
    match slices {
        0 => return inversion::run(),
        1 => return storm::run(),
        _ => {}
    }
    let slices = u32::try_from(slices.max(40)).map_err(|_| Error::BadArgument)?;
    Space::SELF.set_policy(Policy::RoundRobin)?;
    for number in 0..HOGS {
        start(hog, number as u64, Cpu(0), priority::USER)?;
    }
    let fair = deviation(turns_in(SLICE * slices)?);
    log!("rr: shares within {fair} thousandths over {slices} slices");
    if fair > 20 {
        return Ok(1);
    }
    Space::SELF.set_policy(Policy::Bsd4)?;
    start(sleeper, 0, Cpu(0), priority::USER)?;
    let turns = turns_in(SLICE * slices)?;
    let (latest, wake_ups) = (LATEST.load(Ordering::Relaxed), WAKE_UPS.load(Ordering::Relaxed));
    log!("bsd4: {wake_ups} wake-ups, {latest} ns late at most; hogs {turns:?}");
    if turns.contains(&0) {
        return Ok(2);
    }
    if wake_ups < u64::from(slices) / 8 || u128::from(latest) > SLICE.as_nanos() {
        return Ok(3);
    }
    Space::SELF.set_policy(Policy::RoundRobin)?;
    let fair = deviation(turns_in(SLICE * slices)?);
    log!("rr again: shares within {fair} thousandths");
    Ok(if fair > 40 { 4 } else { 0 })
}
