//! Numbers that are the same everywhere, by a seed.

/// A generator: xorshift64*.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// By that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // Spread over all bits, so that neighbours have nothing in common; none is zero, from which there is no way out.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any number.
    pub const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Whether it is the one time in so many.
    pub const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A number that is likely to mean something.
    pub fn word(&mut self) -> u64 {
        match self.below(8) {
            0..=3 => self.below(12),
            4 => u64::MAX - self.below(3),
            5 => 1 << self.below(64),
            // Text, as names have it.
            6 => u64::from_le_bytes([(); 8].map(|()| b'a' + self.below(26) as u8)) >> (8 * self.below(8)),
            _ => self.roll(),
        }
    }

    /// A byte that is likely to be one of postcard's: a small number, a length, a letter.
    pub const fn byte(&mut self) -> u8 {
        match self.below(4) {
            0 => self.below(4) as u8,
            1 => self.below(32) as u8,
            2 => b'a' + self.below(26) as u8,
            _ => self.roll() as u8,
        }
    }

    /// One of them, which are not none.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
