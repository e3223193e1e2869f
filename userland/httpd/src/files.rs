//! What the server serves, as it sees it: something that finds files and lists directories.
//!
//! [`File::send`] is given the free part of the socket's send ring. What is long is lent ([`Window::lend`]): the network server copies it into its frames from the page cache's pages, and this program copies
//! nothing. What is short goes into the ring from where it lies ([`Window::put_shared`]). Pages may be taken away meanwhile, so it is the file that copies, looks whether they are still there, and takes back what it wrote
//! if they are not ([`Window::take_back`]): nothing is sent before it has returned.

use alloc::string::String;
use alloc::vec::Vec;

use crate::date::Date;
use crate::window::Window;

/// Why something can't be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such file.
    NotFound,
    /// It is not for everybody, or nothing that can be sent.
    Forbidden,
    /// Too much is open, or whoever has the files is gone: another time, maybe.
    Busy,
    /// It can't be read.
    Failed,
}

/// What tells one state of a file's bytes from another (an entity tag, RFC 9110, section 8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Another number for other bytes.
    pub value: u64,
    /// Whether that is certain.
    pub strength: Strength,
}

/// How much an entity tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// The same tag means the same bytes.
    Strong,
    /// Nearly the same: the file may have changed again within the same second.
    Weak,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Bytes.
    pub size: u64,
    /// When it was changed last, if anybody knows.
    pub modified: Option<Date>,
    /// Its entity tag, if it has one.
    pub tag: Option<Tag>,
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub enum Found<F> {
    /// A file, open.
    File(F),
    /// A directory.
    Directory,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Of a file, what is known of it; of a directory nothing.
    pub file: Option<About>,
}

/// Some entries of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// In any order.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub are_cut: bool,
}

/// Files in directories. Nobody is kept waiting for a disk: what is known is had at once, and what has to be asked for is a future.
pub trait Files {
    /// An open one.
    type File: File;

    /// What a [plain path](crate::Target) leads to, if that is known; nothing if it takes time to [find out](Self::find_later).
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Busy`, `Failed`.
    fn find(&self, path: &str) -> Result<Option<Found<Self::File>>, Trouble>;

    /// What a plain path leads to, whatever time that takes. It fails as [`find`](Self::find) does.
    fn find_later(&self, path: &str) -> impl Future<Output = Result<Found<Self::File>, Trouble>>;

    /// Entries of a directory, `most` at most, whatever time that takes. It fails as [`find`](Self::find) does.
    fn list(&self, path: &str, most: usize) -> impl Future<Output = Result<Entries, Trouble>>;
}

/// An open file, closed when it is dropped.
pub trait File {
    /// What was known of it when it was opened.
    fn about(&self) -> About;

    /// Writes bytes from `offset` on, `most` at most, at least one if there are any and room for it: how many, 0 at the end. Nothing if they have to be
    /// [waited for](Self::wait).
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    fn send(&self, offset: u64, most: u64, to: &mut Window<'_>) -> Result<Option<usize>, Trouble>;

    /// Waits until there are bytes to be sent from `offset` on, or the end is there. It fails as [`send`](Self::send) does.
    fn wait(&self, offset: u64) -> impl Future<Output = Result<(), Trouble>>;
}
