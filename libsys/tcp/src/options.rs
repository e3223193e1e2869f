//! A segment's options: read with every length doubted, written in the order that most stacks use.

use arrayvec::ArrayVec;

/// Blocks that fit into the option: three beside time stamps (RFC 2018, section 3).
const MOST_BLOCKS: usize = 4;

/// SACK blocks, as sequence numbers of their first byte and of the first behind them.
pub type Sack = ArrayVec<(u32, u32), MOST_BLOCKS>;

const END: u8 = 0;
const NOTHING: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// The largest shift of the window that counts (RFC 7323, section 2.3).
pub(crate) const MOST_SCALE: u8 = 14;
/// Bytes of options that a header can have.
pub(crate) const MOST_BYTES: usize = 40;

/// The options that the engine knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The largest segment that the sender takes (RFC 9293, 3.7.1).
    pub mss: Option<u16>,
    /// By how much its windows are to be shifted (RFC 7323).
    pub scale: Option<u8>,
    /// It understands SACK (RFC 2018).
    pub sack_permitted: bool,
    /// Its clock, and what it last saw of the receiver's (RFC 7323).
    pub timestamps: Option<(u32, u32)>,
    /// What it has (RFC 2018), a duplicate first (RFC 2883).
    pub sack: Sack,
}

impl Options {
    /// Reads them. What is not known is passed over, and what is wrong ends the reading: what stands before that counts.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        // As most segments have them (RFC 7323, appendix A).
        if let [NOTHING, NOTHING, TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes {
            let timestamps =
                Some((u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3])));
            return Self { timestamps, ..Self::default() };
        }
        Self::read_all(bytes)
    }

    fn read_all(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let [kind, rest @ ..] = bytes {
            match (*kind, rest) {
                (END, _) => break,
                (NOTHING, _) => bytes = rest,
                (kind, [length, ..]) => {
                    let Some(value) = bytes.get(2..usize::from(*length)) else { break };
                    options.take(kind, value);
                    bytes = &bytes[usize::from(*length)..];
                }
                _ => break,
            }
        }
        options
    }

    fn take(&mut self, kind: u8, value: &[u8]) {
        let word =
            |at: usize| value.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
        match (kind, value) {
            (MSS, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
            (SCALE, [shift]) => self.scale = Some((*shift).min(MOST_SCALE)),
            (SACK_PERMITTED, []) => self.sack_permitted = true,
            (TIMESTAMPS, [_, _, _, _, _, _, _, _]) => self.timestamps = word(0).zip(word(4)),
            (SACK, blocks) if blocks.len() % 8 == 0 => {
                self.sack = (0..blocks.len() / 8)
                    .take(MOST_BLOCKS)
                    .filter_map(|block| word(8 * block).zip(word(8 * block + 4)))
                    .collect();
            }
            _ => {}
        }
    }

    /// Writes them, in whole words: on a SYN mss, sackOK, timestamps, nop, wscale, as others have it; how many bytes.
    #[must_use]
    pub fn write(&self, to: &mut [u8; MOST_BYTES]) -> usize {
        // As most segments have them.
        if let Self { mss: None, scale: None, sack_permitted: false, timestamps: Some((value, echo)), sack } =
            self
            && sack.is_empty()
        {
            let ([v0, v1, v2, v3], [e0, e1, e2, e3]) = (value.to_be_bytes(), echo.to_be_bytes());
            to[..12].copy_from_slice(&[NOTHING, NOTHING, TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3]);
            return 12;
        }
        self.write_all(to)
    }

    fn write_all(&self, to: &mut [u8; MOST_BYTES]) -> usize {
        let mut bytes = ArrayVec::<u8, MOST_BYTES>::new();
        // More than fits is not there: the blocks come last, and as many as fit.
        let mut put = |part: &[u8]| bytes.try_extend_from_slice(part).is_ok();
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            put(&[MSS, 4, high, low]);
        }
        if self.sack_permitted {
            put(if self.timestamps.is_some() {
                &[SACK_PERMITTED, 2]
            } else {
                &[NOTHING, NOTHING, SACK_PERMITTED, 2]
            });
        }
        if let Some((value, echo)) = self.timestamps {
            if !self.sack_permitted {
                put(&[NOTHING, NOTHING]);
            }
            put(&[TIMESTAMPS, 10]);
            put(&value.to_be_bytes());
            put(&echo.to_be_bytes());
        }
        if let Some(shift) = self.scale {
            put(&[NOTHING, SCALE, 3, shift]);
        }
        let room = (MOST_BYTES - bytes.len()).saturating_sub(4) / 8;
        let blocks = &self.sack[..self.sack.len().min(room)];
        if !blocks.is_empty() {
            let mut put = |part: &[u8]| bytes.try_extend_from_slice(part).is_ok();
            put(&[NOTHING, NOTHING, SACK, 2 + 8 * blocks.len() as u8]);
            for (from, to) in blocks {
                put(&from.to_be_bytes());
                put(&to.to_be_bytes());
            }
        }
        to[..bytes.len()].copy_from_slice(&bytes);
        bytes.len()
    }

    /// Bytes that [`Options::write`] writes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.write(&mut [0; MOST_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_syn_has_them_in_the_usual_order() {
        let options = Options {
            mss: Some(1460),
            scale: Some(7),
            sack_permitted: true,
            timestamps: Some((0x0102_0304, 0)),
            ..Options::default()
        };
        let mut bytes = [0; MOST_BYTES];
        let used = options.write(&mut bytes);
        let expected = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
        assert_eq!(bytes[..used], expected);
        assert_eq!(Options::read(&bytes[..used]), options);
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let mss = Options { mss: Some(536), ..Options::default() };
        for wrong in
            [&[3, 0, 7][..], &[3, 1, 7], &[3, 200, 7], &[3], &[8, 10, 1], &[5, 9, 0, 0, 0, 0, 0, 0, 0]]
        {
            let bytes = [&[2, 4, 2, 24], wrong].concat();
            assert_eq!(Options::read(&bytes), mss, "{wrong:?}");
        }
        // Unknown kinds are passed over.
        assert_eq!(Options::read(&[254, 4, 9, 9, 2, 4, 2, 24, 0, 3, 3, 7]), mss);
    }

    #[test]
    fn four_blocks_fit_and_three_beside_time_stamps() {
        let sack: Sack = [(1, 2), (3, 4), (5, 6), (7, 8)].into();
        let mut options = Options { sack, ..Options::default() };
        let mut bytes = [0; MOST_BYTES];
        assert_eq!(options.write(&mut bytes), 36);
        assert_eq!(Options::read(&bytes[..36]).sack.len(), 4);
        options.timestamps = Some((1, 2));
        assert_eq!(options.write(&mut bytes), 40);
        assert_eq!(Options::read(&bytes).sack.len(), 3);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let read = Options::read(&bytes);
            prop_assert!(read.scale.is_none_or(|scale| scale <= MOST_SCALE));
            let mut again = [0; MOST_BYTES];
            let used = read.write(&mut again);
            prop_assert!(used.is_multiple_of(4));
            let mut slowly = [0; MOST_BYTES];
            prop_assert_eq!(read.write_all(&mut slowly), used);
            prop_assert_eq!(again, slowly);
            prop_assert_eq!(Options::read(&again[..used]), Options::read_all(&again[..used]));
        }
    }
}
