//! Frames survive the trip, and no damaged frame passes for a whole one.

use anax_control::{
    Decoder, EncodeError, FrameError, MAX_COMMANDS, MAX_FRAME, MAX_OUTPUT, Outcome, Sequence, Stream,
    ToGuest, ToHost, Verified, encode,
};
use proptest::prelude::*;

/// All frames and errors that `bytes` yield, frames as sequence number and debug text of their message.
fn decode(bytes: &[u8]) -> Vec<Result<(u32, String), FrameError>> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for &byte in bytes {
        if let Some(result) = decoder.push(byte) {
            found.push(result.and_then(|frame| {
                frame.message::<ToHost<'_>>().map(|message| (frame.sequence, format!("{message:?}")))
            }));
        }
    }
    found
}

fn frame(sequence: u32, message: &ToHost<'_>) -> Vec<u8> {
    let mut buffer = [0xaa; MAX_FRAME];
    encode(sequence, message, &mut buffer).expect("fits").to_vec()
}

fn samples() -> Vec<ToHost<'static>> {
    vec![
        ToHost::Hello { version: 1 },
        ToHost::Ready { cpus: 16, memory_kib: u64::MAX, entry_tsc: 0, ready_tsc: 7, tsc_hz: 1 << 40 },
        ToHost::Accepted { id: 0 },
        ToHost::Output { id: 1, stream: Stream::Err, bytes: &[0, 0, 1, 255, 0] },
        ToHost::TestStarted { name: "frames::reuse" },
        ToHost::TestEnded { name: "frames::reuse", outcome: Outcome::Failed, detail: "left: 1, right: 2" },
        ToHost::Benchmark { name: "boot.x", value: 1_500, unit: "instructions", verified: Verified::Yes },
        ToHost::Exit { id: 1, status: 255 },
        ToHost::Refused { status: 3, reason: "damaged archive" },
        ToHost::Panicked { reason: "" },
    ]
}

#[test]
fn every_message_survives() {
    let mut line = Vec::new();
    let mut expected = Vec::new();
    for (number, message) in (0..).zip(samples()) {
        line.extend(frame(number, &message));
        expected.push(Ok((number, format!("{message:?}"))));
    }
    assert_eq!(decode(&line), expected);
}

#[test]
fn the_largest_messages_fit_and_larger_ones_are_refused() {
    let bytes = [0x5a; MAX_OUTPUT + 64];
    let message = ToHost::Output { id: u32::MAX, stream: Stream::Out, bytes: &bytes[..MAX_OUTPUT] };
    assert_eq!(decode(&frame(u32::MAX, &message)), [Ok((u32::MAX, format!("{message:?}")))]);

    let mut buffer = [0; MAX_FRAME];
    let text = "x".repeat(MAX_COMMANDS);
    assert!(encode(0, &ToGuest::Exec { id: u32::MAX, commands: &text }, &mut buffer).is_ok());
    let message = ToHost::Output { id: 0, stream: Stream::Out, bytes: &bytes };
    assert_eq!(encode(0, &message, &mut buffer), Err(EncodeError::TooLong));
}

#[test]
fn every_single_bit_error_is_detected() {
    for message in samples() {
        let whole = frame(5, &message);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let passed: Vec<_> = decode(&damaged).into_iter().filter_map(Result::ok).collect();
            // A changed outer zero turns into noise that is either dropped or reported; a frame that comes
            // through must be the one that was sent.
            assert!(passed.iter().all(|(number, text)| *number == 5 && *text == format!("{message:?}")));
        }
    }
}

#[test]
fn a_damaged_frame_does_not_take_the_next_one_along() {
    let mut line = frame(0, &ToHost::Accepted { id: 1 });
    line[3] ^= 0x40;
    line.extend(frame(1, &ToHost::Exit { id: 1, status: 0 }));
    let found = decode(&line);
    assert_eq!(found.len(), 2);
    assert!(found[0].is_err());
    assert_eq!(found[1], Ok((1, format!("{:?}", ToHost::Exit { id: 1, status: 0 }))));
}

#[test]
fn endless_noise_is_one_error() {
    let mut line = vec![0x41; 10 * MAX_FRAME];
    line.extend(frame(0, &ToHost::Accepted { id: 1 }));
    let found = decode(&line);
    assert_eq!(found[0], Err(FrameError::TooLong));
    assert_eq!(found.len(), 2);
}

#[test]
fn bytes_behind_a_message_are_not_ignored() {
    let mut buffer = [0; MAX_FRAME];
    let line = encode(0, &(ToHost::Accepted { id: 1 }, 0_u8), &mut buffer).expect("fits");
    assert_eq!(decode(line), [Err(FrameError::Message)]);
}

#[test]
fn a_gap_is_seen_once() {
    let mut due = Sequence::new();
    assert_eq!(due.check(0), Ok(()));
    assert_eq!(due.check(2), Err(1));
    assert_eq!(due.check(3), Ok(()));
    let mut sender = Sequence::new();
    assert_eq!((sender.take(), sender.take()), (0, 1));
}

proptest! {
    #[test]
    fn any_output_survives_in_any_noise(
        bytes in proptest::collection::vec(any::<u8>(), 0..=MAX_OUTPUT),
        noise in proptest::collection::vec(1_u8.., 0..2 * MAX_FRAME),
        sequence: u32,
    ) {
        let message = ToHost::Output { id: 9, stream: Stream::Out, bytes: &bytes };
        let mut line = noise.clone();
        line.extend(frame(sequence, &message));
        let found = decode(&line);
        prop_assert_eq!(found.len(), 1 + usize::from(!noise.is_empty()));
        prop_assert_eq!(found.last(), Some(&Ok((sequence, format!("{message:?}")))));
    }

    #[test]
    fn hostile_bytes_neither_panic_nor_pass(bytes in proptest::collection::vec(any::<u8>(), 0..3 * MAX_FRAME)) {
        // A random frame with a right checksum does not come up in a test run.
        prop_assert!(decode(&bytes).iter().all(Result::is_err));
    }

    #[test]
    fn whole_frames_with_hostile_messages_do_not_panic(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
        // `(u8, ...)` tuples of bytes encode as themselves: a right frame around any content.
        struct Raw<'a>(&'a [u8]);
        impl serde::Serialize for Raw<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeTuple;
                let mut tuple = serializer.serialize_tuple(self.0.len())?;
                for byte in self.0 {
                    tuple.serialize_element(byte)?;
                }
                tuple.end()
            }
        }
        let mut buffer = [0; MAX_FRAME];
        let line = encode(0, &Raw(&payload), &mut buffer).expect("fits").to_vec();
        prop_assert_eq!(decode(&line).len(), 1);
    }
}
