//! What the utilities do that needs no machine: options, matching, ordering, and how things are shown.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod count;
mod dump;
mod matching;
mod options;
mod order;
mod shown;
mod tail;

pub use count::Count;
pub use dump::{COLUMNS, dump};
pub use matching::{Matcher, Syntax};
pub use options::{Options, Wrong, number};
pub use order::{Order, sort};
pub use shown::{duration, human, seconds, table};
pub use tail::{Tail, Unit};
