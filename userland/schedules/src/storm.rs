//! Interrupts that come 100,000 times a second leave the others at least half of the CPU, whatever their driver does.
//!
//! The source is the timer of every PC, the 8254 (Intel 231164, mode 2), at its pin of the IO-APIC. A thread of the user band counts its turns
//! without interrupts first, then beside drivers of three kinds: one that answers at once, one that works longer on each interrupt than there
//! is until the next, and one that never stops and never answers.

use core::arch::asm;
use core::hint;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use anax_abi::object::{notice, priority};
use anax_sys::object::{Cpu, Irq, Line, Machine, Polarity, Ports, Thread, Trigger};
use anax_sys::{Error, Handle, Port, log};

use crate::{TURNS, hog, start};

const CPU: Cpu = Cpu(0);
const LINE: Line = Line { number: 2, trigger: Trigger::Edge, polarity: Polarity::High };
const COUNTER: u16 = 0x40;
const CONTROL: u16 = 0x43;
/// Counter 0, both bytes, mode 2: a pulse each time it has counted down.
const RATE: u8 = 0x34;
/// Counter 0, both bytes, mode 0: none after the one that is under way.
const ONCE: u8 = 0x30;
/// Of 1,193,182 counts a second: 99,432 interrupts.
const COUNTS: u8 = 12;
const A_WHILE: Duration = Duration::from_millis(300);
/// Rounds of work on each interrupt: far more than the 10 us until the next.
const WORK: u64 = 30_000;

/// What a driver does.
const AT_ONCE: u64 = 0;
const SLOWLY: u64 = 1;
const NEVER: u64 = 2;

static SERVED: AtomicU64 = AtomicU64::new(0);
static READY: AtomicU64 = AtomicU64::new(0);
static IRQ: AtomicU64 = AtomicU64::new(0);

fn out(port: u16, value: u8) {
    // SAFETY: ports of a timer that nobody uses, which the space may use.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}

fn set_timer(mode: u8, counts: u8) {
    out(CONTROL, mode);
    out(COUNTER, counts);
    out(COUNTER, 0);
}

/// A driver: what it does is its argument. The interrupt passes from one to the next.
extern "C" fn driver(kind: u64) -> ! {
    Thread::exit(drive(kind).is_err().into())
}

fn drive(kind: u64) -> Result<(), Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let irq = Irq::from_handle(Handle::from_word(IRQ.load(Ordering::Acquire)));
    irq.bind(port, 0)?;
    irq.enable()?;
    READY.store(1, Ordering::Release);
    let mut told = port.waitport()?;
    loop {
        if told.command() == notice::INTERRUPT {
            SERVED.store(SERVED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        if kind == NEVER {
            loop {
                hint::spin_loop();
            }
        }
        if kind == SLOWLY {
            (0..WORK).for_each(|_| hint::spin_loop());
        }
        told = port.replymsg_waitport(told.number, Ok(0), [0; 5])?;
    }
}

/// The hog's turns in a while.
fn turns() -> Result<u64, Error> {
    let before = TURNS[0].load(Ordering::Relaxed);
    Thread::sleep(Thread::time()?.after(A_WHILE))?;
    Ok(TURNS[0].load(Ordering::Relaxed) - before)
}

/// The number of the promise that does not hold, or 0.
pub(crate) fn run() -> Result<u64, Error> {
    Thread::SELF.set_priority(priority::DRIVER + 1)?;
    let ports: Ports = Machine::FIRST.ports(COUNTER, CONTROL - COUNTER + 1)?;
    ports.enable()?;
    let irq: Irq = Machine::FIRST.line(LINE, CPU)?;
    IRQ.store(irq.handle().to_word(), Ordering::Release);
    start(hog, 0, CPU, priority::USER)?;
    let alone = turns()?;
    for (number, kind) in (10..).zip([AT_ONCE, SLOWLY, NEVER]) {
        READY.store(0, Ordering::Release);
        let driving = start(driver, kind, CPU, priority::DRIVER)?;
        while READY.load(Ordering::Acquire) == 0 {
            Thread::sleep(Thread::time()?.after(Duration::from_millis(1)))?;
        }
        let served = SERVED.load(Ordering::Relaxed);
        set_timer(RATE, COUNTS);
        let beside = turns()?;
        let served = SERVED.load(Ordering::Relaxed) - served;
        set_timer(ONCE, COUNTS);
        log!("storm, driver {kind}: {beside} turns, {alone} alone; {served} interrupts served");
        driving.kill()?;
        if beside < alone / 2 || served == 0 {
            return Ok(number);
        }
        irq.disable()?;
        Thread::sleep(Thread::time()?.after(Duration::from_millis(20)))?;
    }
    Ok(0)
}
