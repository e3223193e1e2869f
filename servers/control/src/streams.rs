//! The standard streams of programs: where what they print goes, and where what they read comes from.

use alloc::vec;

use anax_abi::Error;
use anax_control::Stream;
use anax_proto::{Caller, Gift, Later};
use anax_stream::{BULK, ByteStream, Host, PIECE, Piece, Typing};

use crate::input::Input;
use crate::system::Finish;

/// Where a command line's output goes.
pub trait Sink {
    /// Prints.
    fn print(&mut self, stream: Stream, bytes: &[u8]);

    /// The machine is about to end; the last thing that is asked of it.
    fn finish(&mut self, how: Finish);
}

/// Which of its streams a program means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// What it reads.
    Input = 0,
    /// Where it prints.
    Output = 1,
    /// Where it says what is wrong.
    Error = 2,
}

/// The badge of a process's stream: the kernel keeps 32 bits.
///
/// # Errors
/// `Full` when all numbers are used up.
pub fn badge(process: u64, stream: Standard) -> Result<u64, Error> {
    process
        .checked_mul(4)
        .map(|badge| badge + stream as u64)
        .filter(|badge| *badge <= u32::MAX.into())
        .ok_or(Error::Full)
}

/// Serves [`ByteStream`].
#[derive(Debug)]
pub struct Streams<'a, S, H> {
    /// Where what is printed goes.
    pub sink: &'a mut S,
    /// What is read.
    pub input: &'a mut Input,
    /// The program that reads.
    pub foreground: Option<u64>,
    /// How answers are sent and lent memory is reached.
    pub host: &'a mut H,
}

impl<S: Sink, H: Host> Streams<'_, S, H> {
    /// A stream that can be written.
    fn written(caller: Caller) -> Result<Stream, Error> {
        match caller.0 % 4 {
            1 => Ok(Stream::Out),
            2 if cfg!(not(bite = "control-one-stream")) => Ok(Stream::Err),
            2 => Ok(Stream::Out),
            _ => Err(Error::NoRights),
        }
    }

    /// A process that can read.
    const fn reader(caller: Caller) -> Result<u64, Error> {
        if caller.0 % 4 == Standard::Input as u64 { Ok(caller.0 / 4) } else { Err(Error::NoRights) }
    }

    /// Lets whoever waits for input go on.
    pub fn go_on(&mut self) {
        let sink = &mut *self.sink;
        self.input.go_on(self.foreground, self.host, |text| sink.print(Stream::Out, text.as_bytes()));
    }

    fn print_lent(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error> {
        let stream = Self::written(caller)?;
        let count = usize::try_from(length).ok().filter(|count| (1..=BULK).contains(count));
        let mut bytes = vec![0; count.ok_or(Error::BadArgument)?];
        self.host.copy_out(memory.handle, &mut bytes)?;
        self.sink.print(stream, &bytes);
        Ok(length)
    }

    fn read_lent(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error> {
        let process = Self::reader(caller)?;
        let is_its = self.foreground == Some(process);
        let bytes = self.input.now(most, is_its)?;
        if !bytes.is_empty() {
            self.host.copy_in(memory.handle, &bytes)?;
        }
        if is_its {
            self.input.taken(bytes.len());
        }
        Ok(bytes.len() as u64)
    }
}

impl<S: Sink, H: Host> ByteStream for Streams<'_, S, H> {
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; PIECE / 8], later: Later<(), Error>) {
        let piece = Piece::from_words(length, bytes).ok_or(Error::BadArgument);
        let printed = Self::written(caller)
            .and_then(|stream| piece.map(|piece| self.sink.print(stream, piece.bytes())));
        self.host.answer(&later.answer(printed));
    }

    fn read(&mut self, caller: Caller, most: u8, later: Later<(u8, [u64; PIECE / 8]), Error>) {
        match Self::reader(caller) {
            Ok(process) => {
                self.input.read(process, most, later, self.host);
                self.go_on();
            }
            Err(error) => _ = self.host.answer(&later.answer(Err(error))),
        }
    }

    fn write_from(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error> {
        let printed = self.print_lent(caller, length, memory);
        self.host.close(memory.handle);
        printed
    }

    fn read_into(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error> {
        let read = self.read_lent(caller, most, memory);
        self.host.close(memory.handle);
        read
    }

    fn ready(&mut self, caller: Caller, later: Later<(), Error>) {
        match Self::reader(caller) {
            Ok(process) => {
                self.input.ready(process, later, self.host);
                self.go_on();
            }
            // What is printed never waits.
            Err(_) => _ = self.host.answer(&later.answer(Self::written(caller).map(|_| ()))),
        }
    }

    fn typing(&mut self, caller: Caller, how: Typing) -> Result<(), Error> {
        let process = Self::reader(caller)?;
        if self.foreground == Some(process) {
            self.input.set_typing(process, how)?;
            if how == Typing::Lines && self.input.was_interrupted() && self.input.interrupt(self.host) {
                self.sink.print(Stream::Out, b"^C\n");
            }
            Ok(())
        } else {
            Err(Error::NoRights)
        }
    }

    fn interrupted(&mut self, caller: Caller, later: Later<(), Error>) {
        let process = Self::reader(caller).ok().filter(|process| self.foreground == Some(*process));
        match process {
            Some(_) => self.input.tell_of_interrupt(later, self.host),
            None => _ = self.host.answer(&later.answer(Err(Error::NoRights))),
        }
    }
}
