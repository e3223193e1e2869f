//! What a seed means.

use anax_driver::Moment;

/// The first turn that a fault can come at, and how many there are: the driver has come up, and is under load.
const FIRST_TURN: u32 = 3;
const TURNS: u64 = 25;

/// What is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Variables and heap.
    Data,
    /// The stack.
    Stack,
    /// Instructions.
    Text,
    /// Registers of the CPU.
    Register,
    /// What steers the device.
    Device,
    /// What the client reads.
    Channel,
}

/// Each kind as often as here.
const KINDS: [Kind; 16] = {
    use Kind::{Channel, Data, Device, Register, Stack, Text};
    [
        Data, Stack, Stack, Stack, Stack, Text, Text, Text, Text, Register, Register, Register, Device,
        Device, Channel, Channel,
    ]
};

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Data, Self::Stack, Self::Text, Self::Register, Self::Device, Self::Channel];

    /// For the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Stack => "stack",
            Self::Text => "text",
            Self::Register => "register",
            Self::Device => "device",
            Self::Channel => "channel",
        }
    }
}

/// When and where a bit flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is struck.
    pub kind: Kind,
    /// At which turn of the loop.
    pub turn: u32,
    /// Where in that turn.
    pub moment: Moment,
    /// A number that chooses the place among those of the kind.
    pub place: u64,
    /// One that chooses the bit.
    pub bit: u64,
}

impl Plan {
    /// Of a seed: always the same.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut state = seed;
        let mut draw = || next(&mut state);
        let kind = KINDS[(draw() % KINDS.len() as u64) as usize];
        let turn = FIRST_TURN + (draw() % TURNS) as u32;
        let moment = match draw() % 3 {
            0 => Moment::Before,
            1 => Moment::Served,
            _ => Moment::Woken,
        };
        Self { kind, turn, moment, place: draw(), bit: draw() }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, figure 15): seeds that differ by one are strangers.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_one_that_it_says() {
        // The first of the seed 1234567, as its authors' reference prints it.
        assert_eq!(next(&mut 1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn a_seed_means_the_same_again_and_another_something_else() {
        assert_eq!(Plan::of(17), Plan::of(17));
        assert_ne!(Plan::of(17), Plan::of(18));
    }

    #[test]
    fn two_hundred_seeds_strike_everywhere() {
        for kind in Kind::ALL {
            let count = (1..=200).filter(|seed| Plan::of(*seed).kind == kind).count();
            assert!(count >= 5, "{}: {count}", kind.name());
        }
        for moment in [Moment::Before, Moment::Served, Moment::Woken] {
            assert!((1..=200).filter(|seed| Plan::of(*seed).moment == moment).count() > 40);
        }
    }
}
