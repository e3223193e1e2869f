//! Each target with inputs by chance: bytes of all kinds, and some that others have made before, changed a little.

use fuzz_targets::ALL;

/// Inputs for each; `FUZZ_INPUTS` says another number.
const INPUTS: u64 = 1000;
/// Bytes of the longest.
const LONGEST: u64 = 600;

struct Chance(u64);

impl Chance {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    /// A byte as formats have them: often nothing, all bits, a letter or a small number.
    fn byte(&mut self) -> u8 {
        match self.below(6) {
            0 => 0,
            1 => 0xff,
            2 => b'a' + self.below(26) as u8,
            3 => self.below(8) as u8,
            4 => b" /\r\n.:-0129"[self.below(11) as usize],
            _ => self.roll() as u8,
        }
    }
}

#[test]
fn inputs_by_chance() {
    let inputs = std::env::var("FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(INPUTS);
    for (name, target) in ALL {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ name.len() as u64);
        let mut before: Vec<u8> = Vec::new();
        for number in 0..inputs {
            if number % 4 == 0 || before.is_empty() {
                before = (0..chance.below(LONGEST)).map(|_| chance.byte()).collect();
            } else {
                let place = chance.below(before.len() as u64) as usize;
                before[place] = chance.byte();
            }
            let outcome = std::panic::catch_unwind(|| target(&before));
            assert!(outcome.is_ok(), "target {name}, input {number}: {before:?}");
        }
    }
}
