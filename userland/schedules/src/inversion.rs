//! No unbounded priority inversion: a hog of medium priority holds up a low server only until a high client calls it.
//!
//! The main thread is the client. First the server is in the middle of a low client's request, stuck behind the hog, so that the
//! high client's message queues; then it is idle. Counted is what the hog did meanwhile, not time: with nothing inherited it would
//! never pause, and the call would end by its deadline.

use core::hint;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use anax_abi::object::priority;
use anax_sys::object::{Cpu, Machine, Thread};
use anax_sys::{Deadline, Error, Handle, Port, Target, initmsg, log};

use crate::{TURNS, hog, start};

/// What the server is asked: to do so many rounds of work.
const WORK: u32 = 0x9000;
const SHORT: u64 = 200_000;
const LONG: u64 = 10_000_000;
const A_WHILE: Duration = Duration::from_millis(10);
/// The call takes a small part of it; only a client that the hog holds up for ever gets there.
const LIMIT: Duration = Duration::from_secs(10);

/// What the server has done of all requests.
static WORKED: AtomicU64 = AtomicU64::new(0);
static SERVER_PORT: AtomicU64 = AtomicU64::new(0);

extern "C" fn server(_: u64) -> ! {
    let Ok(port) = Port::initport(Thread::SELF, 0) else { Thread::exit(1) };
    SERVER_PORT.store(port.handle().to_word(), Ordering::Release);
    let mut next = port.waitport();
    loop {
        let Ok(request) = next else { Thread::exit(1) };
        let before = turns();
        for _ in 0..request.words[0] {
            WORKED.store(WORKED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            hint::spin_loop();
        }
        next = port.replymsg_waitport(request.number, Ok(turns() - before), [0; 5]);
    }
}

extern "C" fn low_client(port: u64) -> ! {
    let target = Target::from_handle(Handle::from_word(port));
    let _ = target.domsg(WORK, [LONG, 0, 0, 0, 0]);
    Thread::exit(0)
}

fn turns() -> u64 {
    TURNS[0].load(Ordering::Relaxed)
}

fn pause() -> Result<(), Error> {
    Thread::sleep(Thread::time()?.after(A_WHILE))
}

/// The high client's call: what the hog did while the server was at it.
fn call(target: Target) -> Result<u64, Error> {
    let deadline = Deadline::at(Thread::time()?.after(LIMIT));
    let (answer, _) = target.domsg_until(&initmsg(WORK, [SHORT, 0, 0, 0, 0]), deadline)?;
    Ok(answer.result)
}

/// With server and hog on `there`, the client on CPU 0. The number of the promise that does not hold, or 0.
fn on(there: Cpu) -> Result<u64, Error> {
    SERVER_PORT.store(0, Ordering::Release);
    WORKED.store(0, Ordering::Relaxed);
    let serving = start(server, 0, there, priority::USER)?;
    while SERVER_PORT.load(Ordering::Acquire) == 0 {
        pause()?;
    }
    let port = SERVER_PORT.load(Ordering::Acquire);
    let target = Target::from_handle(Handle::from_word(port));
    let low = start(low_client, port, there, priority::USER)?;
    while WORKED.load(Ordering::Relaxed) == 0 {
        pause()?;
    }
    let hogging = start(hog, 0, there, priority::SERVER)?;
    pause()?;
    // The scene is set only if the server is stuck, in the middle of its work, and the hog is not.
    let stuck = (WORKED.load(Ordering::Relaxed), turns());
    pause()?;
    let (worked, turned) = (WORKED.load(Ordering::Relaxed), turns());
    if worked != stuck.0 || worked >= LONG || turned == stuck.1 {
        log!("CPU {}: no inversion to begin with: {stuck:?}, then {worked}, {turned}", there.0);
        return Ok(5);
    }
    let queued = call(target);
    let idle = if queued.is_ok() { call(target) } else { queued };
    log!(
        "CPU {}: the hog's turns while the server served: {queued:?} after another, {idle:?} when idle",
        there.0
    );
    for thread in [hogging, serving, low] {
        let _ = thread.kill();
    }
    match (queued, idle) {
        (Ok(0), Ok(0)) => Ok(0),
        (Ok(0), _) => Ok(7),
        _ => Ok(6),
    }
}

/// Once with everybody on CPU 0, once across if there is another CPU.
pub(crate) fn run() -> Result<u64, Error> {
    Thread::SELF.set_priority(priority::DRIVER)?;
    for cpu in 0..Machine::FIRST.cpus()?.min(2) {
        let broken = on(Cpu(cpu as u32))?;
        if broken != 0 {
            return Ok(broken);
        }
    }
    Ok(0)
}
