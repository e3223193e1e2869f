//! What both sides must agree on, in one word: a hash of the interface's name and of every method as it is written.
//!
//! FNV-1a with 64 bits: this guards against a client of yesterday, not against a forger, who gains nothing by it.

/// The hash of no bytes.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of a text.
#[must_use]
pub const fn fingerprint(text: &str) -> u64 {
    mix(BASIS, text)
}

/// Goes on with more text. Each text counts with its length, so that two can't pass for one.
#[must_use]
pub const fn mix(mut hash: u64, text: &str) -> u64 {
    if cfg!(bite = "proto-no-fingerprint") {
        return hash;
    }
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(PRIME);
        index += 1;
    }
    (hash ^ bytes.len() as u64).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_counts_and_where_it_ends() {
        assert_ne!(fingerprint("a"), fingerprint("b"));
        assert_ne!(mix(fingerprint("ab"), "c"), mix(fingerprint("a"), "bc"));
        assert_eq!(fingerprint("read"), fingerprint("read"));
    }
}
