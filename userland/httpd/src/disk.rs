//! Files of the system's tree, below a directory.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use anax::eprintln;
use anax_fs::{Attributes, Failure, File as Open, Kind, OpenOptions, task};
use anax_task::EventLoop;
use httpd::{About, Date, Entries, Entry, File, Files, Found, Strength, Tag, Trouble, Window};

/// Bytes of a file that are read at once: the library does not say yet where they lie, so they are copied once more than they have to be.
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
    file: Open,
    events: EventLoop,
    buffer: Rc<RefCell<Vec<u8>>>,
    about: About,
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
                let (events, buffer) = (self.events.clone(), self.buffer.clone());
                Ok(Found::File(DiskFile { file, events, buffer, about: about(&attributes) }))
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
        let buffer = &mut *self.buffer.borrow_mut();
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(to.room()).min(buffer.len());
        let count = self.file.read_known(offset, &mut buffer[..most]).map_err(unreadable)?;
        Ok(count.map(|count| to.put(&buffer[..count])))
    }

    async fn wait(&self, offset: u64) -> Result<(), Trouble> {
        self.file.wait(&self.events, offset).await.map_err(unreadable)
    }
}
