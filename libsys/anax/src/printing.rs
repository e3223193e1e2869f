//! What a program prints: standard output a line at a time, standard error at once.
//!
//! Text is formatted into a buffer of the caller's own before the common one is locked, so that nothing of a program's runs under the lock, and a
//! panic while something is formatted leaves it free. Nobody hears it any more is no reason to stop: `print!` goes on, and [`Out::write_all`] says so.

use core::fmt::{self, Write};

use anax_abi::{Error, Handle};
use anax_startup::handles;
use anax_sys::lock::Lock;
use spin::Once;

use crate::stream::transfer::write_all;

/// Bytes of a line that is sent as a whole.
const LINE: usize = 1024;
/// Bytes that are formatted before the common buffer is asked for.
const LOCAL: usize = 256;

/// Prints to standard output; to the log if whoever started the program gave it none.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::print_to($crate::Printed::Out, ::core::format_args!($($argument)*))
    };
}

/// The same, and ends the line.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => {
        $crate::print_to($crate::Printed::Out, ::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Prints to standard error, at once; to the log if whoever started the program gave it none.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => {
        $crate::print_to($crate::Printed::Err, ::core::format_args!($($argument)*))
    };
}

/// The same, and ends the line.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::eprint!("\n") };
    ($($argument:tt)*) => {
        $crate::print_to($crate::Printed::Err, ::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// One of the streams that a program writes.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Printed {
    fn handle(self) -> Option<Handle> {
        crate::handle(match self {
            Self::Out => handles::STDOUT,
            Self::Err => handles::STDERR,
        })
    }

    /// To whoever reads it.
    fn send(self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(handle) = self.handle() {
            return write_all(handle, bytes);
        }
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            anax_sys::log::line(format_args!("{}: {}", crate::name(), Lossy(line)));
        }
        Ok(())
    }
}

/// For the macros.
#[doc(hidden)]
pub fn print_to(printed: Printed, text: fmt::Arguments<'_>) {
    // What can't be formatted, or has no reader, is not printed.
    let _ = Local { out: Out(printed), bytes: [0; LOCAL], used: 0 }.write_fmt(text);
}

/// Standard output, or standard error, of this program; all values of this type are the same.
#[derive(Debug)]
pub struct Out(Printed);

/// Standard output. What is written is sent with the end of its line, when the program waits for input, starts another one, or ends.
#[must_use]
pub const fn stdout() -> Out {
    Out(Printed::Out)
}

/// Standard error. What is written is sent at once.
#[must_use]
pub const fn stderr() -> Out {
    Out(Printed::Err)
}

impl Out {
    /// Writes these bytes. Waits as long as their reader does not keep up.
    ///
    /// # Errors
    /// `PeerDied` if nobody will read them, or those that were written before; part of them may be lost then.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.0 {
            Printed::Out => LINES.lock().write(bytes),
            Printed::Err => Printed::Err.send(bytes),
        }
    }

    /// Sends what is still here.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all).
    pub fn flush(&mut self) -> Result<(), Error> {
        match self.0 {
            Printed::Out => LINES.lock().flush(),
            Printed::Err => Ok(()),
        }
    }
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Sends what standard output has gathered. A program that prints nothing does not even link what would send it.
pub(crate) fn flush() {
    if let Some(flush) = FLUSH.get() {
        flush();
    }
}

/// What sends it, once there was something.
static FLUSH: Once<fn()> = Once::new();

/// The beginning of a line of standard output.
static LINES: Lock<Gathered> = Lock::new(Gathered { bytes: [0; LINE], used: 0 });

struct Gathered {
    bytes: [u8; LINE],
    used: usize,
}

impl Gathered {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let lines = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let (lines, rest) = bytes.split_at(lines);
        self.gather(lines)?;
        if !lines.is_empty() {
            self.flush()?;
        }
        self.gather(rest)
    }

    fn gather(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.used + bytes.len() > LINE {
            self.flush()?;
        }
        if bytes.len() > LINE {
            return Printed::Out.send(bytes);
        }
        self.bytes[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
        // Nobody is left to be told what fails.
        FLUSH.call_once(|| || _ = LINES.lock().flush());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let used = core::mem::take(&mut self.used);
        if used == 0 { Ok(()) } else { Printed::Out.send(&self.bytes[..used]) }
    }
}

/// What one `print!` has formatted.
struct Local {
    out: Out,
    bytes: [u8; LOCAL],
    used: usize,
}

impl Local {
    fn pass_on(&mut self) -> fmt::Result {
        let used = core::mem::take(&mut self.used);
        if used == 0 { Ok(()) } else { self.out.write_all(&self.bytes[..used]).map_err(|_| fmt::Error) }
    }
}

impl Write for Local {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut text = text.as_bytes();
        while !text.is_empty() {
            if self.used == LOCAL {
                self.pass_on()?;
            }
            let (now, later) = text.split_at(text.len().min(LOCAL - self.used));
            self.bytes[self.used..self.used + now.len()].copy_from_slice(now);
            self.used += now.len();
            text = later;
        }
        Ok(())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.pass_on();
    }
}

/// What of it is text.
struct Lossy<'a>(&'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}
