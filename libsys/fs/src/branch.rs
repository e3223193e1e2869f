//! A program's session with one thread of the VFS server: its arena and table, and what it has opened there.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{Ordering, fence};

use anax::{Handle, Lock};
use anax_abi::Error;
use anax_files::files::{FilesClient, Lease, OpenFile, PAGE, ROOM, Resolved, TOLD, Walk};
use anax_files::{Failure, Text, path};
use anax_ring::SharedBytes;
use anax_sys::Target;

use crate::mapped::{Kept, Mapped};
use crate::way::{Access, Maps, Memory, Parts, Way};

/// The way to the server, and what goes with messages.
pub(crate) struct Line {
    pub(crate) server: FilesClient<Way>,
    arena: Box<dyn Memory>,
    filled: u32,
    /// Parts at the arena's end that questions of tasks have, in order.
    rooms: Vec<Text>,
    maps: Box<dyn Maps>,
    kept: Kept,
}

/// A program's session with one thread of the VFS server. The program's threads share it.
pub(crate) struct Branch {
    line: Lock<Line>,
    target: Option<Target>,
    table: Box<dyn Memory>,
    table_region: Option<Handle>,
    _kept: Lock<Box<dyn Any + Send>>,
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch").finish_non_exhaustive()
    }
}

/// Bytes of the arena that questions of tasks have at most: two paths of others have room beside them.
const LATER: u32 = ROOM as u32 - 2 * path::LONGEST.next_multiple_of(8) as u32;

impl Branch {
    /// One of these parts.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { server, target, arena, table, table_region, maps, kept } = parts;
        let server = FilesClient::over(Way(server));
        let line = Line { server, arena, filled: 0, rooms: Vec::new(), maps, kept: Kept::default() };
        Arc::new(Self { line: Lock::new(line), target, table, table_region, _kept: Lock::new(kept) })
    }

    /// Asks the server.
    pub(crate) fn ask<R>(
        &self,
        question: impl FnOnce(&mut Line) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let outcome = {
            let mut line = self.line.lock();
            line.filled = 0;
            question(&mut line)
        };
        self.judge(outcome)
    }

    /// Where tasks ask.
    pub(crate) const fn target(&self) -> Option<Target> {
        self.target
    }

    /// What the server has answered, or that it has died: then the program's own session is none any longer.
    pub(crate) fn judge<R>(&self, outcome: Result<R, Failure>) -> Result<R, Failure> {
        if let Err(Failure::Way(Error::PeerDied)) = outcome {
            // The next call finds the successor.
            crate::session::forget(self);
        }
        outcome
    }

    /// Where a path leads as far as that thread knows, and what to ask for there.
    ///
    /// # Errors
    /// What stands in the way there.
    pub(crate) fn resolve(&self, path: &str, walk: Walk) -> Result<(Resolved, String), Failure> {
        self.ask(|line| {
            let path = line.put(path.as_bytes())?;
            let room = line.room(path::LONGEST);
            let to = line.server.resolve(path, walk, room)?;
            line.take_path(room, to.length).map(|path| (to, path))
        })
    }

    /// Room in the arena for a question that is answered later; nothing if others have it.
    ///
    /// # Errors
    /// `TooLong`: there never is as much.
    pub(crate) fn room(self: &Arc<Self>, length: usize) -> Result<Option<Room>, Failure> {
        let length = u32::try_from(length.max(1).next_multiple_of(8)).map_err(|_| Failure::TooLong)?;
        if length > LATER {
            return Err(Failure::TooLong);
        }
        let text = self.line.lock().take_room(length);
        Ok(text.map(|text| Room { branch: self.clone(), text }))
    }

    /// A word of the table; 0 beyond its end.
    pub(crate) fn word(&self, word: u32) -> u64 {
        self.table.block().words().get(word as usize).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// An open file's size.
    pub(crate) fn size(&self, file: OpenFile) -> u64 {
        self.word(file.place() as u32) & !TOLD
    }

    /// Closes a file: a bit, which the server sees some time, unless memory is waited for. A server that has died has closed it.
    pub(crate) fn close(&self, file: OpenFile) {
        let (word, bit) = (ROOM as usize / size_of::<u64>() + file.place() / 64, file.place() % 64);
        {
            let line = self.line.lock();
            if let Some(word) = line.arena.block().words().get(word) {
                word.fetch_or(1 << bit, Ordering::SeqCst);
            }
        }
        fence(Ordering::SeqCst);
        if self.word(file.place() as u32) & TOLD != 0 && cfg!(not(bite = "fs-never-tells")) {
            let _closed = self.ask(|line| line.server.close(file));
        }
    }

    /// The table, to be shown to others.
    pub(crate) const fn table(&self) -> Option<Handle> {
        self.table_region
    }

    /// A handle to the memory of that number, for as long as `with` takes.
    pub(crate) fn with_memory<R>(
        &self,
        file: OpenFile,
        memory: u64,
        with: impl FnOnce(Handle) -> R,
    ) -> Result<R, Failure> {
        let gift = self.ask(|line| line.server.memory(file, memory))?;
        let outcome = with(gift.handle);
        self.line.lock().maps.close(gift);
        Ok(outcome)
    }

    /// The memory of a lease.
    pub(crate) fn memory(
        &self,
        file: OpenFile,
        lease: &Lease,
        access: Access,
    ) -> Result<Arc<Mapped>, Failure> {
        self.ask(|line| {
            if let Some(mapped) = line.kept.get(lease.memory, access) {
                return Ok(mapped);
            }
            let skip = lease.at % PAGE;
            let bytes = (skip + lease.length).next_multiple_of(PAGE);
            let map = |line: &mut Line| {
                let gift = line.server.memory(file, lease.memory)?;
                Ok(line.maps.map(gift, lease.at - skip, bytes, access)?)
            };
            let mut mapped = map(line);
            if is_for_lack_of_room(&mapped) && line.kept.clear() {
                mapped = map(line);
            }
            let memory = mapped?;
            let (number, length) = (lease.memory, lease.length);
            Ok(line.kept.put(Mapped { number, access, skip: skip as usize, length, memory }))
        })
    }
}

