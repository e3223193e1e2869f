//! Whatever programs, the tool and a person send: nothing is lost of what is good, and nothing breaks over what is not.

use anax_abi::{Error, Handle};
use anax_control::{Decoder, MAX_FRAME, Sequence, Stream, ToGuest, ToHost, encode};
use anax_proto::Answered;
use anax_storm::{Dice, Promises, Taken, cases, storm};
use anax_stream::{BULK, Host, byte_stream};
use control::{Asked, Finish, Input, Link, MOST_SHELLS, Runner, Sink, Streams};

use crate::world::World;

/// Counts what is printed.
#[derive(Debug, Default)]
struct Paper {
    bytes: usize,
    pieces: u64,
}

impl Sink for Paper {
    fn print(&mut self, _: Stream, bytes: &[u8]) {
        assert!(bytes.len() <= BULK, "{} bytes", bytes.len());
        self.bytes += bytes.len();
        self.pieces += 1;
    }

    fn finish(&mut self, _: Finish) {
        panic!("nobody who prints ends the machine");
    }
}

/// What is answered, and which handles are here.
#[derive(Debug, Default)]
struct Desk {
    promises: Promises,
    taken: Taken,
    answered: Vec<Answered>,
    closed: Vec<Handle>,
}

impl Host for Desk {
    fn answer(&mut self, answered: &Answered) -> bool {
        self.answered.push(*answered);
        true
    }

    fn copy_out(&mut self, _: Handle, to: &mut [u8]) -> Result<(), Error> {
        to.fill(b'x');
        Ok(())
    }

    fn copy_in(&mut self, _: Handle, from: &[u8]) -> Result<(), Error> {
        if from.len() > BULK { Err(Error::BadArgument) } else { Ok(()) }
    }

    fn close(&mut self, handle: Handle) {
        self.closed.push(handle);
    }
}

/// Of a process that reads, with somebody who types: nobody is forgotten, no handle stays, and nobody else reads what he types.
#[test]
fn a_storm_of_requests() {
    let (mut paper, mut refused, mut input) = (Paper::default(), 0, Input::typed());
    let (mut host, mut dice) = (Desk::default(), Dice::new(2));
    let cases = cases();
    input.begin(None);
    let streams = Streams { sink: &mut paper, input: &mut input, foreground: Some(1), host: &mut host };
    storm(&mut byte_stream::Serve(streams), 1, cases, &["hello"], |byte_stream::Serve(streams), case| {
        refused += u64::from(case.reply.code != 0);
        streams.host.promises.asked(case);
        streams.host.taken.asked(case);
        if dice.once_in(4) {
            streams.input.press(dice.byte(), streams.foreground);
            streams.go_on();
        }
        for answered in std::mem::take(&mut streams.host.answered) {
            // Whoever can't be answered later is not.
            if answered.ticket != 0 {
                refused += u64::from(answered.reply.code != 0);
                streams.host.promises.answered(&answered);
            }
        }
        for handle in std::mem::take(&mut streams.host.closed) {
            assert!(streams.host.taken.closed(handle), "no handle of its");
        }
        assert_eq!(streams.host.taken.held(), 0, "lent memory is kept");
        assert!(streams.host.promises.owed() <= 1 + MOST_SHELLS, "more than one waits for input");
    });
    assert!(paper.pieces > cases / 50 && refused > cases / 10, "{paper:?}, {refused} refused");
}

/// What the tool sends, cut, doubled and damaged: each line is run at most once, and one that comes whole is accepted.
#[test]
fn a_storm_on_the_control_line() {
    let (mut link, mut dice, mut due) = (Link::default(), Dice::new(1), Sequence::new());
    let (mut last, mut decoder, mut said, mut accepted, mut damaged) =
        (0, Decoder::new(), 0_u64, 0_u64, 0_u64);
    for id in 1..=cases() / 8 {
        let commands: String = (0..dice.below(40)).map(|_| char::from(0x20 + dice.byte() % 0x5f)).collect();
        let mut buffer = [0; MAX_FRAME];
        let whole =
            encode(0, &ToGuest::Exec { id: id as u32, commands: &commands }, &mut buffer).expect("short");
        // The zero ends whatever was begun before.
        let mut sent = vec![0];
        sent.extend_from_slice(whole);
        let is_whole = dice.once_in(2);
        if !is_whole {
            for _ in 0..=dice.below(3) {
                let at = dice.below(sent.len() as u64) as usize;
                match dice.below(3) {
                    0 => sent[at] = dice.byte(),
                    1 => _ = sent.remove(at),
                    _ => sent.insert(at, dice.byte()),
                }
            }
        }
        let mut runs = Vec::new();
        for byte in &sent {
            match link.push(*byte) {
                Ok(asked) => runs.extend(asked),
                Err(_) => damaged += 1,
            }
        }
        // The end of a frame may come with the next one.
        assert!(runs.iter().all(|asked| asked.id > last), "again, or later than others: {runs:?}");
        if is_whole {
            assert_eq!(runs.last(), Some(&Asked { id: id as u32, commands, file: None }));
        }
        last = runs.last().map_or(last, |asked| asked.id);
        accepted += runs.len() as u64;
        link.output(Stream::Out, &sent);
        for byte in link.take() {
            if let Some(frame) = decoder.push(byte) {
                let frame = frame.expect("a whole frame");
                due.check(frame.sequence).expect("nothing is missing");
                let _: ToHost<'_> = frame.message().expect("a message");
                said += 1;
            }
        }
    }
    assert!(said > accepted && accepted > 0 && damaged > 0, "{said} {accepted} {damaged}");
}

/// Words that command lines are made of.
const WORDS: [&str; 20] = [
    "echo",
    "job",
    "poor",
    "kill",
    "ps",
    "sleep",
    "0.5",
    "true",
    "false",
    "&&",
    "||",
    ";",
    "'",
    "\"",
    "\\",
    "99",
    "power-off",
    "reboot",
    "names",
    "18446744073709551616",
];

/// Command lines that nobody sane would type, with ends of programs that nobody waits for: each line comes to its end.
#[test]
fn a_storm_of_command_lines() {
    let (mut world, mut runner, mut dice) = (World::default(), Runner::default(), Dice::new(1));
    let (mut finished, mut started) = (0, 0);
    for _ in 0..cases() / 8 {
        let line: String =
            (0..dice.below(12)).flat_map(|_| [dice.one_of(&WORDS), dice.one_of(&["", " "])]).collect();
        runner.begin(&line, &mut world);
        for _ in 0..64 {
            if let Some(due) = runner.due() {
                world.now = due;
                runner.tick(&mut world);
            }
            let how = if dice.once_in(4) { Err(anax_abi::Error::PeerDied) } else { Ok(dice.word()) };
            runner.ended(world.last_started() + dice.below(2), how, &mut world);
            if runner.finished().is_some() {
                finished += 1;
                break;
            }
        }
        assert!(!runner.is_busy(), "{line}");
        started += world.started.len();
        // Programs are numbered on from what is remembered here.
        world = World { now: world.now, ..World::default() };
    }
    assert!(finished == cases() / 8 && started > 0, "{finished} {started}");
}
