//! The reader: checks the frame when opened, each entry when it is looked up.

use core::{fmt, str};

use crate::layout::{HEADER, MAGIC, OPEN_SIZE, PER_FUNCTION, PER_PATH, VERSION};

/// Why a table was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolsError {
    /// It does not begin like a symbol table.
    NotATable,
    /// It was written by another version of this library.
    Version(u16),
    /// Its length is not what its header says.
    Length,
}

impl fmt::Display for SymbolsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATable => f.write_str("not a symbol table"),
            Self::Version(version) => write!(f, "symbol table of unknown version {version}"),
            Self::Length => f.write_str("symbol table cut short or too long"),
        }
    }
}

impl core::error::Error for SymbolsError {}

/// The function an address lies in. Displays as `path::name+0x12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The name's beginning, up to and with its last `::`; may be empty.
    pub path: &'a str,
    /// The rest of the name.
    pub name: &'a str,
    /// Bytes from the function's start to the address.
    pub offset: u64,
}

impl fmt::Display for Symbol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}+{:#x}", self.path, self.name, self.offset)
    }
}

/// A symbol table, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Symbols<'a> {
    base: u64,
    offsets: &'a [[u8; 4]],
    sizes: &'a [[u8; 2]],
    name_ends: &'a [[u8; 4]],
    path_numbers: &'a [[u8; 2]],
    path_ends: &'a [[u8; 4]],
    text: &'a [u8],
}

impl<'a> Symbols<'a> {
    /// Opens a table. Takes constant time: entries are checked when they are looked up.
    ///
    /// # Errors
    /// If `bytes` is not a table of this version or has not exactly the length its header announces.
    pub fn open(bytes: &'a [u8]) -> Result<Self, SymbolsError> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(SymbolsError::NotATable)?;
        if *magic != MAGIC {
            return Err(SymbolsError::NotATable);
        }
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(SymbolsError::Length)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(SymbolsError::Version(version));
        }
        let (paths, rest) = rest.split_first_chunk::<2>().ok_or(SymbolsError::Length)?;
        let (base, rest) = rest.split_first_chunk::<8>().ok_or(SymbolsError::Length)?;
        let (functions, rest) = rest.split_first_chunk::<4>().ok_or(SymbolsError::Length)?;
        let (text, rest) = rest.split_first_chunk::<4>().ok_or(SymbolsError::Length)?;
        let paths = usize::from(u16::from_le_bytes(*paths));
        let functions = u32::from_le_bytes(*functions) as usize;
        let text = u32::from_le_bytes(*text) as usize;

        // At most 2^32 × 12 + 2^16 × 4 + 2^32: no overflow in 64 bits.
        if bytes.len() != HEADER + functions * PER_FUNCTION + paths * PER_PATH + text {
            return Err(SymbolsError::Length);
        }
        let (offsets, rest) = rest.split_at_checked(functions * 4).ok_or(SymbolsError::Length)?;
        let (sizes, rest) = rest.split_at_checked(functions * 2).ok_or(SymbolsError::Length)?;
        let (name_ends, rest) = rest.split_at_checked(functions * 4).ok_or(SymbolsError::Length)?;
        let (path_numbers, rest) = rest.split_at_checked(functions * 2).ok_or(SymbolsError::Length)?;
        let (path_ends, text) = rest.split_at_checked(paths * 4).ok_or(SymbolsError::Length)?;
        Ok(Self {
            base: u64::from_le_bytes(*base),
            offsets: offsets.as_chunks().0,
            sizes: sizes.as_chunks().0,
            name_ends: name_ends.as_chunks().0,
            path_numbers: path_numbers.as_chunks().0,
            path_ends: path_ends.as_chunks().0,
            text,
        })
    }

    /// Number of functions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether the table names no function at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// The function that contains `address`; `None` if none does or its entry is damaged.
    ///
    /// Takes O(log n) steps, allocates nothing: fit for a panic handler on any CPU.
    #[must_use]
    pub fn lookup(&self, address: u64) -> Option<Symbol<'a>> {
        let target = u32::try_from(address.checked_sub(self.base)?).ok()?;
        let after = self.offsets.partition_point(|start| u32::from_le_bytes(*start) <= target);
        let index = after.checked_sub(1)?;
        let offset = target.checked_sub(u32::from_le_bytes(*self.offsets.get(index)?))?;
        let size = u16::from_le_bytes(*self.sizes.get(index)?);
        if size != OPEN_SIZE && offset >= u32::from(size) {
            return None;
        }
        let path = usize::from(u16::from_le_bytes(*self.path_numbers.get(index)?));
        Some(Symbol {
            path: self.piece(self.path_ends, path, self.names_length()?)?,
            name: self.piece(self.name_ends, index, 0)?,
            offset: u64::from(offset),
        })
    }

    /// Where the names' text ends and the paths' begins.
    fn names_length(&self) -> Option<usize> {
        self.name_ends.last().map(|end| u32::from_le_bytes(*end) as usize)
    }

    /// The text between an end and the end before it (`first` for the first piece).
    fn piece(&self, ends: &[[u8; 4]], index: usize, first: usize) -> Option<&'a str> {
        let end = u32::from_le_bytes(*ends.get(index)?) as usize;
        let start = match index.checked_sub(1) {
            Some(before) => u32::from_le_bytes(*ends.get(before)?) as usize,
            None => first,
        };
        str::from_utf8(self.text.get(start..end)?).ok()
    }
}
