//! Values of fixed layout: what methods on hot paths take and return, in the words of a message.

use anax_abi::{Error, MAX_HANDLES, WORDS};

use crate::beside::{Gift, Gifts};

/// A value that takes a fixed number of words.
pub trait Fixed: Sized {
    /// How many words; the compiler adds them up for each method, and refuses more than a message has.
    const WORDS: usize;

    /// How many handles beside them.
    const HANDLES: usize = 0;

    /// Writes it.
    fn put(self, to: &mut Writer);

    /// Reads it. None: no value has these words, so the peer lies.
    fn take(from: &mut Reader) -> Option<Self>;
}

/// Whether values of so many words each fit into one message.
#[must_use]
pub const fn fits(values: &[usize]) -> bool {
    let (mut sum, mut index) = (0, 0);
    while index < values.len() {
        sum += values[index];
        index += 1;
    }
    sum <= WORDS
}

/// Whether so many handles of values each fit beside one message of which `taken` are spoken for.
#[must_use]
pub const fn handles_fit(handles: &[usize], taken: usize) -> bool {
    let (mut sum, mut index) = (taken, 0);
    while index < handles.len() {
        sum += handles[index];
        index += 1;
    }
    sum <= MAX_HANDLES
}

/// Words and handles that are being written, from the first on.
#[derive(Debug, Default)]
pub struct Writer {
    words: [u64; WORDS],
    used: usize,
    gifts: Gifts,
}

impl Writer {
    /// Writes the next word; one too many is lost, which no method compiles that has it.
    #[inline(always)]
    pub fn word(&mut self, word: u64) {
        if let Some(place) = self.words.get_mut(self.used) {
            *place = word;
        }
        self.used += 1;
    }

    /// Writes the next handle; one too many is lost, which no method compiles that has it.
    #[inline(always)]
    pub fn gift(&mut self, gift: Gift) {
        self.gifts.push(gift);
    }

    /// What was written, with its handles.
    #[inline(always)]
    #[must_use]
    pub const fn finish_with(self) -> ([u64; WORDS], Gifts) {
        (self.words, self.gifts)
    }

    /// What was written; the rest is 0.
    #[inline(always)]
    #[must_use]
    pub const fn finish(self) -> [u64; WORDS] {
        self.words
    }
}

/// Words and handles that are being read, from the first on.
#[derive(Debug)]
pub struct Reader {
    words: [u64; WORDS],
    used: usize,
    gifts: Gifts,
    gifts_used: usize,
}

impl Reader {
    /// Of a message's words.
    #[inline(always)]
    #[must_use]
    pub const fn new(words: [u64; WORDS]) -> Self {
        Self::with(words, Gifts::NONE)
    }

    /// Of a message's words, and of the handles beside it.
    #[inline(always)]
    #[must_use]
    pub const fn with(words: [u64; WORDS], gifts: Gifts) -> Self {
        Self { words, used: 0, gifts, gifts_used: 0 }
    }

    /// The next handle.
    #[inline(always)]
    pub fn gift(&mut self) -> Option<Gift> {
        self.gifts_used += 1;
        self.gifts.get(self.gifts_used - 1)
    }

    /// The next word.
    #[inline(always)]
    pub fn word(&mut self) -> Option<u64> {
        self.used += 1;
        self.words.get(self.used - 1).copied()
    }
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        /// One word; what does not fit is refused.
        impl Fixed for $type {
            const WORDS: usize = 1;

            #[inline(always)]
            fn put(self, to: &mut Writer) {
                to.word(u64::from(self));
            }

            #[inline(always)]
            fn take(from: &mut Reader) -> Option<Self> {
                Self::try_from(from.word()?).ok()
            }
        }
    )+};
}

integers!(u8, u16, u32, u64);

/// One word, in two's complement.
impl Fixed for i64 {
    const WORDS: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.word(self.cast_unsigned());
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        from.word().map(u64::cast_signed)
    }
}

/// One word, 0 or 1.
impl Fixed for bool {
    const WORDS: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.word(self.into());
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        match from.word()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Fixed for () {
    const WORDS: usize = 0;

    #[inline(always)]
    fn put(self, _: &mut Writer) {}

    #[inline(always)]
    fn take(_: &mut Reader) -> Option<Self> {
        Some(())
    }
}

/// One after the other.
impl<T: Fixed + Copy + Default, const N: usize> Fixed for [T; N] {
    const WORDS: usize = N * T::WORDS;
    const HANDLES: usize = N * T::HANDLES;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        self.into_iter().for_each(|item| item.put(to));
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        let mut items = [T::default(); N];
        for place in &mut items {
            *place = T::take(from)?;
        }
        Some(items)
    }
}

/// No word, but a handle beside them.
impl Fixed for Gift {
    const WORDS: usize = 0;
    const HANDLES: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.gift(self);
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        from.gift()
    }
}

macro_rules! tuples {
    ($($name:ident),+) => {
        /// One after the other.
        impl<$($name: Fixed),+> Fixed for ($($name,)+) {
            const WORDS: usize = 0 $(+ $name::WORDS)+;
            const HANDLES: usize = 0 $(+ $name::HANDLES)+;

            #[inline(always)]
            fn put(self, to: &mut Writer) {
                #[allow(non_snake_case, reason = "the type's own name is the only one at hand")]
                let ($($name,)+) = self;
                $($name.put(to);)+
            }

            #[inline(always)]
            fn take(from: &mut Reader) -> Option<Self> {
                Some(($($name::take(from)?,)+))
            }
        }
    };
}

tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);

/// What a method fails with: its server's reasons, and those that the way to the server has ([`Error`]).
pub trait Failure: From<Error> {
    /// As a negative word.
    fn code(&self) -> i64;

    /// Of a negative word; one that means nothing is the peer's misbehaviour.
    fn from_code(code: i64) -> Self;
}

impl Failure for Error {
    #[inline(always)]
    fn code(&self) -> i64 {
        Self::code(*self)
    }

    #[inline(always)]
    fn from_code(code: i64) -> Self {
        Self::from_code(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Fixed + Copy + PartialEq + core::fmt::Debug>(value: T) {
        let mut writer = Writer::default();
        value.put(&mut writer);
        assert_eq!(writer.used, T::WORDS);
        assert_eq!(T::take(&mut Reader::new(writer.finish())), Some(value));
    }

    #[test]
    fn values_come_back() {
        there_and_back(7u8);
        there_and_back(u64::MAX);
        there_and_back(-3i64);
        there_and_back([1u16, 2, 3]);
        there_and_back((true, (), [9u32; 2], u8::MAX));
    }

    #[test]
    fn lies_are_seen() {
        let take = |words| <(u8, bool)>::take(&mut Reader::new(words));
        assert_eq!(take([255, 1, 9, 9, 9]), Some((255, true)));
        assert_eq!(take([256, 1, 0, 0, 0]), None);
        assert_eq!(take([0, 2, 0, 0, 0]), None);
        assert_eq!(<[u64; 6]>::take(&mut Reader::new([0; WORDS])), None);
    }
}
