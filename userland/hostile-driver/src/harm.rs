//! What it does to others.

use core::sync::atomic::Ordering;
use core::time::Duration;

use anax_abi::{Handle, Message};
use anax_ring::layout::LINE_WORDS;
use anax_ring::{Geometry, SharedBlock, Side};
use anax_sys::object::{Cpu, RegionKind, Space, Thread};
use anax_sys::{Deadline, Error, Port, Target};

/// Slots of a network card's channel, each way.
const SLOTS: u32 = anax_frames::handover::BUFFERS as u32;
/// The word of the block that has the epoch.
const EPOCH: usize = 3;
/// Pieces of memory that are taken, and commands that are tried at a time.
const PIECE: u64 = 1 << 20;
const COMMANDS: u32 = 64;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1);
/// Above all handles that a program has.
const HANDLES: u32 = 64;

/// Numbers that look like chance, always the same.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Dice {
    /// The next one (Marsaglia: Xorshift RNGs, 2003).
    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn write(block: SharedBlock<'_>, number: usize, value: u64) {
    if let Some(word) = block.words().get(number) {
        word.store(value, Ordering::Release);
    }
}

fn read(block: SharedBlock<'_>, number: usize) -> u64 {
    block.words().get(number).map_or(0, |word| word.load(Ordering::Acquire))
}

/// Positions of this epoch that are nowhere, and flags that are none.
pub(crate) fn indices(block: SharedBlock<'_>, dice: &mut Dice) {
    let Ok(geometry) = Geometry::new(SLOTS, SLOTS) else { return };
    let (own, other) = (geometry.ring(Side::Server), geometry.ring(Side::Client));
    let epoch = read(block, EPOCH) << 32;
    for number in [own.producer, other.consumer, own.room, other.asleep] {
        write(block, number, epoch | dice.roll() >> 32);
    }
}

/// Replies to nobody, the same ones again, and with words that mean nothing.
pub(crate) fn replies(block: SharedBlock<'_>, dice: &mut Dice) {
    let Ok(geometry) = Geometry::new(SLOTS, SLOTS) else { return };
    let own = geometry.ring(Side::Server);
    let epoch = read(block, EPOCH) << 32;
    for place in 0..4 {
        let wild = dice.roll();
        (0..LINE_WORDS).for_each(|word| write(block, own.slots + place * LINE_WORDS + word, wild));
    }
    write(block, own.producer, epoch | 4);
}

/// All that there is.
pub(crate) fn quota() {
    let mut size = PIECE;
    while size >= 4096 {
        if Space::SELF.create_region(size, RegionKind::Pinned).is_err() {
            size /= 2;
        }
    }
    while Space::SELF.create_thread(Cpu(0), 0, None).is_ok() {}
    while Port::initport(Thread::SELF, 1).is_ok() {}
    while Space::SELF.post_slots(1).is_ok() {}
}

/// To the services that others have, and to all handles that there are but the own space and thread.
pub(crate) fn nonsense(dice: &mut Dice) {
    for name in ["devices", "files", "net", "control", "loader", "names"] {
        let refused: Result<_, Error> = anax::connect(name, dice.roll());
        drop(refused);
    }
    for name in ["init", "names", "log", "archive"] {
        let Some(handle) = anax::handle(name) else { continue };
        for _ in 0..COMMANDS {
            say(handle, dice);
        }
    }
    for _ in 0..COMMANDS {
        // One that is none, or somebody's.
        let slot = HANDLES + (dice.roll() >> 40) as u32;
        say(Handle::new(slot, 1), dice);
    }
}

fn say(handle: Handle, dice: &mut Dice) {
    let command = (dice.roll() >> 48) as u32 & 0xfff;
    let message =
        Message { token: dice.roll(), ..Message::new(command, core::array::from_fn(|_| dice.roll())) };
    let until = anax::time::now().after(PATIENCE);
    let _ = Target::from_handle(handle).domsg_until(&message, Deadline::at(until));
}
