//! Bytes of open files: read and written where they lie, by leases.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use anax_abi::Error;
use anax_files::files::{Lease, OpenFile, PAGE, Purpose, bits, unit};
use anax_files::{Failure, Kind};
use anax_ring::SharedBytes;

use crate::branch::Branch;
use crate::mapped::Mapped;
use crate::way::Access;

/// Leases that an open file remembers.
const MOST: usize = 32;
/// How often something is tried that others undo: pages that are taken away before they are used.
const TRIES: u32 = 1000;
/// Bytes that go through the arena at once.
const CHUNK: usize = 4096;

/// Where bytes of a file lie, as long as the table says so: for others who are to read them there ([`files`](anax_files::files)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lies {
    /// The memory's number.
    pub memory: u64,
    /// Where what is leased of it begins in its region.
    pub at: u64,
    /// Bytes of that.
    pub length: u64,
    /// Where in the table its two words are.
    pub word: u32,
    /// Where in what is leased the bytes begin.
    pub offset: u64,
    /// How many there are.
    pub bytes: u64,
}

/// An open file's leases. Mapped is the memory of that which was used last: each takes a handle, and a program may have many files open.
pub(crate) struct Bytes {
    session: Arc<Branch>,
    file: OpenFile,
    kind: Kind,
    access: Access,
    held: Vec<Lease>,
    mapped: Option<Arc<Mapped>>,
    /// A page in which nothing lies, as was just answered.
    hole: Option<u64>,
}

impl Bytes {
    pub(crate) fn new(
        session: Arc<Branch>,
        (file, kind): (OpenFile, Kind),
        access: Access,
        first: Option<Lease>,
    ) -> Self {
        let held = first.into_iter().collect();
        Self { session, file, kind, access, held, mapped: None, hole: None }
    }

    pub(crate) const fn file(&self) -> OpenFile {
        self.file
    }

    pub(crate) const fn session(&self) -> &Arc<Branch> {
        &self.session
    }

    pub(crate) fn size(&self) -> u64 {
        self.session.size(self.file)
    }

    /// The lease in which an offset lies.
    fn lease(&self, offset: u64) -> Option<usize> {
        let lies_in = |lease: &Lease| offset.wrapping_sub(lease.from) < lease.length;
        self.held.iter().rposition(lies_in)
    }

    /// How many bytes are there from an offset on of what a lease has.
    fn there(&self, lease: &Lease, offset: u64, most: u64) -> u64 {
        if self.session.word(lease.word + 1) != lease.memory {
            return 0;
        }
        let present = self.session.word(lease.word);
        let (inside, unit) = (offset - lease.from, unit(lease.length));
        let first = (inside / unit) as u32;
        let run = u64::from(present.checked_shr(first).unwrap_or(0).trailing_ones());
        let end = ((inside / unit + run) * unit).min(lease.length);
        end.saturating_sub(inside).min(most)
    }

    /// Whether those bytes are still there.
    fn is_still_there(&self, lease: &Lease, offset: u64, length: u64) -> bool {
        fence(Ordering::SeqCst);
        let inside = offset - lease.from;
        let needed = bits(unit(lease.length), inside, inside + length);
        self.session.word(lease.word) & needed == needed && self.session.word(lease.word + 1) == lease.memory
            || cfg!(bite = "fs-never-looks-again")
    }

