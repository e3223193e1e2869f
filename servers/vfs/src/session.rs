//! A program that has attached: its arena, its table, what it has opened.
//!
//! The table's first words are the sizes of open files, each at its file's number; behind them are leases, two words each. A program that has more leases than there is room for loses
//! those that it got first, and asks again.

use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{Ordering, fence};

use anax_abi::Handle;
use anax_files::files::{FILES, How, OpenFile, ROOM, TABLE};
use anax_files::{Failure, Text, path};

use crate::host::{Host, Memory};
use crate::node::Vnode;

/// Bytes of a short path.
const SHORT: usize = 128;
/// Leases that it has at most.
const LEASES: usize = (TABLE - FILES) / 2;

/// A file that a program has opened.
pub(crate) struct File<H: Host> {
    pub(crate) vnode: Rc<Vnode<H>>,
    pub(crate) how: How,
    generation: u32,
}

impl<H: Host> Clone for File<H> {
    fn clone(&self) -> Self {
        Self { vnode: self.vnode.clone(), how: self.how, generation: self.generation }
    }
}

/// A lease that a program has.
struct Held {
    file: u32,
    memory: u64,
    from: u64,
}

/// A program.
pub(crate) struct Session<H: Host> {
    pub(crate) arena: H::Memory,
    table: H::Memory,
    /// The program's handle to its table.
    pub(crate) table_handle: Handle,
    files: RefCell<Vec<Option<File<H>>>>,
    opened: Cell<u32>,
    leases: RefCell<Vec<Option<Held>>>,
    next_lease: Cell<usize>,
    /// The program has gone: what is under way for it opens nothing more.
    pub(crate) is_gone: Cell<bool>,
}

impl<H: Host> Session<H> {
    pub(crate) fn new(arena: H::Memory, table: H::Memory, table_handle: Handle) -> Self {
        Self {
            arena,
            table,
            table_handle,
            files: RefCell::default(),
            opened: Cell::new(0),
            leases: RefCell::default(),
            next_lease: Cell::new(0),
            is_gone: Cell::new(false),
        }
    }

    fn store(&self, word: usize, value: u64) {
        if let Some(word) = self.table.block().words().get(word) {
            word.store(value, Ordering::Release);
        }
    }

