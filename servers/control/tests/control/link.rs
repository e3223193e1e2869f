//! The control line, with the tool's end in the test's hand.

use anax_control::{
    Decoder, MAX_FILE, MAX_FRAME, MAX_OUTPUT, MAX_PART, NotTaken, Sequence, Stream, ToGuest, ToHost, VERSION,
    checksum, encode,
};
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
    tell(link, &ToGuest::Exec { id, commands })
}

fn tell(link: &mut Link, message: &ToGuest<'_>) -> Option<Asked> {
    let mut buffer = [0; MAX_FRAME];
    let frame = encode(0, message, &mut buffer).unwrap().to_vec();
    frame.into_iter().filter_map(|byte| link.push(byte).expect("a good frame")).last()
}

/// What is answered to one message.
fn told(link: &mut Link, message: &ToGuest<'_>) -> ToHost<'static> {
    link.take();
    assert_eq!(tell(link, message), None);
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    for byte in link.take() {
        if let Some(frame) = decoder.push(byte) {
            all.push(match frame.expect("a whole frame").message().expect("a message") {
                ToHost::Taken { id, bytes } => ToHost::Taken { id, bytes },
                ToHost::NotTaken { id, why } => ToHost::NotTaken { id, why },
                other => panic!("{other:?}"),
            });
        }
    }
    assert_eq!(all.len(), 1, "one answer");
    all[0]
}

fn file(id: u32, content: &[u8]) -> ToGuest<'static> {
    ToGuest::File { id, bytes: content.len() as u32, checksum: checksum(content) }
}

#[test]
fn a_command_line_from_beginning_to_end() {
    let (mut link, mut due) = (Link::default(), Sequence::new());
    link.greet(4, 7);
    let greeting = said(&mut link, &mut due);
    assert_eq!(greeting[0], format!("Hello {{ version: {VERSION} }}"));
    let ready = "Ready { cpus: 4, memory_kib: 0, entry_tsc: 0, ready_tsc: 7, tsc_hz: 1000000000 }";
    assert_eq!(greeting[1], ready);
    assert_eq!(push(&mut link, 1, "echo a"), Some(Asked { id: 1, commands: "echo a".into(), file: None }));
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

#[test]
fn a_file_comes_in_parts_and_goes_to_its_command_line() {
    let content: Vec<u8> = (0..2 * MAX_PART as u32 + 5).map(|number| number as u8).collect();
    let mut link = Link::default();
    assert_eq!(told(&mut link, &file(1, &content)), ToHost::Taken { id: 1, bytes: 0 });
    let mut here = 0;
    while here < content.len() {
        let bytes = &content[here..content.len().min(here + MAX_PART)];
        let part = ToGuest::Part { id: 1, offset: here as u32, bytes };
        here += bytes.len();
        let taken = ToHost::Taken { id: 1, bytes: here as u32 };
        // What is sent again, because the answer was lost, is there once; also the announcement.
        assert_eq!([told(&mut link, &part), told(&mut link, &part)], [taken; 2]);
        assert_eq!(told(&mut link, &file(1, &content)), taken);
    }
    // One behind a gap is not taken.
    let beyond = ToGuest::Part { id: 1, offset: here as u32 + 1, bytes: b"x" };
    assert_eq!(told(&mut link, &beyond), ToHost::Taken { id: 1, bytes: here as u32 });
    let asked = push(&mut link, 1, "swap").expect("a line");
    assert_eq!(asked.file.as_deref(), Some(&content[..]));
    assert_eq!(push(&mut link, 2, "swap").expect("a line").file, None, "it was the first one's");
}

#[test]
fn a_file_that_is_not_what_was_announced_is_forgotten() {
    let mut link = Link::default();
    let unknown = ToHost::NotTaken { id: 1, why: NotTaken::Unknown };
    let part = |bytes| ToGuest::Part { id: 1, offset: 0, bytes };
    assert_eq!(told(&mut link, &part(b"abc")), unknown);
    for (bytes, why) in [(0, NotTaken::Length), (MAX_FILE + 1, NotTaken::Length)] {
        assert_eq!(
            told(&mut link, &ToGuest::File { id: 1, bytes, checksum: 0 }),
            ToHost::NotTaken { id: 1, why }
        );
    }
    for (sent, why) in [(&b"abd"[..], NotTaken::Checksum), (b"abcd", NotTaken::Part)] {
        told(&mut link, &file(1, b"abc"));
        assert_eq!(told(&mut link, &part(sent)), ToHost::NotTaken { id: 1, why });
        assert_eq!(told(&mut link, &part(b"abc")), unknown);
        assert_eq!(push(&mut link, 1, "swap").and_then(|asked| asked.file), None);
        link = Link::default();
    }
    // Half of one is none.
    told(&mut link, &file(1, b"abc"));
    told(&mut link, &part(b"ab"));
    assert_eq!(push(&mut link, 1, "swap").expect("a line").file, None);
    // The next one takes the place of one that was never finished.
    told(&mut link, &file(2, b"abc"));
    told(&mut link, &file(3, b"x"));
    assert_eq!(
        told(&mut link, &ToGuest::Part { id: 3, offset: 0, bytes: b"x" }),
        ToHost::Taken { id: 3, bytes: 1 }
    );
    assert_eq!(push(&mut link, 3, "swap").expect("a line").file.as_deref(), Some(&b"x"[..]));
}
