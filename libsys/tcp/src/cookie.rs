//! SYN cookies: the initial sequence number of an answer to a SYN says what an opening has to remember, so that one that was forgotten can be taken up.
//!
//! | bits | what |
//! |---|---|
//! | 31-27 | when, in units of 64 s |
//! | 26-24 | the other end's segment size, as one of eight |
//! | 23-0 | a keyed hash of the connection, both initial numbers' rest, and the above |
//!
//! Where time stamps are used, the low six bits of ours say the rest: whether SACK was offered, and by how much windows are shifted.

use core::time::Duration;

use crate::Tuple;
use crate::isn::{Keys, Purpose};

/// The sizes that a cookie can say: the next smaller one is taken.
const SIZES: [u16; 8] = [216, 536, 1200, 1220, 1440, 1460, 4312, 8960];
const UNIT: u64 = 64;

/// Bits of our time stamp that a cookie takes.
pub(crate) const STAMP_BITS: u32 = 6;
const NO_SCALE: u32 = 15;

fn unit(now: Duration) -> u32 {
    (now.as_secs() / UNIT) as u32 & 31
}

fn mac(keys: &Keys, tuple: &Tuple, irs: u32, high: u32) -> u32 {
    let more = [irs.to_be_bytes(), high.to_be_bytes()].concat();
    keys.hash(Purpose::Cookie, tuple, &more) as u32 & 0x00ff_ffff
}

/// The initial sequence number for the answer to a SYN with that number.
pub(crate) fn make(keys: &Keys, tuple: &Tuple, irs: u32, mss: u16, now: Duration) -> u32 {
    let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0) as u32;
    let high = unit(now) << 27 | size << 24;
    high | mac(keys, tuple, irs, high)
}

/// The segment size that a cookie says, if it is one of ours and at most two minutes old.
pub(crate) fn check(keys: &Keys, tuple: &Tuple, irs: u32, cookie: u32, now: Duration) -> Option<u16> {
    let high = cookie & 0xff00_0000;
    let age = unit(now).wrapping_sub(cookie >> 27) & 31;
    (age <= 1 && mac(keys, tuple, irs, high) == cookie & 0x00ff_ffff)
        .then(|| SIZES[(cookie >> 24 & 7) as usize])
}

/// The low bits of a time stamp that say what was offered.
pub(crate) fn stamp(sack: bool, scale: Option<u8>) -> u32 {
    u32::from(sack) << 4 | scale.map_or(NO_SCALE, |scale| u32::from(scale.min(14)))
}

/// What they say.
pub(crate) fn offered(stamp: u32) -> (bool, Option<u8>) {
    let scale = stamp & 15;
    (stamp >> 4 & 1 == 1, (scale != NO_SCALE).then_some(scale as u8))
}
