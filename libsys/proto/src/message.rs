//! What travels: a command, five words, and up to [`SPACE`] bytes where words do not do.

use anax_abi::WORDS;

use crate::method::Format;

/// Most bytes that the arguments or the result of a `#[control]` method take.
pub const SPACE: usize = 4096;

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Caller(
    /// The badge of the handle that he asked by: his supervisor chose it, he can't.
    pub u64,
);

/// What is asked. Of a client's making: a server believes nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Which method.
    pub command: u32,
    /// How its arguments travel, and the answer.
    pub format: Format,
    /// Its arguments, or how many bytes there are.
    pub words: [u64; WORDS],
    /// Its arguments as postcard; empty for methods of fixed layout.
    pub bytes: &'a [u8],
}

/// What came of it. Of a server's making: a client believes nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Not negative if it went well; else why not, see [`Failure`](crate::Failure).
    pub code: i64,
    /// The result.
    pub words: [u64; WORDS],
    /// Bytes of the result that stand in the client's buffer.
    pub length: usize,
}

impl Reply {
    /// None yet: the server answers later. No server's own code can say so.
    pub const LATER: Self = Self { code: i64::MAX, words: [0; WORDS], length: 0 };

    /// Whether the answer comes later.
    #[inline(always)]
    #[must_use]
    pub const fn is_later(&self) -> bool {
        self.code == i64::MAX
    }

    /// It failed.
    #[must_use]
    pub const fn failed(code: i64) -> Self {
        Self { code, words: [0; WORDS], length: 0 }
    }
}
