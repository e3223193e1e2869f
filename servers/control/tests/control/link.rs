//! The control line, with the tool's end in the test's hand.

use anax_control::{Decoder, MAX_FRAME, MAX_OUTPUT, Sequence, Stream, ToGuest, ToHost, VERSION, encode};
use anax_tty::BUFFER;
use control::{Asked, Link};

/// What the tool would understand, as text; the numbers of the frames have to go on.
fn said(link: &mut Link, due: &mut Sequence) -> Vec<String> {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    for byte in link.take() {
        if let Some(frame) = decoder.push(byte) {
            let frame = frame.expect("a whole frame");
            due.check(frame.sequence).expect("nothing is missing");
            let message: ToHost<'_> = frame.message().expect("a message");
            all.push(match message {
                ToHost::Output { id, stream, bytes } => {
                    format!("{id} {stream:?} {}", String::from_utf8_lossy(bytes))
                }
                other => format!("{other:?}"),
            });
        }
    }
    all
}

fn push(link: &mut Link, id: u32, commands: &str) -> Option<Asked> {
    let mut buffer = [0; MAX_FRAME];
    let frame = encode(0, &ToGuest::Exec { id, commands }, &mut buffer).unwrap().to_vec();
    frame.into_iter().filter_map(|byte| link.push(byte).expect("a good frame")).last()
}

#[test]
fn a_command_line_from_beginning_to_end() {
    let (mut link, mut due) = (Link::default(), Sequence::new());
    link.greet(4, 7);
    let greeting = said(&mut link, &mut due);
    assert_eq!(greeting[0], format!("Hello {{ version: {VERSION} }}"));
    let ready = "Ready { cpus: 4, memory_kib: 0, entry_tsc: 0, ready_tsc: 7, tsc_hz: 1000000000 }";
    assert_eq!(greeting[1], ready);
    assert_eq!(push(&mut link, 1, "echo a"), Some(Asked { id: 1, commands: "echo a".into() }));
    link.output(Stream::Out, b"a\n");
    link.output(Stream::Err, b"");
    link.exit(7);
    assert_eq!(said(&mut link, &mut due), ["Accepted { id: 1 }", "1 Out a\n", "Exit { id: 1, status: 7 }"]);
}

#[test]
fn what_is_sent_again_runs_once() {
    let (mut link, mut due) = (Link::default(), Sequence::new());
    assert!(push(&mut link, 1, "echo a").is_some());
    assert_eq!(push(&mut link, 1, "echo a"), None);
    assert_eq!(said(&mut link, &mut due), ["Accepted { id: 1 }", "Accepted { id: 1 }"]);
    assert!(push(&mut link, 2, "echo a").is_some());
}

#[test]
fn long_output_is_cut_into_frames() {
    let (mut link, mut due) = (Link::default(), Sequence::new());
    link.output(Stream::Out, b"for nobody");
    push(&mut link, 1, "x");
    link.output(Stream::Out, &[b'x'; 2 * MAX_OUTPUT + 1]);
    let said = said(&mut link, &mut due);
    assert_eq!(said.iter().map(|text| text.matches('x').count()).sum::<usize>(), 2 * MAX_OUTPUT + 1);
    assert_eq!(said.len(), 4);
}

#[test]
fn noise_is_no_command() {
    let mut link = Link::default();
    let noise = b"\x00garbage from a firmware\x00";
    assert!(noise.iter().any(|byte| link.push(*byte).is_err()));
    assert!(push(&mut link, 1, "true").is_some());
}

#[test]
fn what_the_line_may_have_lost_is_sent_again() {
    let (mut link, mut due) = (Link::default(), Sequence::new());
    link.greet(1, 7);
    assert!(push(&mut link, 1, "x").is_some());
    let mut all = said(&mut link, &mut due);
    for count in 0..100 {
        link.output(Stream::Out, format!("{count} {}", "x".repeat(90)).as_bytes());
        all.extend(said(&mut link, &mut due));
    }
    // The driver has died: whatever its buffer held comes again, frames as they were, and those that were gathered meanwhile.
    link.output(Stream::Out, b"last");
    link.repeat();
    let again = link.take();
    assert!((BUFFER..BUFFER + 2 * MAX_FRAME).contains(&again.len()), "{} bytes", again.len());
    let (mut decoder, mut numbers) = (Decoder::new(), Vec::new());
    for byte in again {
        if let Some(frame) = decoder.push(byte) {
            numbers.push(frame.expect("a whole frame").sequence);
        }
    }
    assert_eq!(numbers.last(), Some(&103));
    assert!(numbers.is_sorted() && numbers.len() == (104 - numbers[0]) as usize, "{numbers:?}");
    assert!(link.take().is_empty(), "once");
}

#[test]
fn a_greeting_that_was_heard_does_not_come_again() {
    let mut link = Link::default();
    link.greet(1, 7);
    let greeting = link.take();
    link.repeat();
    assert_eq!(link.take(), greeting, "it may have been lost");
    assert!(push(&mut link, 1, "x").is_some());
    let accepted = link.take();
    link.repeat();
    assert_eq!(link.take(), accepted);
}