    /// The memory of a lease, for use at an offset. Nothing if it has ended, or is another one by now.
    fn still_mapped(&mut self, place: usize, at: u64) -> Result<Option<Arc<Mapped>>, Failure> {
        match self.mapped(place) {
            Ok(mapped) => Ok(Some(mapped)),
            // It may end before it is mapped, also at its file system, before the server knows.
            Err(Failure::Gone | Failure::Way(Error::BadHandle)) => Ok(None),
            Err(_) if self.there(&self.held[place], at, 1) == 0 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The memory of a lease.
    fn mapped(&mut self, place: usize) -> Result<Arc<Mapped>, Failure> {
        let lease = self.held[place];
        if let Some(mapped) = self.mapped.as_ref().filter(|mapped| mapped.number == lease.memory) {
            return Ok(mapped.clone());
        }
        // Before another one is mapped, which may want its room.
        self.mapped = None;
        let mapped = self.session.memory(self.file, &lease, self.access)?;
        self.mapped = Some(mapped.clone());
        Ok(mapped)
    }

    /// Asks for a lease.
    fn want(&mut self, offset: u64, purpose: Purpose) -> Result<(), Failure> {
        let file = self.file;
        let lease = self.session.ask(|line| line.server.want(file, offset, purpose))?;
        self.hold(offset, lease)
    }

    /// What was answered to who wants to read there. That there is nothing is good news, too.
    pub(crate) fn wanted(&mut self, offset: u64, lease: Result<Lease, Failure>) -> Result<(), Failure> {
        match lease {
            Ok(lease) => self.hold(offset, lease),
            Err(Failure::NotFound) => {
                self.hole = Some(offset / PAGE);
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Remembers a lease.
    fn hold(&mut self, offset: u64, lease: Lease) -> Result<(), Failure> {
        let fits =
            offset.wrapping_sub(lease.from) < lease.length && lease.length.checked_add(lease.at).is_some();
        if !fits {
            return Err(Failure::Way(Error::PeerMisbehaved));
        }
        if let Some(same) = self.held.iter_mut().find(|held| held.memory == lease.memory) {
            if same.length != lease.length || same.from != lease.from {
                self.mapped = None;
            }
            *same = lease;
            return Ok(());
        }
        // Pieces don't overlap: those that did are gone, and would hide this one.
        let end = lease.from.saturating_add(lease.length);
        self.held.retain(|held| held.from >= end || held.from.saturating_add(held.length) <= lease.from);
        if self.held.len() >= MOST {
            self.held.remove(0);
        }
        self.held.push(lease);
        Ok(())
    }

    /// Reads at an offset; 0 at the end.
    pub(crate) fn read_at(&mut self, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        if self.kind == Kind::Device {
            return self.read_device(offset, into);
        }
        let (mut done, mut tries) = (0, 0);
        while done < into.len() {
            let at = offset.saturating_add(done as u64);
            let left = self.size().saturating_sub(at).min((into.len() - done) as u64);
            if left == 0 {
                break;
            }
            let read = match self.lease(at) {
                Some(place) => self.read_lease(place, at, &mut into[done..done + left as usize])?,
                None => 0,
            };
            done += read;
            if read > 0 {
                tries = 0;
                continue;
            }
            tries += 1;
            match self.want(at, Purpose::Read) {
                Ok(()) if tries < TRIES => {}
                Ok(()) => return Err(Failure::Way(Error::PeerMisbehaved)),
                Err(Failure::NotFound) => done += fill_hole(at, &mut into[done..done + left as usize]),
                Err(failure) => return Err(failure),
            }
        }
        Ok(done)
    }

    /// Reads what is there together at an offset; 0 at the end, nothing if it is not there.
    pub(crate) fn read_known(&mut self, offset: u64, into: &mut [u8]) -> Result<Option<usize>, Failure> {
        if self.kind == Kind::Device {
            return Err(Failure::Unsupported);
        }
        let hole = self.hole.take();
        let mut done = 0;
        while done < into.len() {
            let at = offset.saturating_add(done as u64);
            let left = self.size().saturating_sub(at).min((into.len() - done) as u64);
            if left == 0 {
                return Ok(Some(done));
            }
            let here = &mut into[done..done + left as usize];
            let read = match self.lease(at) {
                Some(place) => self.read_lease(place, at, here)?,
                None => 0,
            };
            let read = if read == 0 && hole == Some(at / PAGE) { fill_hole(at, here) } else { read };
            if read == 0 {
                break;
            }
            done += read;
        }
        Ok((done > 0 || into.is_empty()).then_some(done))
    }

    fn read_lease(&mut self, place: usize, at: u64, into: &mut [u8]) -> Result<usize, Failure> {
        self.look_at(place, at, into.len() as u64, |bytes| {
            // They are no more than that.
            let _ = bytes.copy_out(0, &mut into[..bytes.len()]);
        })
    }

    /// Shows bytes where they lie: how many of them were there all the time.
    fn look_at(
        &mut self,
        place: usize,
        at: u64,
        most: u64,
        look: impl FnOnce(SharedBytes<'_>),
    ) -> Result<usize, Failure> {
        let lease = self.held[place];
        let length = self.there(&lease, at, most);
        if length == 0 {
            return Ok(0);
        }
        let Some(mapped) = self.still_mapped(place, at)? else { return Ok(0) };
        let inside = mapped.skip + (at - lease.from) as usize;
        let bytes = SharedBytes::new(mapped.memory.block()).part(inside, length as usize);
        look(bytes.map_err(|_| Failure::Way(Error::PeerMisbehaved))?);
        Ok(if self.is_still_there(&lease, at, length) { length as usize } else { 0 })
    }

    /// The same from an offset on, if anything lies there.
    pub(crate) fn look_known(
        &mut self,
        offset: u64,
        most: u64,
        look: impl FnOnce(SharedBytes<'_>),
    ) -> Result<usize, Failure> {
        let most = self.size().saturating_sub(offset).min(most);
        match self.lease(offset) {
            Some(place) if most > 0 => self.look_at(place, offset, most, look),
            _ => Ok(0),
        }
    }

    /// Where bytes lie together from an offset on, `most` at most, if any do.
    pub(crate) fn lies(&self, offset: u64, most: u64) -> Option<Lies> {
        let most = self.size().saturating_sub(offset).min(most);
        let lease = self.held[self.lease(offset)?];
        let bytes = self.there(&lease, offset, most);
        let Lease { word, memory, from, at, length } = lease;
        (bytes > 0).then(|| Lies { memory, at, length, word, offset: offset - from, bytes })
    }

    /// Writes all of it at an offset.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        if self.kind == Kind::Device {
            return self.write_device(offset, bytes);
        }
        let (mut done, mut tries) = (0, 0);
        while done < bytes.len() {
            let at = offset.checked_add(done as u64).ok_or(Failure::TooLarge)?;
            let written = match self.lease(at) {
                Some(place) => self.write_lease(place, at, &bytes[done..])?,
                None => 0,
            };
            done += written;
            if written > 0 {
                tries = 0;
                continue;
            }
            tries += 1;
            if tries >= TRIES {
                return Err(Failure::Way(Error::PeerMisbehaved));
            }
            self.want(at, Purpose::Write)?;
        }
        Ok(())
    }

    fn write_lease(&mut self, place: usize, at: u64, bytes: &[u8]) -> Result<usize, Failure> {
        let lease = self.held[place];
        let length = self.there(&lease, at, bytes.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        let Some(mapped) = self.still_mapped(place, at)? else { return Ok(0) };
        let to = SharedBytes::new(mapped.memory.block());
        let inside = mapped.skip + (at - lease.from) as usize;
        let copied = to.copy_in(inside, &bytes[..length as usize]);
        copied.map_err(|_| Failure::Way(Error::PeerMisbehaved))?;
        let file = self.file;
        match self.session.ask(|line| line.server.wrote(file, lease.memory, at, length)) {
            Ok(()) => Ok(length as usize),
            // It was taken away before that was said: once more.
            Err(Failure::Gone) => Ok(0),
            Err(failure) => Err(failure),
        }
    }

    fn read_device(&self, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let file = self.file;
        self.session.ask(|line| {
            let room = line.room(into.len().min(CHUNK));
            let length = line.server.read(file, offset, room)?;
            line.take(room, length, into)
        })
    }

    fn write_device(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let file = self.file;
        let mut at = offset;
        for chunk in bytes.chunks(CHUNK) {
            self.session.ask(|line| {
                let text = line.put(chunk)?;
                line.server.write(file, at, text)
            })?;
            at += chunk.len() as u64;
        }
        Ok(())
    }
}

/// The rest of a page in which nothing lies: how many bytes.
fn fill_hole(at: u64, into: &mut [u8]) -> usize {
    let length = ((PAGE - at % PAGE) as usize).min(into.len());
    into[..length].fill(0);
    length
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.session.close(self.file);
    }
}
