//! A driver of a network card that means harm, in one way of many, by its second argument: whatever it does, its device's manager, its client and everybody
//! else go on. It lets its device alone but for interrupts: what a device reads and writes by itself nothing holds back (docs/devices.md).
//!
//! | | |
//! |---|---|
//! | `indices` | positions and flags of the channel that can't be |
//! | `replies` | answers to what nobody has asked, or twice |
//! | `doorbell` | rings its client without end |
//! | `storm` | lets its device interrupt without end, and answers each interrupt at once; of an 82540EM |
//! | `quota` | takes all memory, handles and threads that it gets |
//! | `nonsense` | sends all commands that there are, and others, to whoever it can name |
//! | `dead` | ends as soon as it begins |
//! | `mute` | never comes up |
//! | `deaf` | comes up, and then sleeps for ever |
//! | `spin` | comes up, and then computes for ever |
//! | `record` | leaves a record for its successor of which nothing is true |
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod harm;

use core::cell::Cell;
use core::time::Duration;

use anax_device::{Mmio, Registers as _};
use anax_driver::program::{Given, now, run};
use anax_driver::{
    Counters, Flow, InFlight, Kind, Link, Name, Next, NotSuspended, Record, Refusal, Serve, Served, Settled,
    Wake,
};
use anax_ring::{Doorbell, Suspended, TicketWords};
use anax_sys::object::{Region, Thread};
use anax_sys::{Error, Instant};

use harm::{Dice, indices, nonsense, quota, replies};

/// Interrupt Cause Set and Interrupt Mask Set of an 82540EM, and all causes.
const ICS: usize = 0x00c8;
const IMS: usize = 0x00d0;
const CAUSES: u32 = 0x0001_ffff;
/// Between two pieces of harm that would else be without end.
const PAUSE: Duration = Duration::from_millis(1);
/// It is good until its manager has asked how it is, and so believes that it has come up, and for so long after.
const GOOD: Duration = Duration::from_millis(20);

struct Hostile<'a> {
    given: &'a Given,
    how: &'a str,
    registers: Mmio,
    dice: Dice,
    /// When it was asked how it is.
    asked: Cell<Option<Duration>>,
    is_done: bool,
}

impl Hostile<'_> {
    fn wait(now: Duration) -> Served {
        Served { doorbell: Doorbell::Quiet, next: Next::Wait(Some(now + PAUSE)) }
    }
}

impl Serve for Hostile<'_> {
    type Error = ();

    const PATIENCE: Duration = Duration::from_millis(1);

    fn serve(&mut self, now: Duration, _: u32) -> Result<Served, ()> {
        match self.how {
            _ if self.asked.get().is_none_or(|asked| now < asked + GOOD) => return Ok(Self::wait(now)),
            "indices" => indices(self.given.block, &mut self.dice),
            "replies" => {
                replies(self.given.block, &mut self.dice);
                return Ok(Served { doorbell: Doorbell::Ring, ..Self::wait(now) });
            }
            "doorbell" => return Ok(Served { doorbell: Doorbell::Ring, next: Next::Again }),
            "storm" => {
                self.registers.write32(IMS, CAUSES);
                self.registers.write32(ICS, CAUSES);
            }
            "quota" if !self.is_done => quota(),
            "nonsense" => nonsense(&mut self.dice),
            "deaf" => loop {
                // Should the kernel refuse, it spins.
                let _ = Thread::sleep(Instant::from_nanoseconds(u64::MAX));
            },
            "spin" => loop {
                core::hint::spin_loop();
            },
            _ => {}
        }
        self.is_done = true;
        Ok(Self::wait(now))
    }

    fn woken(&mut self, _: Wake, _: Duration) -> Result<(), ()> {
        Ok(())
    }

    fn settle(&mut self, _: Duration, _: u32) -> Result<Settled, ()> {
        Ok(Settled { doorbell: Doorbell::Quiet, pending: 0 })
    }

    fn suspend(&mut self) -> Result<(Record, Doorbell), NotSuspended> {
        let mut wild = || self.dice.roll();
        let channel = Suspended::from_words([wild() & 0xff | 1, wild()]).ok_or(NotSuspended::Device)?;
        let (one, other) = (wild(), wild());
        let ticket = TicketWords::new(one, other as u32);
        let in_flight = InFlight {
            ticket,
            flow: Flow::In,
            place: one as u16,
            offset: other,
            length: one as u32,
            detail: 0,
        };
        let record = Record {
            kind: Kind::Frames,
            card: Name::new("virtio-net"),
            channel,
            counters: Counters::default(),
            words: core::array::from_fn(|_| wild()),
            in_flight: core::iter::repeat_n(in_flight, 100).collect(),
        };
        Ok((record, Doorbell::Quiet))
    }

    fn resume(&mut self) {}

    fn retire(&mut self) -> Result<Doorbell, ()> {
        Ok(Doorbell::Ring)
    }

    fn pending(&self) -> u32 {
        self.asked.set(self.asked.get().or(Some(now())));
        u32::MAX
    }

    fn counters(&self) -> Counters {
        Counters { received: u64::MAX, sent: u64::MAX, ..Counters::default() }
    }

    fn link(&self) -> Link {
        Link::Up
    }
}

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let how = anax::arguments().get(1).map_or("", |text| text.as_str());
    if how == "dead" {
        return Ok(1);
    }
    let registers = anax_mapped::registers(Region::from_handle(given.registers))?;
    let irqs = [(given.irq, Wake::Line)];
    let begin = || {
        if how == "mute" {
            loop {
                Thread::sleep(anax::time::now().after(PAUSE))?;
            }
        }
        let asked = Cell::new(None);
        Ok(Some(Hostile { given: &given, how, registers, dice: Dice::default(), asked, is_done: false }))
    };
    run(&given, if how == "storm" { &irqs } else { &[] }, begin, |_| Err(Refusal::NoRecord))
}
