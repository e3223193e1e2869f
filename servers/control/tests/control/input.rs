//! What programs of a command line read.

use anax_abi::{Error, Handle, Rights};
use anax_control::Stream;
use anax_proto::{Answered, Caller, Gift, Later};
use anax_stream::{ByteStream as _, Host, Piece, Typing};
use control::{Finish, Input, MOST_SHELLS, Pressed, Sink, Standard, Streams, badge};

/// What is shown, and where.
#[derive(Debug, Default)]
struct Screen(String, String);

impl Sink for Screen {
    fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let to = if stream == Stream::Out { &mut self.0 } else { &mut self.1 };
        to.push_str(&String::from_utf8_lossy(bytes));
    }

    fn finish(&mut self, _: Finish) {}
}

/// What was answered, and one lent region.
#[derive(Debug, Default)]
struct Desk {
    answered: Vec<Answered>,
    memory: Vec<u8>,
    dead: Vec<u64>,
}

impl Host for Desk {
    fn answer(&mut self, answered: &Answered) -> bool {
        self.answered.push(*answered);
        !self.dead.contains(&answered.ticket)
    }

    fn copy_out(&mut self, _: Handle, to: &mut [u8]) -> Result<(), Error> {
        to.copy_from_slice(&self.memory[..to.len()]);
        Ok(())
    }

    fn copy_in(&mut self, _: Handle, from: &[u8]) -> Result<(), Error> {
        self.memory = from.to_vec();
        Ok(())
    }

    fn close(&mut self, _: Handle) {}
}

/// The console while programs run.
struct Console {
    screen: Screen,
    input: Input,
    desk: Desk,
    foreground: Option<u64>,
    tickets: u64,
}

impl Console {
    fn new(input: Input) -> Self {
        let (screen, desk) = (Screen::default(), Desk::default());
        Self { screen, input, desk, foreground: Some(7), tickets: 0 }
    }

    fn streams(&mut self) -> Streams<'_, Screen, Desk> {
        let foreground = self.foreground;
        Streams { sink: &mut self.screen, input: &mut self.input, foreground, host: &mut self.desk }
    }

    fn read(&mut self, process: u64, most: u8) -> u64 {
        self.tickets += 1;
        let (caller, later) = (Caller(badge(process, Standard::Input).unwrap()), Later::new(self.tickets));
        self.streams().read(caller, most, later);
        self.tickets
    }

    fn read_into(&mut self, process: u64, most: u64) -> Result<Vec<u8>, Error> {
        let caller = Caller(badge(process, Standard::Input).unwrap());
        self.desk.memory.clear();
        let count = self.streams().read_into(caller, most, Gift::copy(Handle::new(9, 1), Rights::ALL))?;
        Ok(self.desk.memory[..count as usize].to_vec())
    }

    fn press(&mut self, keys: &str) -> Vec<Pressed> {
        let pressed = keys.bytes().map(|key| self.input.press(key, self.foreground)).collect();
        self.streams().go_on();
        pressed
    }

    /// What somebody has got, if he does not wait any more.
    fn got(&self, ticket: u64) -> Option<Result<String, Error>> {
        let answered = self.desk.answered.iter().find(|answered| answered.ticket == ticket)?;
        let [length, words @ ..] = answered.reply.words;
        Some(match answered.reply.code {
            0 => Ok(String::from_utf8(Piece::from_words(length as u8, words)?.bytes().to_vec()).ok()?),
            code => Err(Error::from_code(code)),
        })
    }
}

fn text(text: &str) -> Option<Result<String, Error>> {
    Some(Ok(text.into()))
}

#[test]
fn lines_are_read_whole_and_shown_once() {
    let mut console = Console::new(Input::typed());
    console.press("typed ahed");
    assert_eq!(console.screen.0, "", "nobody waits for it");
    let first = console.read(7, 32);
    console.press("\x7f\x7fead\rnext");
    assert_eq!(
        (console.got(first), &*console.screen.0),
        (text("typed ahead\n"), "typed ahed\u{8} \u{8}\u{8} \u{8}ead\n")
    );
    // Another line in pieces.
    let second = console.read(7, 3);
    console.press("\r");
    assert_eq!(console.got(second), text("nex"));
    assert_eq!(console.read_into(7, 100), Ok(b"t\n".to_vec()));
    assert_eq!(console.read_into(7, 100), Err(Error::WouldBlock));
}

#[test]
fn the_end_is_read_once() {
    let mut console = Console::new(Input::typed());
    let end = console.read(7, 32);
    console.press("\u{4}");
    assert_eq!(console.got(end), text(""));
    let (part, rest) = (console.read(7, 32), "line\u{4}");
    console.press(rest);
    assert_eq!(console.got(part), text("line"), "what was typed goes without its end");
    let more = console.read(7, 32);
    assert_eq!(console.got(more), None);
}

#[test]
fn only_the_program_in_the_foreground_reads() {
    let mut console = Console::new(Input::typed());
    let (other, its) = (console.read(8, 32), console.read(7, 32));
    console.press("for seven\r");
    assert_eq!((console.got(other), console.got(its)), (text(""), text("for seven\n")));
    assert_eq!(console.read_into(8, 32), Ok(vec![]));
    assert_eq!(
        console.streams().typing(Caller(badge(8, Standard::Input).unwrap()), Typing::Keys),
        Err(Error::NoRights)
    );
    // One that has it no more is at its end.
    let waits = console.read(7, 32);
    console.foreground = Some(9);
    console.press("for nine\r");
    assert_eq!(console.got(waits), text(""));
    let its = console.read(9, 32);
    assert_eq!(console.got(its), text("for nine\n"));
}

