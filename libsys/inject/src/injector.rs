//! The fault itself, from within a driver's loop.

use alloc::boxed::Box;
use core::arch::asm;
use core::cell::Cell;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_driver::{Moment, Turns};

use crate::text::{PAGE, flip, instructions, variables};
use crate::{Kind, Place, Places, Plan};

/// How far from the loop another instruction is near it.
const NEAR: usize = 2048;
/// The instruction pointer's number; the general registers have those below.
const INSTRUCTION_POINTER: u64 = 16;
const REGISTERS: [&str; 17] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15", "rip",
];

/// So far from the stack's end lies what a driver has for good; below is what it needs now and then.
const FRAME: usize = 16 * 1024;

/// What a register is changed by. A variable, so that no register is needed to name it.
static CHANGE: AtomicU64 = AtomicU64::new(0);

/// One fault that is still to come.
#[derive(Debug)]
pub struct Injector {
    seed: u64,
    plan: Plan,
    /// Turns until then; 0 when it has been.
    left: Cell<u32>,
    /// Where the loop is. Noted each time: what is done once lies far from what is done often.
    here: Cell<usize>,
    places: Places,
    /// Where the stack of the program's main function ends, about.
    stack: usize,
    /// Something on the heap.
    heap: Box<u64>,
}

impl Injector {
    /// The fault of the seed that the program's second argument names, behind the device; none without one. To be called by the program's main function.
    #[must_use]
    pub fn from_arguments(places: Places) -> Self {
        let seed = anax::arguments().get(1).and_then(|text| text.parse().ok());
        let plan = Plan::of(seed.unwrap_or(0));
        let left = Cell::new(if seed.is_some() { plan.turn } else { 0 });
        let mark = 0_u8;
        Self {
            seed: seed.unwrap_or(0),
            plan,
            left,
            here: Cell::new(0),
            places,
            stack: (&raw const mark).addr(),
            heap: Box::new(0),
        }
    }

    /// Makes ready what changes a register at the next turn: nothing is called then, so that all registers have what the loop has in them.
    #[cold]
    #[inline(never)]
    fn prepare(&self) {
        let bit = (self.plan.bit % u64::from(u64::BITS)) as u32;
        self.say(&REGISTERS[self.register() as usize], bit);
        CHANGE.store(1 << bit, Ordering::Relaxed);
    }

    #[inline(always)]
    const fn register(&self) -> u64 {
        self.plan.place % REGISTERS.len() as u64
    }

    /// Flips the bit of anything but a register.
    #[cold]
    #[inline(never)]
    fn strike(&self) {
        let Plan { place, .. } = self.plan;
        match self.plan.kind {
            Kind::Data if place.is_multiple_of(4) => {
                let page = (&raw const *self.heap).addr() & !(PAGE - 1);
                self.flip_byte(page..page + PAGE, &"heap");
            }
            Kind::Data => self.flip_byte(variables(), &"variables"),
            Kind::Stack => {
                let here = 0_u8;
                let all = (&raw const here).addr()..self.stack;
                let frame = all.start.max(all.end.saturating_sub(FRAME))..all.end;
                self.flip_byte(if place.is_multiple_of(4) { all } else { frame }, &"stack");
            }
            Kind::Text => self.flip_text(),
            Kind::Device if !self.places.device.is_empty() => {
                let all = &self.places.device;
                self.flip_place(all.get((place % all.len() as u64) as usize).copied());
            }
            // A device that reads no memory.
            Kind::Device | Kind::Channel => self.flip_place(self.places.channel(place)),
            Kind::Register => {}
        }
    }

    fn say(&self, place: &dyn fmt::Display, bit: u32) {
        let Plan { kind, turn, moment, .. } = self.plan;
        log::info!(
            "strikes, seed {}: turn {turn}, {moment:?}: {}, {place}, bit {bit}",
            self.seed,
            kind.name()
        );
    }

    fn flip_byte(&self, within: Range<usize>, what: &dyn fmt::Display) {
        let offset = self.in_use(&within, self.plan.place as usize % within.len().max(1));
        let bit = (self.plan.bit % 8) as u32;
        self.say(&format_args!("{what} + {offset:#x}"), bit);
        let byte = core::ptr::with_exposed_provenance_mut::<u8>(within.start + offset);
        // SAFETY: none but that something is mapped there. The program is wrong from here on: that is what it is for.
        unsafe { byte.write_volatile(byte.read_volatile() ^ 1 << bit) };
    }

    /// The next byte from there on that is not zero: much of a stack and a heap is not used.
    fn in_use(&self, within: &Range<usize>, offset: usize) -> usize {
        let length = within.len();
        let is_used = |offset: &usize| {
            let byte = core::ptr::with_exposed_provenance::<u8>(within.start + offset);
            // SAFETY: something is mapped there; volatile, since it may be anything's.
            unsafe { byte.read_volatile() != 0 }
        };
        (offset..length).chain(0..offset).find(is_used).unwrap_or(offset)
    }

    fn flip_text(&self) {
        let (all, near) = (instructions(), self.here.get());
        let within = match self.plan.place % 4 {
            0 => all,
            _ => near.saturating_sub(NEAR).max(all.start)..near.saturating_add(NEAR).min(all.end),
        };
        let offset = (self.plan.place / 4) as usize % within.len().max(1);
        let (address, bit) = (within.start + offset, (self.plan.bit % 8) as u32);
        self.say(&format_args!("instruction at {address:#x}"), bit);
        if let Err(error) = flip(address, bit) {
            log::warn!("that one stays as it is: {error}");
        }
    }

    fn flip_place(&self, place: Option<Place>) {
        if let Some(place) = place {
            let bit = place.bit(self.plan.bit);
            self.say(&place, bit);
            place.flip(bit);
        }
    }
}

impl Turns for Injector {
    #[inline(always)]
    fn turn(&self, moment: Moment) {
        if moment != self.plan.moment || self.left.get() == 0 {
            return;
        }
        self.left.set(self.left.get() - 1);
        self.here.set(instruction());
        let is_register = matches!(self.plan.kind, Kind::Register);
        match self.left.get() {
            0 if is_register => change(self.register()),
            0 => self.strike(),
            1 if is_register => self.prepare(),
            _ => {}
        }
    }
}

/// Where this is inlined.
#[inline(always)]
fn instruction() -> usize {
    let here;
    // SAFETY: copies a register.
    unsafe { asm!("lea {}, [rip]", out(reg) here, options(nomem, nostack, preserves_flags)) };
    here
}

/// Changes one register behind the compiler's back, whatever it has there.
#[inline(always)]
fn change(register: u64) {
    macro_rules! change {
        ($($number:literal $name:literal)+) => {
            match register {
                $($number => {
                    // SAFETY: none. The program is wrong from here on: that is what it is for.
                    unsafe {
                        asm!(concat!("xor ", $name, ", qword ptr [rip + {}]"), sym CHANGE, options(nostack))
                    }
                })+
                INSTRUCTION_POINTER => {
                    // SAFETY: none, as above.
                    unsafe {
                        asm!("lea {0}, [rip + 2f]", "xor {0}, qword ptr [rip + {1}]", "jmp {0}", "2:", out(reg) _, sym CHANGE, options(nostack))
                    }
                }
                _ => {}
            }
        };
    }
    change! {
        0 "rax" 1 "rcx" 2 "rdx" 3 "rbx" 4 "rsp" 5 "rbp" 6 "rsi" 7 "rdi"
        8 "r8" 9 "r9" 10 "r10" 11 "r11" 12 "r12" 13 "r13" 14 "r14" 15 "r15"
    }
}
