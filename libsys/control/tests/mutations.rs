//! A long line, damaged twenty thousand times from a fixed seed: what comes through is what was sent.
//!
//! The seed makes a failure repeatable; the number of rounds keeps the test under a second.

use anax_control::{Decoder, MAX_FRAME, Sequence, Stream, ToHost, encode};

/// Marsaglia's xorshift64 ("Xorshift RNGs", 2003): enough to choose places and bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("64-bit host") % limit
    }
}

#[test]
fn damaged_lines_never_yield_a_message_that_was_not_sent() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut buffer = [0; MAX_FRAME];
    let mut line = Vec::new();
    for number in 0..20 {
        let bytes = [u8::try_from(number).expect("small"); 30];
        let length = random.below(30);
        let message = ToHost::Output { id: number, stream: Stream::Out, bytes: &bytes[..length] };
        line.extend_from_slice(encode(number, &message, &mut buffer).expect("fits"));
    }
    let mut lost_lines = 0;
    for _ in 0..20_000 {
        let mut damaged = line.clone();
        for _ in 0..=random.below(4) {
            let place = random.below(damaged.len());
            let byte = u8::try_from(random.below(256)).expect("a byte");
            match random.below(4) {
                0 => damaged[place] ^= 1 << random.below(8),
                1 => damaged[place] = byte,
                2 => drop(damaged.remove(place)),
                _ => damaged.insert(place, byte),
            }
        }
        let (mut decoder, mut due, mut whole) = (Decoder::new(), Sequence::new(), true);
        let mut received = 0;
        for &byte in &damaged {
            match decoder.push(byte) {
                None => {}
                Some(Err(_)) => whole = false,
                Some(Ok(frame)) => {
                    whole &= due.check(frame.sequence).is_ok();
                    let message = frame.message().expect("a frame that passed holds a message");
                    let ToHost::Output { id, stream: Stream::Out, bytes } = message else {
                        panic!("not sent: {message:?}")
                    };
                    assert_eq!(id, frame.sequence);
                    assert!(bytes.iter().all(|&byte| u32::from(byte) == id));
                    received += 1;
                }
            }
        }
        // Nothing reported, nothing missing: a loss goes unnoticed only at the line's very end, where the
        // message that must come last (an exit status) would be missed by whoever waits for it.
        assert!(!whole || received >= 19, "{received} of 20 frames without a word");
        lost_lines += usize::from(!whole);
    }
    assert!(lost_lines > 10_000, "the damage was not damaging: {lost_lines}");
}
