//! The writer: sorts, shortens and splits names. Deterministic: the same functions give the same bytes.

use std::collections::BTreeMap;

use crate::layout::{HEADER, MAGIC, OPEN_SIZE, PER_FUNCTION, PER_PATH, VERSION};

/// Longest name kept, in bytes; generic instances can have names of several kilobytes.
const MAX_NAME: usize = 160;

/// Collects functions and writes the table.
#[derive(Debug, Default)]
pub struct Writer {
    /// By address: size and name.
    functions: BTreeMap<u64, (u64, String)>,
}

impl Writer {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function: its start, its size in bytes (0: unknown, taken to reach to the next one) and its demangled
    /// name, without the compiler's hash. Of several names for one address the largest function's is kept, then the
    /// alphabetically first; names over 160 bytes are cut.
    pub fn add(&mut self, address: u64, size: u64, name: &str) {
        let name = name[..name.floor_char_boundary(MAX_NAME)].to_owned();
        let entry = self.functions.entry(address).or_insert_with(|| (size, name.clone()));
        if size > entry.0 || (size == entry.0 && name < entry.1) {
            *entry = (size, name);
        }
    }

    /// The finished table. Functions 4 GiB or more above the first one are left out: the format cannot name them.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let base = self.functions.keys().next().copied().unwrap_or(0);
        let mut paths = Paths::new();
        let mut text = String::new();
        let (mut offsets, mut sizes, mut name_ends, mut path_numbers) = (vec![], vec![], vec![], vec![]);
        for (address, (size, name)) in &self.functions {
            let Ok(offset) = u32::try_from(address - base) else { break };
            let (path, rest) = paths.split(name);
            text += rest;
            let size = if *size == 0 { OPEN_SIZE } else { u16::try_from(*size).unwrap_or(OPEN_SIZE) };
            offsets.extend(offset.to_le_bytes());
            sizes.extend(size.to_le_bytes());
            name_ends.extend(count(text.len()).to_le_bytes());
            path_numbers.extend(path.to_le_bytes());
        }
        let mut path_ends = vec![];
        for path in &paths.order {
            text += path;
            path_ends.extend(count(text.len()).to_le_bytes());
        }
        let functions = offsets.len() / 4;
        let mut table =
            Vec::with_capacity(HEADER + functions * PER_FUNCTION + paths.order.len() * PER_PATH + text.len());
        table.extend(MAGIC);
        table.extend(VERSION.to_le_bytes());
        table.extend((paths.order.len() as u16).to_le_bytes());
        table.extend(base.to_le_bytes());
        table.extend(count(functions).to_le_bytes());
        table.extend(count(text.len()).to_le_bytes());
        for part in [offsets, sizes, name_ends, path_numbers, path_ends, text.into_bytes()] {
            table.extend(part);
        }
        table
    }
}

/// The paths met so far, numbered in the order they were met; number 0 is the empty one.
struct Paths {
    numbers: BTreeMap<String, u16>,
    order: Vec<String>,
}

impl Paths {
    fn new() -> Self {
        Self { numbers: BTreeMap::from([(String::new(), 0)]), order: vec![String::new()] }
    }

    /// The number of `name`'s path and the rest of the name. Once the numbers are used up (65,535 paths), names with
    /// another path are kept whole.
    fn split<'a>(&mut self, name: &'a str) -> (u16, &'a str) {
        let (path, rest) = name.split_at(path_length(name));
        if let Some(number) = self.numbers.get(path) {
            return (*number, rest);
        }
        if self.order.len() == usize::from(u16::MAX) {
            return (0, name);
        }
        let number = self.order.len() as u16;
        self.numbers.insert(path.to_owned(), number);
        self.order.push(path.to_owned());
        (number, rest)
    }
}

/// How many bytes of `name` are its path: up to and with the last `::` outside brackets.
fn path_length(name: &str) -> usize {
    let (mut depth, mut end) = (0_usize, 0);
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            // The `>` of an arrow closes nothing.
            b'>' if name.as_bytes()[..index].ends_with(b"-") => {}
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && name.as_bytes()[..index].ends_with(b":") => end = index + 1,
            _ => {}
        }
    }
    end
}

/// A length as the format keeps it.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