/// A part of the arena that is the server's until it has answered.
pub(crate) struct Room {
    branch: Arc<Branch>,
    text: Text,
}

impl Room {
    /// All of it.
    pub(crate) const fn text(&self) -> Text {
        self.text
    }

    /// Writes down what the server is to read: where that is.
    ///
    /// # Errors
    /// `TooLong`.
    pub(crate) fn fill(&self, bytes: &[u8]) -> Result<Text, Failure> {
        let length = u32::try_from(bytes.len()).map_err(|_| Failure::TooLong)?;
        let line = self.branch.line.lock();
        let arena = SharedBytes::new(line.arena.block());
        arena.copy_in(self.text.offset as usize, bytes).map_err(|_| Failure::TooLong)?;
        Ok(Text::new(self.text.offset, length))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.branch.line.lock().rooms.retain(|room| room.offset != self.text.offset);
    }
}

/// Whether something failed that may go if less is mapped: each piece takes a handle, and its place among addresses.
const fn is_for_lack_of_room<T>(outcome: &Result<T, Failure>) -> bool {
    matches!(outcome, Err(Failure::Way(Error::Quota | Error::NoMemory | Error::Full | Error::NoSlot)))
}

impl Line {
    /// The first free part that is large enough, from the arena's end on.
    fn take_room(&mut self, length: u32) -> Option<Text> {
        let mut end = ROOM as u32;
        let mut place = 0;
        for room in &self.rooms {
            if end - (room.offset + room.length) >= length {
                break;
            }
            end = room.offset;
            place += 1;
        }
        let offset = end.checked_sub(length).filter(|offset| *offset >= ROOM as u32 - LATER)?;
        let text = Text::new(offset, length);
        self.rooms.insert(place, text);
        Some(text)
    }

    /// Where the parts of tasks begin.
    fn end(&self) -> u32 {
        self.rooms.last().map_or(ROOM as u32, |room| room.offset)
    }

    /// Writes a text into the arena.
    ///
    /// # Errors
    /// `TooLong`.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Text, Failure> {
        let length = u32::try_from(bytes.len()).map_err(|_| Failure::TooLong)?;
        let text = Text::new(self.filled, length);
        let arena = SharedBytes::new(self.arena.block());
        let free = arena.part(self.filled as usize, self.end().saturating_sub(self.filled) as usize);
        free.and_then(|free| free.copy_in(0, bytes)).map_err(|_| Failure::TooLong)?;
        self.filled += length.next_multiple_of(8);
        Ok(text)
    }

    /// Writes a path into the arena: what it is seen from the current directory.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub(crate) fn path(&mut self, name: &str) -> Result<Text, Failure> {
        if name.starts_with('/') {
            // The server makes it plain, if it is not.
            return self.put(name.as_bytes());
        }
        let plain = crate::session::plain(name)?;
        self.put(plain.as_bytes())
    }

    /// Room for an answer.
    pub(crate) fn room(&self, most: usize) -> Text {
        let left = self.end().saturating_sub(self.filled) as usize;
        let length = if most < left { most } else { left };
        Text::new(self.filled, length as u32)
    }

    /// What was answered there.
    ///
    /// # Errors
    /// `PeerMisbehaved`: more than there was room for.
    pub(crate) fn take(&self, room: Text, length: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let misbehaved = Failure::Way(Error::PeerMisbehaved);
        let length = usize::try_from(length).ok().filter(|length| *length <= room.length as usize);
        let length = length.filter(|length| *length <= into.len()).ok_or(misbehaved)?;
        let arena = SharedBytes::new(self.arena.block());
        arena.copy_out(room.offset as usize, &mut into[..length]).map_err(|_| misbehaved)?;
        Ok(length)
    }

    /// A plain path that was answered there.
    ///
    /// # Errors
    /// `PeerMisbehaved`: it is none.
    pub(crate) fn take_path(&self, room: Text, length: u32) -> Result<String, Failure> {
        let mut bytes = alloc::vec![0; room.length as usize];
        let length = self.take(room, length.into(), &mut bytes)?;
        bytes.truncate(length);
        let path = String::from_utf8(bytes).ok().filter(|path| path::is_plain(path));
        path.ok_or(Failure::Way(Error::PeerMisbehaved))
    }
}
