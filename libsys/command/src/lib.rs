//! Splits a command line such as `echo a && true; prog 'x y'` into steps and words.
//!
//! The build tool hands such lines to the guest (`cargo xtask run --exec`), where at first the kernel's test runner
//! and later the shell execute them. Both must agree on quoting, so the rules stand here once:
//!
//! - Blanks separate words; `;` and newline end a step; `&&` ends a step whose failure skips the next one, `||` one whose success does.
//! - `'…'` takes everything literally. `"…"` does too, except that `\"` and `\\` stand for `"` and `\`.
//! - Outside quotes a backslash takes the next character literally.
//! - There are no variables, comments, globs, pipes or background jobs: a lone `&` is an error, a lone `|`, `#`, `$` and
//!   the like are ordinary characters.
//!
//! The line may come over a serial line from a confused host, so every dimension is bounded ([`MAX_BYTES`],
//! [`MAX_STEPS`], [`MAX_WORDS`]) and nothing here panics.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod scan;

pub use error::{ParseError, ParseErrorKind};

use alloc::{string::String, vec::Vec};

/// Longest line accepted, in bytes.
pub const MAX_BYTES: usize = 4096;
/// Most steps in one line.
pub const MAX_STEPS: usize = 64;
/// Most words in one line, all steps together.
pub const MAX_WORDS: usize = 256;

/// What ties a step to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// The first step of the line: always runs.
    First,
    /// After `;` or a newline: runs whatever the status of the step before.
    Then,
    /// After `&&`: runs only if the step run last had status 0.
    AndThen,
    /// After `||`: runs only if the step run last had another status than 0.
    OrElse,
}

impl Connector {
    /// Whether a step that is tied so runs after `status`, which the step run last had.
    #[must_use]
    pub const fn runs_after(self, status: u8) -> bool {
        match self {
            Self::First | Self::Then => true,
            Self::AndThen => status == 0,
            Self::OrElse => status != 0,
        }
    }
}

/// One command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether this step depends on the one before it.
    pub connector: Connector,
    /// The command's name and its arguments, quotes removed; never empty, though a word may be.
    pub words: Vec<String>,
}

/// Splits `line` into its steps. A blank line has none.
///
/// # Errors
/// A [`ParseError`] with the byte position in `line` where the rule was broken: a limit exceeded, a quote left open,
/// a lone `&`, a backslash at the end, or a `;`, `&&` or `||` without a command beside it (a final `;` is fine).
pub fn parse(line: &str) -> Result<Vec<Step>, ParseError> {
    if line.len() > MAX_BYTES {
        return Err(ParseError { position: MAX_BYTES, kind: ParseErrorKind::TooLong });
    }
    scan::steps(line)
}
