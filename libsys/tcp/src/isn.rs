//! Initial sequence numbers (RFC 6528): a clock of 4 microseconds and a keyed hash of the connection, so that nobody else can guess one, and a
//! connection that is opened again begins behind its predecessor.

use core::hash::Hasher as _;
use core::time::Duration;

use siphasher::sip::SipHasher24;

use crate::Tuple;

/// Keys of an engine's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys([[u8; 16]; 4]);

/// What a hash is for: each has a key of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Sequence = 0,
    Stamp = 1,
    Cookie = 2,
    Table = 3,
}

impl Keys {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let [low, high] = *seed.as_chunks::<16>().0 else { return Self([[0; 16]; 4]) };
        let derive = |number: u8| {
            let mut key = [0; 16];
            for (half, from) in key.chunks_mut(8).zip([low, high]) {
                let mut hasher = SipHasher24::new_with_key(&from);
                hasher.write(&[number]);
                half.copy_from_slice(&hasher.finish().to_le_bytes());
            }
            key
        };
        Self([derive(0), derive(1), derive(2), derive(3)])
    }

    pub(crate) fn key(&self, purpose: Purpose) -> &[u8; 16] {
        &self.0[purpose as usize]
    }

    pub(crate) fn hash(&self, purpose: Purpose, tuple: &Tuple, more: &[u8]) -> u64 {
        let (bytes, used) = tuple.bytes();
        let mut hasher = SipHasher24::new_with_key(self.key(purpose));
        hasher.write(&bytes[..used]);
        hasher.write(more);
        hasher.finish()
    }

    /// The initial sequence number of a connection that is opened now.
    pub(crate) fn sequence(&self, tuple: &Tuple, now: Duration) -> u32 {
        let clock = (now.as_micros() / 4) as u32;
        clock.wrapping_add(self.hash(Purpose::Sequence, tuple, &[]) as u32)
    }

    /// What a connection's time stamps begin with.
    pub(crate) fn stamp(&self, tuple: &Tuple) -> u32 {
        self.hash(Purpose::Stamp, tuple, &[]) as u32
    }
}
