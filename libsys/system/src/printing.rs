//! What a program prints.

use anax_abi::Error;
use anax_proto::Caller;

/// Bytes of a piece.
pub const PIECE: usize = 32;

/// Takes what a program prints, in order. A piece travels in a message's words: nobody has to allocate or map anything to be able to say something.
#[anax_proto::interface]
pub trait Output {
    /// The first `length` bytes of four words, at most [`PIECE`], the lowest byte of each first.
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; 4]) -> Result<(), Error>;
}
