//! Bytes of files, at any place.
//!
//! `ext4-view` reads a file in order, and finds a place by counting blocks from the file's beginning. If it finds damage on the way it goes on as if nothing were, and panics with the next
//! read. So a place is only gone to if everything before it was read in order once and was good, which is true for ever, since nothing changes; what failed is thrown away.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use anax_files::{Failure, Node};
use ext4_view::{Ext4, File, Path};

use crate::nodes::Known;
use crate::system::failure;

/// Files that are kept open.
const MOST_OPEN: usize = 16;
/// Bytes of the longest stretch that is read only to find a place behind it.
const LONGEST: u64 = 16 << 30;
const CHUNK: usize = 64 * 1024;

/// Files that are open.
pub(crate) struct Readers {
    open: Vec<(Node, File)>,
    has_failed: Rc<Cell<bool>>,
}

impl Readers {
    pub(crate) const fn new(has_failed: Rc<Cell<bool>>) -> Self {
        Self { open: Vec::new(), has_failed }
    }

    /// Nobody reads it any more.
    pub(crate) fn close(&mut self, node: Node) {
        self.open.retain(|(open, _)| *open != node);
    }

    /// Bytes of a file, at a place within its size.
    ///
    /// # Errors
    /// `Damaged`, `Medium`; `Unsupported` if the place is too far away to be looked for.
    pub(crate) fn read(
        &mut self,
        system: &Ext4,
        (node, known): (Node, &mut Known),
        offset: u64,
        into: &mut [u8],
    ) -> Result<usize, Failure> {
        let mut file = match self.open.iter().position(|(open, _)| *open == node) {
            Some(at) => self.open.remove(at).1,
            None => {
                let path = Path::try_from(known.path.as_slice()).map_err(|_| Failure::Damaged)?;
                system.open(path).map_err(failure)?
            }
        };
        // What fails is dropped.
        self.go_to(&mut file, known, offset)?;
        let done = fill(&mut file, into)?;
        known.sound = known.sound.max(offset + done as u64);
        if self.open.len() >= MOST_OPEN {
            self.open.remove(0);
        }
        self.open.push((node, file));
        Ok(done)
    }

    fn go_to(&self, file: &mut File, known: &mut Known, offset: u64) -> Result<(), Failure> {
        if file.position() == offset {
            return Ok(());
        }
        let sound = known.sound.min(offset);
        if file.position() > offset || file.position() < sound {
            self.has_failed.set(false);
            file.seek_to(sound).map_err(failure)?;
            if self.has_failed.get() {
                return Err(Failure::Medium);
            }
        }
        if offset - file.position() > LONGEST {
            return Err(Failure::Unsupported);
        }
        let mut scratch = vec![0; CHUNK];
        while file.position() < offset {
            let count = (offset - file.position()).min(CHUNK as u64) as usize;
            if fill(file, &mut scratch[..count])? < count {
                return Err(Failure::Damaged);
            }
            known.sound = known.sound.max(file.position());
        }
        Ok(())
    }
}

/// Bytes in order, as many as there are.
fn fill(file: &mut File, into: &mut [u8]) -> Result<usize, Failure> {
    let mut done = 0;
    while done < into.len() {
        match file.read_bytes(&mut into[done..]).map_err(failure)? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}