#[test]
fn keys_for_an_editor() {
    let mut console = Console::new(Input::typed());
    let caller = Caller(badge(7, Standard::Input).unwrap());
    assert_eq!(console.streams().typing(caller, Typing::Keys), Ok(()));
    let keys = console.read(7, 32);
    assert_eq!(console.press("\x1b"), [Pressed::Input]);
    assert_eq!((console.got(keys), &*console.screen.0), (text("\x1b"), ""));
    assert_eq!(console.press("\u{3}\u{1c}"), [Pressed::Input, Pressed::Interrupt]);
    assert_eq!(console.streams().typing(caller, Typing::Lines), Ok(()));
    assert_eq!(console.press("\u{3}"), [Pressed::Interrupt]);
}

#[test]
fn a_shell_sees_to_the_end_of_what_it_has_started() {
    let mut console = Console::new(Input::typed());
    let ask = |console: &mut Console, process, ticket| {
        let caller = Caller(badge(process, Standard::Input).unwrap());
        console.streams().interrupted(caller, Later::new(ticket));
    };
    for (process, ticket) in [(7, 101), (7, 102), (7, 103), (8, 104)] {
        ask(&mut console, process, ticket);
    }
    assert_eq!(console.got(104), Some(Err(Error::NoRights)), "the person types for another one");
    console.desk.dead.push(103);
    // Who has asked last is told, and one who is dead is none.
    assert!(console.input.interrupt(&mut console.desk));
    assert_eq!([101, 102].map(|ticket| console.got(ticket)), [None, text("")]);
    assert!(console.input.interrupt(&mut console.desk));
    assert_eq!(console.got(101), text(""));
    // Nobody waits just now: Ctrl-C ends nothing, Ctrl-\ the shell.
    console.press("\u{3}");
    assert!(console.input.interrupt(&mut console.desk));
    console.press("\u{1c}");
    assert!(!console.input.interrupt(&mut console.desk));
    // One that came as a key just before lines are read, and that nobody has read.
    let caller = Caller(badge(7, Standard::Input).unwrap());
    assert_eq!(console.streams().typing(caller, Typing::Keys), Ok(()));
    ask(&mut console, 7, 105);
    assert_eq!(console.press("x\u{3}y"), [Pressed::Input; 3]);
    assert_eq!(console.streams().typing(caller, Typing::Lines), Ok(()));
    assert_eq!((console.got(105), &*console.screen.0), (text(""), "^C\n"));
    assert_eq!((console.input.typed_ahead(), console.input.typed_ahead()), (Some(b'y'), None));
    for ticket in 200..=200 + MOST_SHELLS as u64 {
        ask(&mut console, 7, ticket);
    }
    assert_eq!([200, 201].map(|ticket| console.got(ticket)), [Some(Err(Error::Aborted)), None]);
    let mut file = Console::new(Input::default());
    ask(&mut file, 7, 1);
    assert_eq!(file.got(1), Some(Err(Error::BadCommand)), "nobody types");
}

#[test]
fn what_no_program_reads_is_the_next_command() {
    let mut console = Console::new(Input::typed());
    let line = console.read(7, 32);
    console.press("one\rtwo\r");
    assert_eq!(console.got(line), text("one\n"));
    let left: String = std::iter::from_fn(|| console.input.typed_ahead()).map(char::from).collect();
    assert_eq!(left, "two\r");
}

#[test]
fn a_dead_reader_takes_nothing() {
    let mut console = Console::new(Input::typed());
    let dead = console.read(7, 32);
    console.desk.dead.push(dead);
    console.press("line\r");
    let alive = console.read(7, 32);
    assert_eq!(console.got(alive), text("line\n"));
}

#[test]
fn a_file_has_an_end() {
    let mut console = Console::new(Input::default());
    console.input.begin(Some(b"all of it".to_vec()));
    assert_eq!(console.read_into(7, 4), Ok(b"all ".to_vec()));
    let (rest, end) = (console.read(7, 32), console.read(7, 32));
    assert_eq!((console.got(rest), console.got(end)), (text("of it"), text("")));
    let caller = Caller(badge(7, Standard::Input).unwrap());
    assert_eq!(console.streams().typing(caller, Typing::Keys), Err(Error::BadCommand));
}

#[test]
fn two_streams_are_printed_apart() {
    let mut console = Console::new(Input::default());
    let (length, words) = Piece::beginning(b"text").words();
    for (ticket, stream) in [(1, Standard::Output), (2, Standard::Error), (3, Standard::Input)] {
        console.streams().write(Caller(badge(7, stream).unwrap()), length, words, Later::new(ticket));
    }
    console.desk.memory = b" and more".to_vec();
    let lent = Gift::copy(Handle::new(9, 1), Rights::ALL);
    assert_eq!(console.streams().write_from(Caller(badge(7, Standard::Error).unwrap()), 9, lent), Ok(9));
    assert_eq!((&*console.screen.0, &*console.screen.1), ("text", "text and more"));
    assert_eq!(console.got(3), Some(Err(Error::NoRights)));
    assert_eq!(badge(1 << 30, Standard::Input), Err(Error::Full));
}
