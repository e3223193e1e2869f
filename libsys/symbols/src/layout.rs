//! The table's layout, all integers little-endian, nothing aligned:
//!
//! | part | size | content |
//! |---|---|---|
//! | header | 28 | magic, version, base address, number of functions, of paths, bytes of text |
//! | offsets | 4 × functions | start minus base address, ascending |
//! | sizes | 2 × functions | bytes; [`OPEN_SIZE`] means "up to the next function" |
//! | name ends | 4 × functions | where the name's text ends; it starts where the one before ends |
//! | path numbers | 2 × functions | which path the name continues |
//! | path ends | 4 × paths | where the path's text ends; it starts where the one before ends |
//! | text | bytes of text | all names, then all paths, UTF-8 |
//!
//! Separate columns, so that the binary search touches offsets alone.

/// First eight bytes of a table.
pub(crate) const MAGIC: [u8; 8] = *b"anax-sym";
/// Layout version; a reader refuses any other.
pub(crate) const VERSION: u16 = 1;
/// Bytes of the header.
pub(crate) const HEADER: usize = 28;
/// Size of a function too large for its column.
pub(crate) const OPEN_SIZE: u16 = u16::MAX;
/// Bytes a function takes beside its text: offset, size, name end, path number.
pub(crate) const PER_FUNCTION: usize = 4 + 2 + 4 + 2;
/// Bytes a path takes beside its text.
pub(crate) const PER_PATH: usize = 4;
