//! Files in this program's own memory: for tests, and for measuring the server without a file system.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use anax_pattern::{Direction, Pattern};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};

use crate::date::Date;
use crate::files::{About, Entries, Entry, File, Files, Found, Strength, Tag, Trouble};
use crate::window::Window;

/// Sizes of the files that [`MemoryFiles::generated`] has.
pub const GENERATED: [u64; 9] = [0, 1, 128, 1000, 4096, 16_384, 65_536, 262_144, 1_048_576];

/// How its files are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From where they lie.
    Mapped,
    /// Through a buffer.
    Read,
}

/// Files by their paths; a directory is there if something is in it.
#[derive(Debug)]
pub struct MemoryFiles {
    files: BTreeMap<String, MemoryFile>,
    way: Way,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct MemoryFile {
    words: Rc<[AtomicU64]>,
    about: About,
    way: Way,
}

impl MemoryFiles {
    /// None yet.
    #[must_use]
    pub const fn new(way: Way) -> Self {
        Self { files: BTreeMap::new(), way }
    }

    /// Those to measure with: `/pattern/N` has N bytes of the pattern (`anax-pattern`) with the number N that a guest sends, for each N of [`GENERATED`].
    #[must_use]
    pub fn generated() -> Self {
        let mut files = Self::new(Way::Mapped);
        for size in GENERATED {
            let mut bytes = alloc::vec![0; size as usize];
            Pattern::new(size, Direction::FromGuest).fill(0, &mut bytes);
            files.insert(&alloc::format!("/pattern/{size}"), &bytes, None);
        }
        files.insert("/index.html", b"<!doctype html>\n<title>Anax</title>\n<h1>It works</h1>\n", None);
        files
    }

    /// Puts a file there. Its tag is a sum of its bytes.
    pub fn insert(&mut self, path: &str, bytes: &[u8], modified: Option<Date>) {
        let words: Rc<[AtomicU64]> = (0..bytes.len().div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
        // There are enough of them.
        let _ = SharedBytes::new(SharedBlock::from_words(&words)).copy_in(0, bytes);
        let sum = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let value = bytes.iter().fold(0xcbf2_9ce4_8422_2325, sum);
        let tag = Some(Tag { value, strength: Strength::Strong });
        let about = About { size: bytes.len() as u64, modified, tag };
        self.files.insert(path.into(), MemoryFile { words, about, way: self.way });
    }

    /// Its entity tag is only nearly right.
    pub fn weaken(&mut self, path: &str) {
        if let Some(tag) = self.files.get_mut(path).and_then(|file| file.about.tag.as_mut()) {
            tag.strength = Strength::Weak;
        }
    }
}

/// What stands before the names in a directory.
fn prefix(directory: &str) -> String {
    let mut prefix = String::from(directory.trim_end_matches('/'));
    prefix.push('/');
    prefix
}

impl Files for MemoryFiles {
    type File = MemoryFile;

    fn find(&self, path: &str) -> Result<Option<Found<MemoryFile>>, Trouble> {
        if let Some(file) = self.files.get(path) {
            return Ok(Some(Found::File(file.clone())));
        }
        let prefix = prefix(path);
        let first = self.files.range(prefix.clone()..).next();
        let is_directory = path == "/" || first.is_some_and(|(path, _)| path.starts_with(&prefix));
        if is_directory { Ok(Some(Found::Directory)) } else { Err(Trouble::NotFound) }
    }

    async fn find_later(&self, path: &str) -> Result<Found<MemoryFile>, Trouble> {
        // Everything is known.
        self.find(path)?.ok_or(Trouble::Failed)
    }

    async fn list(&self, path: &str, most: usize) -> Result<Entries, Trouble> {
        let prefix = prefix(path);
        let mut entries: Vec<Entry> = Vec::new();
        for (path, file) in self.files.range(prefix.clone()..) {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            let (name, file) = match rest.split_once('/') {
                Some((directory, _)) => (directory, None),
                None => (rest, Some(file.about)),
            };
            if entries.last().is_some_and(|last| last.name == name) {
                continue;
            }
            if entries.len() == most {
                return Ok(Entries { entries, are_cut: true });
            }
            entries.push(Entry { name: name.into(), file });
        }
        Ok(Entries { entries, are_cut: false })
    }
}

impl MemoryFile {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.words))
    }

    fn from(&self, offset: u64) -> Option<SharedBytes<'_>> {
        let left = self.about.size.checked_sub(offset).filter(|left| *left > 0)?;
        self.bytes().part(offset as usize, left as usize).ok()
    }
}

impl File for MemoryFile {
    fn about(&self) -> About {
        self.about
    }

    fn send(&self, offset: u64, most: u64, to: &mut Window<'_>) -> Result<Option<usize>, Trouble> {
        let Some(bytes) = self.from(offset) else { return Ok(Some(0)) };
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        match self.way {
            Way::Mapped => {
                let part = bytes.part(0, count).map_err(|_| Trouble::Failed)?;
                Ok(Some(to.put_shared(part)))
            }
            Way::Read => {
                let mut buffer = [0; 256];
                let buffer = &mut buffer[..count.min(256)];
                bytes.copy_out(0, buffer).map_err(|_| Trouble::Failed)?;
                Ok(Some(to.put(buffer)))
            }
        }
    }

    async fn wait(&self, _: u64) -> Result<(), Trouble> {
        Ok(())
    }
}
