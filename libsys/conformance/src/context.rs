//! What a case has to work with.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use anax_fs::{Attributes, Failure, File, OpenOptions, Session};

use crate::Has;

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self(format!("failed: {failure} ({failure:?})"))
    }
}

/// How a case went.
pub type Outcome = Result<(), Wrong>;

pub(crate) const READ: OpenOptions = OpenOptions::new().read(true);
pub(crate) const WRITE: OpenOptions = OpenOptions::new().write(true);
pub(crate) const BOTH: OpenOptions = READ.write(true);
pub(crate) const APPEND: OpenOptions = OpenOptions::new().append(true);
pub(crate) const NEW: OpenOptions = BOTH.create_new(true);

/// A case's own directory, and who works in it.
#[derive(Debug)]
pub struct Context {
    /// Who does.
    pub session: Arc<Session>,
    /// Another program's, if there is one.
    pub other: Arc<Session>,
    /// Its path.
    pub directory: String,
    /// What the file system has.
    pub has: Has,
}

impl Context {
    /// The path of a name in the directory.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    pub(crate) fn open(&self, name: &str, options: OpenOptions) -> Result<File, Failure> {
        options.open_in(&self.session, &self.path(name))
    }

    /// The same by the other program.
    pub(crate) fn open_other(&self, name: &str, options: OpenOptions) -> Result<File, Failure> {
        options.open_in(&self.other, &self.path(name))
    }

    /// A new file, to be read and written.
    pub(crate) fn new_file(&self, name: &str) -> Result<File, Failure> {
        self.open(name, NEW)
    }

    /// Makes a file of these bytes.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.open(name, WRITE.create(true).truncate(true))?.write_all(bytes)
    }

    /// All bytes of a file.
    pub(crate) fn get(&self, name: &str) -> Result<Vec<u8>, Failure> {
        all(&self.open(name, READ)?)
    }

    pub(crate) fn stat(&self, name: &str) -> Result<Attributes, Failure> {
        self.session.metadata(&self.path(name))
    }

    pub(crate) fn mkdir(&self, name: &str) -> Result<(), Failure> {
        self.session.create_dir(&self.path(name))
    }

    pub(crate) fn rmdir(&self, name: &str) -> Result<(), Failure> {
        self.session.remove_dir(&self.path(name))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        self.session.remove_file(&self.path(name))
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.session.rename(&self.path(from), &self.path(to))
    }

    /// The names in a directory in order, of its own if `name` is empty.
    pub(crate) fn names(&self, name: &str) -> Result<Vec<String>, Failure> {
        let path = if name.is_empty() { self.directory.clone() } else { self.path(name) };
        let entries = self.session.read_dir(&path)?.collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        Ok(names)
    }
}

/// All bytes of an open file.
pub(crate) fn all(file: &File) -> Result<Vec<u8>, Failure> {
    let mut bytes = alloc::vec![0; usize::try_from(file.len()).unwrap_or(0)];
    let count = file.read_at(0, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// So many bytes of a file from an offset on.
pub(crate) fn part(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = alloc::vec![0xee; length];
    let count = file.read_at(offset, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// So many bytes that are not zero and don't repeat themselves soon, another row for another seed.
pub(crate) fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    core::iter::repeat_with(|| (dice.roll() >> 32) as u8 | 1).take(length).collect()
}

/// Numbers by a seed: xorshift (G. Marsaglia, 2003).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        (self.roll() >> 16) % end
    }
}
