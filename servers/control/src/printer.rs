//! What programs print, on its way to where the command line's output goes.

use anax_abi::Error;
use anax_control::Stream;
use anax_proto::Caller;
use anax_system::{Output, PIECE};
use anax_tty::Piece;

use crate::system::Finish;

/// Where a command line's output goes.
pub trait Sink {
    /// Prints.
    fn print(&mut self, stream: Stream, bytes: &[u8]);

    /// The machine is about to end; the last thing that is asked of it.
    fn finish(&mut self, how: Finish);
}

/// Serves [`Output`]: programs print there.
#[derive(Debug)]
pub struct Printer<'a, S>(
    /// Where to.
    pub &'a mut S,
);

impl<S: Sink> Output for Printer<'_, S> {
    fn write(&mut self, _: Caller, length: u8, bytes: [u64; PIECE / 8]) -> Result<(), Error> {
        let piece = Piece::from_words(length, bytes).ok_or(Error::BadArgument)?;
        self.0.print(Stream::Out, piece.bytes());
        Ok(())
    }
}
