//! Bytes in a message's words: the first word says how many, the others hold them.

use anax_abi::{Error, WORDS};

/// Most bytes that the arguments, or the result, of a `#[control]` method may take here.
pub const INLINE: usize = (WORDS - 1) * 8;

/// The words for these bytes. For ways of one's own to a server.
///
/// # Errors
/// `BadArgument` for more than [`INLINE`] bytes.
pub fn pack(bytes: &[u8]) -> Result<[u64; WORDS], Error> {
    if bytes.len() > INLINE {
        return Err(Error::BadArgument);
    }
    let mut words = [bytes.len() as u64, 0, 0, 0, 0];
    for (word, chunk) in words[1..].iter_mut().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(whole);
    }
    Ok(words)
}

/// The bytes of these words, and how many of them count: at most [`INLINE`], whatever the first word says.
#[must_use]
pub fn unpack(words: [u64; WORDS]) -> ([u8; INLINE], usize) {
    let mut bytes = [0; INLINE];
    for (to, word) in bytes.chunks_mut(8).zip(&words[1..]) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    (bytes, usize::try_from(words[0]).unwrap_or(INLINE).min(INLINE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let all: [u8; INLINE] = core::array::from_fn(|index| index as u8 + 1);
        for length in 0..=INLINE {
            let (bytes, count) = unpack(pack(&all[..length]).unwrap());
            assert_eq!((&bytes[..count], count), (&all[..length], length));
        }
        assert_eq!(pack(&[0; INLINE + 1]), Err(Error::BadArgument));
    }

    #[test]
    fn a_lie_about_the_length_reaches_nothing() {
        assert_eq!(unpack([u64::MAX, 1, 2, 3, 4]).1, INLINE);
    }
}
