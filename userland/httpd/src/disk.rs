//! Files of the system's tree, below a directory.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use anax::{Handle, eprintln};
use anax_fs::{Attributes, Failure, File as Open, Kind, Lies as Lying, OpenOptions, task};
use anax_net::{LONGEST_SHOWN, Loan, Reading, Source};
use anax_ring::SharedBytes;
use anax_task::EventLoop;
use httpd::{
    About, Date, Entries, Entry, File, Files, Found, LEAST_LENT, Lies, Strength, Tag, Trouble, Window,
};

/// Bytes of a file that are read at once, where they don't lie in memory that is mapped here.
const BUFFER: usize = 16 << 10;
/// How long a connection waits until it tries again, if as many files are open as may be.
const PAUSE: Duration = Duration::from_millis(20);
const READING: OpenOptions = OpenOptions::new().read(true);

/// What lies below a directory.
pub(crate) struct DiskFiles {
    /// Without a slash at its end.
    root: String,
    events: EventLoop,
    buffer: Rc<RefCell<Vec<u8>>>,
}

/// An open file.
pub(crate) struct DiskFile {
    bytes: Rc<Bytes>,
    buffer: Rc<RefCell<Vec<u8>>>,
    about: About,
}

/// Its bytes, open until the last of them that were lent are acknowledged.
struct Bytes {
    file: Open,
    events: EventLoop,
}

impl Source for Bytes {
    fn table(&self) -> Option<Handle> {
        self.file.table()
    }

    fn with_memory(
        &self,
        number: u64,
        with: &mut dyn FnMut(Handle) -> Result<(), anax_net::Failure>,
    ) -> Result<(), anax_net::Failure> {
        self.file.with_memory(number, with).unwrap_or(Err(anax_net::Failure::Gone))
    }

    fn read<'a>(&'a self, from: u64, into: &'a mut [u8]) -> Reading<'a> {
        Box::pin(async move {
            let read = self.file.read_later(&self.events, from, into).await;
            read.map_err(unreadable).ok()
        })
    }
}

impl Lies for DiskFile {
    fn loan(&self, from: u64, most: u64) -> Option<Loan> {
        let lies = self.bytes.file.lies(from, most)?;
        if lies.bytes < LEAST_LENT || lies.length > LONGEST_SHOWN {
            return None;
        }
        let Lying { memory, at, length, word, offset, bytes } = lies;
        let lying = anax_net::Lying { memory, at, length, word, offset };
        Some(Loan { source: self.bytes.clone(), from, length: bytes, lying })
    }

    fn look(&self, from: u64, most: u64, show: &mut dyn FnMut(SharedBytes<'_>)) -> Result<usize, Trouble> {
        self.bytes.file.look_known(from, most, show).map_err(unreadable)
    }

    fn read(&self, from: u64, into: &mut [u8]) -> Result<Option<usize>, Trouble> {
        self.bytes.file.read_known(from, into).map_err(unreadable)
    }
}

impl DiskFiles {
    pub(crate) fn new(root: &str, events: EventLoop) -> Self {
        let buffer = Rc::new(RefCell::new(alloc::vec![0; BUFFER]));
        Self { root: root.trim_end_matches('/').into(), events, buffer }
    }

    /// What opening has come to.
    fn found(&self, opened: Result<Open, Failure>) -> Result<Found<DiskFile>, Trouble> {
        let file = match opened {
            Ok(file) => file,
            Err(Failure::IsADirectory) => return Ok(Found::Directory),
            Err(failure) => return Err(trouble(failure)),
        };
        let attributes = file.metadata().map_err(trouble)?;
        match attributes.kind {
            Kind::Directory => Ok(Found::Directory),
            Kind::File => {
                let bytes = Rc::new(Bytes { file, events: self.events.clone() });
                Ok(Found::File(DiskFile { bytes, buffer: self.buffer.clone(), about: about(&attributes) }))
            }
            Kind::Link | Kind::Device => Err(Trouble::Forbidden),
        }
    }

    /// The path of something below the root: that has no `..` in it.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

const fn trouble(failure: Failure) -> Trouble {
    match failure {
        Failure::NotFound | Failure::NotADirectory | Failure::TooLong | Failure::BadArgument => {
            Trouble::NotFound
        }
        Failure::NotPermitted | Failure::Loop => Trouble::Forbidden,
        Failure::Way(_) | Failure::Busy | Failure::TooMany => Trouble::Busy,
        _ => Trouble::Failed,
    }
}

/// A file that was found can't be read: its client is cut off, so somebody has to be told why.
fn unreadable(failure: Failure) -> Trouble {
    eprintln!("httpd: a file can't be read: {failure}");
    trouble(failure)
}

/// Times of files are whole seconds, and nobody here knows what time it is: the same tag may stand for two states of a second.
fn about(attributes: &Attributes) -> About {
    let modified = Some(Date(attributes.modified)).filter(|date| date.0 != 0);
    let mixed = attributes.modified.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ attributes.node.0.rotate_left(40);
    let strength = if attributes.is_read_only { Strength::Strong } else { Strength::Weak };
    About { size: attributes.size, modified, tag: Some(Tag { value: mixed ^ attributes.size, strength }) }
}

impl Files for DiskFiles {
    type File = DiskFile;

    fn find(&self, path: &str) -> Result<Option<Found<DiskFile>>, Trouble> {
        match READING.open_known(&self.path(path)) {
            Ok(None) | Err(Failure::TooMany) => Ok(None),
            Ok(Some(file)) => self.found(Ok(file)).map(Some),
            Err(failure) => self.found(Err(failure)).map(Some),
        }
    }

    async fn find_later(&self, path: &str) -> Result<Found<DiskFile>, Trouble> {
        let path = self.path(path);
        loop {
            match READING.open_later(&self.events, &path).await {
                // Others are done with theirs in a while; the connection's own time is the bound.
                Err(Failure::TooMany) => self.events.sleep(PAUSE).await,
                opened => return self.found(opened),
            }
        }
    }

    async fn list(&self, path: &str, most: usize) -> Result<Entries, Trouble> {
        let directory = self.path(path);
        let mut entries = Entries::default();
        let mut listed = task::read_dir(&self.events, &directory).await.map_err(trouble)?;
        while let Some(entry) = listed.next_later(&self.events).await {
            let entry = entry.map_err(trouble)?;
            if entries.entries.len() == most {
                entries.are_cut = true;
                break;
            }
            let file = match entry.kind {
                Kind::File => {
                    // What has been removed meanwhile is not shown.
                    let path = format!("{}/{}", directory.trim_end_matches('/'), entry.name);
                    let Ok(attributes) = task::metadata(&self.events, &path).await else { continue };
                    Some(about(&attributes))
                }
                Kind::Directory => None,
                Kind::Link | Kind::Device => continue,
            };
            entries.entries.push(Entry { name: entry.name, file });
        }
        Ok(entries)
    }
}

impl File for DiskFile {
    fn about(&self) -> About {
        self.about
    }

    fn send(&self, offset: u64, most: u64, to: &mut Window<'_>) -> Result<Option<usize>, Trouble> {
        httpd::send(self, (offset, most), to, &mut self.buffer.borrow_mut())
    }

    async fn wait(&self, offset: u64) -> Result<(), Trouble> {
        self.bytes.file.wait(&self.bytes.events, offset).await.map_err(unreadable)
    }
}
