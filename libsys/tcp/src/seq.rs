//! Sequence numbers.
//!
//! On the wire they have 32 bits and wrap. Inside, a connection counts both streams with 64 bits that never do, so that comparisons are plain: the
//! SYN stands at [`SYN`], the first byte of data behind it. Whatever comes from the wire is taken as the number nearest to one that is known.

/// Where a stream's SYN stands: with room below for what lies before it.
pub(crate) const SYN: u64 = 1 << 40;
/// Where its first byte does.
pub(crate) const FIRST: u64 = SYN + 1;

/// One direction's relation between what is counted and what the wire says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin(u32);

impl Origin {
    /// A stream whose SYN has this number.
    pub(crate) const fn new(initial: u32) -> Self {
        Self(initial.wrapping_sub(SYN as u32))
    }

    /// What the wire says for it.
    pub(crate) const fn wire(self, at: u64) -> u32 {
        self.0.wrapping_add(at as u32)
    }

    /// What the wire's number means, near to `near`.
    pub(crate) const fn at(self, number: u32, near: u64) -> u64 {
        let distance = number.wrapping_sub(self.wire(near)).cast_signed();
        near.wrapping_add_signed(distance as i64)
    }
}

/// Whether a time stamp is older than another (RFC 7323, section 5.2).
pub(crate) const fn is_older(stamp: u32, than: u32) -> bool {
    stamp.wrapping_sub(than).cast_signed() < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_come_back() {
        let origin = Origin::new(u32::MAX - 1);
        assert_eq!(origin.wire(SYN), u32::MAX - 1);
        assert_eq!(origin.wire(FIRST + 5), 4);
        for at in [SYN, FIRST, FIRST + (1 << 33), SYN - 7] {
            for near in [at, at + 1000, at - 1000, at + (1 << 31) - 1] {
                assert_eq!(origin.at(origin.wire(at), near), at);
            }
        }
        assert!(is_older(u32::MAX, 3) && !is_older(3, u32::MAX) && !is_older(3, 3));
    }
}