    /// Bytes that it has written down, copied before anybody looks at them.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub(crate) fn bytes(&self, text: Text, most: usize) -> Result<Vec<u8>, Failure> {
        if text.length as usize > most {
            return Err(Failure::TooLong);
        }
        let mut bytes = alloc::vec![0; text.length as usize];
        let copied = self.arena.bytes().copy_out(text.offset as usize, &mut bytes);
        copied.map_err(|_| Failure::BadArgument)?;
        Ok(bytes)
    }

    /// A text that it has written down.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub(crate) fn text(&self, text: Text) -> Result<String, Failure> {
        String::from_utf8(self.bytes(text, path::LONGEST)?).map_err(|_| Failure::BadArgument)
    }

    /// A path that it has written down: a plain one.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub(crate) fn path(&self, text: Text) -> Result<String, Failure> {
        let text = self.text(text)?;
        // Most programs make their paths plain themselves.
        if path::is_plain(&text) { Ok(text) } else { path::plain("/", &text) }
    }

    /// What `with` makes of a path that it has written down, if that is plain and short, as most are: such a one takes no memory.
    pub(crate) fn with_short_path<R>(&self, text: Text, with: impl FnOnce(&str) -> R) -> Option<R> {
        let mut bytes = [0; SHORT];
        let bytes = bytes.get_mut(..text.length as usize)?;
        self.arena.bytes().copy_out(text.offset as usize, bytes).ok()?;
        let text = core::str::from_utf8(bytes).ok()?;
        path::is_plain(text).then(|| with(text))
    }

    /// Writes an answer where it has room.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub(crate) fn write(&self, room: Text, bytes: &[u8]) -> Result<u64, Failure> {
        if bytes.len() > room.length as usize {
            return Err(Failure::TooLong);
        }
        let copied = self.arena.bytes().copy_in(room.offset as usize, bytes);
        copied.map_err(|_| Failure::BadArgument)?;
        Ok(bytes.len() as u64)
    }

    /// A file more, by its number.
    ///
    /// # Errors
    /// `TooMany`, `Gone`.
    pub(crate) fn open(self: &Rc<Self>, vnode: Rc<Vnode<H>>, how: How) -> Result<OpenFile, Failure> {
        if self.is_gone.get() {
            return Err(Failure::Gone);
        }
        let mut files = self.files.borrow_mut();
        let place = match files.iter().position(Option::is_none) {
            Some(place) => place,
            None if files.len() < FILES => {
                files.push(None);
                files.len() - 1
            }
            None => return Err(Failure::TooMany),
        };
        let generation = self.opened.get().wrapping_add(1) & 0xff_ffff;
        self.opened.set(generation);
        let number = place as u32 | generation << 8;
        self.store(place, vnode.size_word());
        vnode.opens.set(vnode.opens.get() + 1);
        vnode.watchers.borrow_mut().push(Watcher { session: Rc::downgrade(self), place: place as u32 });
        files[place] = Some(File { vnode, how, generation });
        Ok(OpenFile(number))
    }

    /// The file of that number.
    ///
    /// # Errors
    /// `Gone`.
    pub(crate) fn file(&self, file: OpenFile) -> Result<File<H>, Failure> {
        let files = self.files.borrow();
        let found = files.get(file.place()).and_then(Option::as_ref);
        let found = found.filter(|found| found.generation == file.0 >> 8);
        found.cloned().ok_or(Failure::Gone)
    }

    /// Closes it.
    ///
    /// # Errors
    /// `Gone`.
    pub(crate) fn close(self: &Rc<Self>, file: OpenFile) -> Result<Rc<Vnode<H>>, Failure> {
        self.file(file)?;
        let place = file.place();
        let closed = self.files.borrow_mut()[place].take().ok_or(Failure::Gone)?;
        let vnode = closed.vnode;
        let is_this = |watcher: &Watcher<H>| {
            watcher.place == place as u32 && core::ptr::eq(watcher.session.as_ptr(), Rc::as_ptr(self))
        };
        vnode.watchers.borrow_mut().retain(|watcher| !is_this(watcher));
        let mut leases = self.leases.borrow_mut();
        for (number, lease) in leases.iter_mut().enumerate() {
            let Some(held) = lease.take_if(|held| held.file == file.0) else { continue };
            self.put(number, 0, 0);
            vnode.pages.borrow_mut().forget_lease(held.from, held.memory, self, number as u32);
        }
        vnode.opens.set(vnode.opens.get().saturating_sub(1));
        Ok(vnode)
    }

    /// Closes what the program says it has closed, by its bits.
    pub(crate) fn take_closed(self: &Rc<Self>, mut closed: impl FnMut(&Rc<Vnode<H>>)) {
        let bits = self.arena.block().words().get(ROOM as usize / size_of::<u64>()..).unwrap_or_default();
        for (bits, first) in bits.iter().take(FILES / 64).zip((0..).step_by(64)) {
            if bits.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = bits.swap(0, Ordering::SeqCst);
            while bits != 0 {
                let place = first + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let number = |file: &File<H>| OpenFile(place as u32 | file.generation << 8);
                let file = self.files.borrow().get(place).and_then(Option::as_ref).map(number);
                if let Some(vnode) = file.and_then(|file| self.close(file).ok()) {
                    closed(&vnode);
                }
            }
        }
    }

    /// All its files.
    pub(crate) fn all(&self) -> Vec<OpenFile> {
        let files = self.files.borrow();
        let open = files
            .iter()
            .zip(0u32..)
            .filter_map(|(file, place)| file.as_ref().map(|file| OpenFile(place | file.generation << 8)));
        open.collect()
    }

    /// The words of a lease: what is there, and of which memory.
    fn put(&self, lease: usize, bits: u64, memory: u64) {
        let word = FILES + 2 * lease;
        // Nobody sees bits of one memory beside the number of another: they are taken away first.
        self.store(word, 0);
        fence(Ordering::SeqCst);
        self.store(word + 1, memory);
        self.store(word, bits);
    }

    /// What is there of a lease has changed.
    pub(crate) fn show(&self, lease: u32, bits: u64) {
        self.store(FILES + 2 * lease as usize, bits);
        fence(Ordering::SeqCst);
    }

    /// A lease of that memory for a file: its number, and whether it is another one than it had. `drop_oldest` is told whose lease was taken for it.
    pub(crate) fn lease(
        &self,
        file: OpenFile,
        (memory, from): (u64, u64),
        bits: u64,
        drop_oldest: impl FnOnce(OpenFile, u64, u64, u32),
    ) -> (u32, bool) {
        let mut leases = self.leases.borrow_mut();
        let is_it = |held: &Held| held.file == file.0 && held.memory == memory;
        if let Some(number) = leases.iter().position(|held| held.as_ref().is_some_and(is_it)) {
            return (number as u32, false);
        }
        let number = match leases.iter().position(Option::is_none) {
            Some(free) => free,
            None if leases.len() < LEASES => {
                leases.push(None);
                leases.len() - 1
            }
            None => {
                let oldest = self.next_lease.get() % LEASES;
                self.next_lease.set(oldest + 1);
                oldest
            }
        };
        let old = leases[number].replace(Held { file: file.0, memory, from });
        if let Some(old) = old {
            drop_oldest(OpenFile(old.file), old.from, old.memory, number as u32);
        }
        self.put(number, bits, memory);
        (number as u32, true)
    }

    /// The memory of a lease is no more.
    pub(crate) fn lost(&self, lease: u32) {
        self.put(lease as usize, 0, 0);
        if let Some(held) = self.leases.borrow_mut().get_mut(lease as usize) {
            *held = None;
        }
    }

    /// Where in the table a lease is.
    pub(crate) const fn word(lease: u32) -> u32 {
        FILES as u32 + 2 * lease
    }
}

/// Where a program reads a file's size.
pub(crate) struct Watcher<H: Host> {
    session: Weak<Session<H>>,
    place: u32,
}

impl<H: Host> Watcher<H> {
    /// The program reads that from now on.
    pub(crate) fn tell(&self, size_word: u64) {
        if let Some(session) = self.session.upgrade() {
            session.store(self.place as usize, size_word);
        }
    }

    /// Whose it is.
    pub(crate) fn session(&self) -> Option<Rc<Session<H>>> {
        self.session.upgrade()
    }
}
