//! Names, and what they name.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;

use anax::Lock;
use anax_abi::Error;
use anax_files::files::{How, OpenFile, Walk};
use anax_files::{Attributes, Entry, Failure, Kind, Listing, Text};
use anax_task::EventLoop;

use crate::branch::Branch;
use crate::session::{Session, plain};

/// Where paths are seen from, once somebody has said so.
static CURRENT: Lock<Option<String>> = Lock::new(None);

/// The directory from which paths without a leading slash are seen: until it is set what the environment calls `PWD`, or else the root.
#[must_use]
pub fn current_directory() -> String {
    let set = CURRENT.lock().clone();
    let inherited = || anax::variable("PWD").filter(|path| path.starts_with('/')).unwrap_or("/").to_string();
    set.unwrap_or_else(inherited)
}

/// Changes it, for this program.
///
/// # Errors
/// `NotFound`, `NotADirectory`.
pub fn set_current_directory(path: &str) -> Result<(), Failure> {
    let directory = plain(path)?;
    if metadata(&directory)?.kind != Kind::Directory {
        return Err(Failure::NotADirectory);
    }
    *CURRENT.lock() = Some(directory);
    Ok(())
}

macro_rules! own {
    ($($(#[$doc:meta])+ $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        $(
            $(#[$doc])+
            pub fn $name($($argument: $type),*) -> Result<$result, Failure> {
                Session::own()?.$name($($argument),*)
            }
        )+
    };
}

own! {
    /// What is known of what has that name, behind symbolic links.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Loop`.
    metadata(path: &str) -> Attributes;
    /// The same, of a link itself.
    ///
    /// # Errors
    /// As [`metadata`].
    symlink_metadata(path: &str) -> Attributes;
    /// A directory's entries, without `.` and `..`, in no order.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    read_dir(path: &str) -> ReadDir;
    /// Makes an empty directory.
    ///
    /// # Errors
    /// `Exists`, `NotFound`, `ReadOnly`, `NoSpace`.
    create_dir(path: &str) -> ();
    /// Removes the name of anything but a directory. Who has the file open goes on using it.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `ReadOnly`.
    remove_file(path: &str) -> ();
    /// Removes an empty directory.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `NotEmpty`, `ReadOnly`, `Busy`.
    remove_dir(path: &str) -> ();
    /// Gives something another name, in place of what had that one.
    ///
    /// # Errors
    /// `OtherFileSystem`, `NotFound`, `NotEmpty`, `IsADirectory`, `NotADirectory`, `BadArgument` for a directory into itself, `ReadOnly`.
    rename(from: &str, to: &str) -> ();
    /// Gives a file one more name.
    ///
    /// # Errors
    /// `Unsupported`, `OtherFileSystem`, `Exists`.
    hard_link(file: &str, name: &str) -> ();
    /// Makes a symbolic link `name` with that path.
    ///
    /// # Errors
    /// `Unsupported`, `Exists`.
    symlink(path: &str, name: &str) -> ();
    /// The path of a symbolic link.
    ///
    /// # Errors
    /// `BadArgument`: it is none.
    read_link(path: &str) -> String;
    /// Says when it was changed last: seconds since 1970 began.
    ///
    /// # Errors
    /// `NotFound`, `ReadOnly`.
    set_modified(path: &str, seconds: u64) -> ();
}

const NO_TEXT: Text = Text::new(0, 0);

/// The same by a session, see the functions of the same names.
#[expect(clippy::missing_errors_doc, reason = "the functions of the same names say it")]
impl Session {
    /// See [`metadata`].
    pub fn metadata(&self, path: &str) -> Result<Attributes, Failure> {
        self.ask_at(path, Walk::Follow, |_, line, at| line.server.stat(at.path, true))
    }

    /// See [`symlink_metadata`].
    pub fn symlink_metadata(&self, path: &str) -> Result<Attributes, Failure> {
        self.ask_at(path, Walk::Itself, |_, line, at| line.server.stat(at.path, false))
    }

    /// See [`create_dir`].
    pub fn create_dir(&self, path: &str) -> Result<(), Failure> {
        self.ask_at(path, Walk::Parent, |_, line, at| line.server.create(at.path, Kind::Directory, NO_TEXT))
    }

    /// See [`remove_file`].
    pub fn remove_file(&self, path: &str) -> Result<(), Failure> {
        self.ask_at(path, Walk::Parent, |_, line, at| line.server.remove(at.path, Kind::File))
    }

    /// See [`remove_dir`].
    pub fn remove_dir(&self, path: &str) -> Result<(), Failure> {
        self.ask_at(path, Walk::Parent, |_, line, at| line.server.remove(at.path, Kind::Directory))
    }

    /// See [`rename`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        let both = ((from, Walk::Parent), (to, Walk::Parent));
        self.ask_at_both(both.0, both.1, |line, from, to| line.server.rename(from, to))
    }

    /// See [`hard_link`].
    pub fn hard_link(&self, file: &str, name: &str) -> Result<(), Failure> {
        let (file, name) = ((file, Walk::Itself), (name, Walk::Parent));
        match self.ask_at_both(file, name, |line, file, name| line.server.link(file, name)) {
            // What has that name is there.
            Err(Failure::Busy) => Err(Failure::Exists),
            linked => linked,
        }
    }

    /// See [`symlink`].
    pub fn symlink(&self, path: &str, name: &str) -> Result<(), Failure> {
        self.ask_at(name, Walk::Parent, |_, line, at| {
            let path = line.put(path.as_bytes())?;
            line.server.create(at.path, Kind::Link, path)
        })
    }

    /// See [`read_link`].
    pub fn read_link(&self, path: &str) -> Result<String, Failure> {
        self.ask_at(path, Walk::Itself, |_, line, at| {
            let room = line.room(anax_files::path::LONGEST);
            let length = line.server.link_path(at.path, room)?;
            let mut bytes = alloc::vec![0; room.length as usize];
            let length = line.take(room, length, &mut bytes)?;
            bytes.truncate(length);
            String::from_utf8(bytes).map_err(|_| Failure::Damaged)
        })
    }

    /// See [`set_modified`].
    pub fn set_modified(&self, path: &str, seconds: u64) -> Result<(), Failure> {
        self.ask_at(path, Walk::Follow, |_, line, at| line.server.set_modified(at.path, seconds))
    }

    /// See [`read_dir`].
    pub fn read_dir(self: &Arc<Self>, path: &str) -> Result<ReadDir, Failure> {
        let how = How { read: true, directory: true, ..How::default() };
        self.ask_at(path, Walk::Follow, |branch, line, at| {
            let opened = line.server.open(at.path, how)?;
            Ok(ReadDir::new(branch.clone(), opened.file))
        })
    }
}

/// A directory's entries. What is created and removed meanwhile may come or not; all others come once.
#[derive(Debug)]
pub struct ReadDir {
    branch: Arc<Branch>,
    directory: OpenFile,
    from: u64,
    waiting: VecDeque<Entry>,
    is_at_end: bool,
}

impl ReadDir {
    pub(crate) const fn new(branch: Arc<Branch>, directory: OpenFile) -> Self {
        Self { branch, directory, from: 0, waiting: VecDeque::new(), is_at_end: false }
    }

    /// The next entry; others go on while the file system is asked.
    ///
    /// # Errors
    /// As [`read_dir`]; it is the last one then.
    pub async fn next_later(&mut self, events: &EventLoop) -> Option<Result<Entry, Failure>> {
        if self.waiting.is_empty() && !self.is_at_end {
            let (branch, directory, from) = (self.branch.clone(), self.directory, self.from);
            if let Err(failure) =
                branch.list_later(events, directory, from).await.and_then(|entries| self.take(entries))
            {
                self.is_at_end = true;
                return Some(Err(failure));
            }
        }
        self.waiting.pop_front().map(Ok)
    }

    fn ask(&mut self) -> Result<(), Failure> {
        let (directory, from) = (self.directory, self.from);
        let entries = self.branch.ask(|line| {
            let room = line.room(4096);
            let length = line.server.list(directory, from, room)?;
            let mut bytes = alloc::vec![0; room.length as usize];
            let length = line.take(room, length, &mut bytes)?;
            Listing::parse(&bytes[..length])
        })?;
        self.take(entries)
    }

    /// Those that were answered last.
    fn take(&mut self, entries: Vec<Entry>) -> Result<(), Failure> {
        let Some(last) = entries.last() else {
            self.is_at_end = true;
            return Ok(());
        };
        if last.next == self.from {
            return Err(Failure::Way(Error::PeerMisbehaved));
        }
        self.from = last.next;
        self.waiting.extend(entries);
        Ok(())
    }
}

impl Iterator for ReadDir {
    type Item = Result<Entry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.waiting.is_empty()
            && !self.is_at_end
            && let Err(failure) = self.ask()
        {
            self.is_at_end = true;
            return Some(Err(failure));
        }
        self.waiting.pop_front().map(Ok)
    }
}

impl Drop for ReadDir {
    fn drop(&mut self) {
        self.branch.close(self.directory);
    }
}
