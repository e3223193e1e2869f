//! A program's session with the VFS server.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{Ordering, fence};

use anax::{Handle, Lock};
use anax_abi::Error;
use anax_files::files::{FilesClient, Lease, OpenFile, PAGE, ROOM, TOLD};
use anax_files::{Failure, Text, path};
use anax_ring::SharedBytes;
use anax_sys::Target;

use crate::mapped::{Kept, Mapped};
use crate::way::{Access, Maps, Memory, Parts, Way, attach};

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

/// A program's session with the VFS server. Threads share it.
pub struct Session {
    line: Lock<Line>,
    target: Option<Target>,
    table: Box<dyn Memory>,
    table_region: Option<Handle>,
    _kept: Lock<Box<dyn Any + Send>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Bytes of the arena that questions of tasks have at most: two paths of others have room beside them.
const LATER: u32 = ROOM as u32 - 2 * path::LONGEST.next_multiple_of(8) as u32;

/// The program's own, once there is one.
static OWN: Lock<Option<Arc<Session>>> = Lock::new(None);

impl Session {
    /// One of these parts: for tests, and for programs that want several.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { server, target, arena, table, table_region, maps, kept } = parts;
        let server = FilesClient::over(Way(server));
        let line = Line { server, arena, filled: 0, rooms: Vec::new(), maps, kept: Kept::default() };
        Arc::new(Self { line: Lock::new(line), target, table, table_region, _kept: Lock::new(kept) })
    }

    /// The program's own; it begins with the first call.
    ///
    /// # Errors
    /// `Way`: the program may not ask the VFS server, or there is none; `TooMany` programs.
    pub fn own() -> Result<Arc<Self>, Failure> {
        let mut own = OWN.lock();
        if let Some(session) = &*own {
            return Ok(session.clone());
        }
        let session = Self::new(attach()?);
        *own = Some(session.clone());
        Ok(session)
    }

    /// One more of this program's, by which it is to the server like another program.
    ///
    /// # Errors
    /// As [`own`](Self::own).
    pub fn another() -> Result<Arc<Self>, Failure> {
        Ok(Self::new(attach()?))
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

    /// What the server has answered, or that it has died: then this session is the program's own no longer.
    pub(crate) fn judge<R>(&self, outcome: Result<R, Failure>) -> Result<R, Failure> {
        if let Err(Failure::Way(Error::PeerDied)) = outcome {
            // The next call finds the successor.
            let mut own = OWN.lock();
            let is_own = own.as_deref().is_some_and(|session| core::ptr::eq(session, self));
            let dead = if is_own { own.take() } else { None };
            drop(own);
            drop(dead);
        }
        outcome
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
        Ok(text.map(|text| Room { session: self.clone(), text }))
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
    session: Arc<Session>,
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
        let line = self.session.line.lock();
        let arena = SharedBytes::new(line.arena.block());
        arena.copy_in(self.text.offset as usize, bytes).map_err(|_| Failure::TooLong)?;
        Ok(Text::new(self.text.offset, length))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.session.line.lock().rooms.retain(|room| room.offset != self.text.offset);
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
        let plain = plain(name)?;
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
}

/// A path as the server takes it.
pub(crate) fn plain(name: &str) -> Result<String, Failure> {
    if name.starts_with('/') {
        return path::plain("/", name);
    }
    path::plain(&crate::current_directory(), name)
}
