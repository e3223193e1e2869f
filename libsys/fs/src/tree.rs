//! The tree as a whole: what is mounted where.

use alloc::string::String;
use alloc::vec::Vec;

use anax::process::Command;
use anax::stream::Stdio;
use anax_abi::Error;
use anax_files::files::{SERVICE, Walk};
use anax_files::volume::FOR_A_MOUNT;
use anax_files::{Failure, Usage};
use anax_proto::Gift;
use anax_system::KILLED;

use crate::session::Session;

/// A file system in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub path: String,
    /// What kind: `"tmpfs"`.
    pub kind: String,
    /// What it was made of: a disk, or nothing.
    pub source: String,
    /// Whether nothing in it can be changed.
    pub is_read_only: bool,
    /// The server's thread that has it.
    pub thread: u16,
}

impl Mount {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut text = || {
            let (length, behind) = rest.split_first()?;
            let (text, behind) = behind.split_at_checked((*length).into())?;
            rest = behind;
            String::from_utf8(text.into()).ok()
        };
        let (path, kind, source) = (text()?, text()?, text()?);
        let [is_read_only, low, high] = *rest else { return None };
        let thread = u16::from_le_bytes([low, high]);
        Some(Self { path, kind, source, is_read_only: is_read_only != 0, thread })
    }
}

/// All that is mounted.
///
/// # Errors
/// `Way`.
pub fn mounts() -> Result<Vec<Mount>, Failure> {
    Session::own()?.mounts()
}

/// Mounts a file system of that kind (`"fat"`), of that source (`"blk0p1"`, or nothing), at a directory, whose own entries are then out of sight: starts the program of that name with the source as its
/// argument, and mounts what it serves. The caller may start programs. The file system outlives it: its program ends when it is unmounted, and with the VFS server.
///
/// # Errors
/// `NotADirectory`; `NotFound`, also of a source that there is not; `Busy`, also of one that another program has; `Unsupported`: there is no such kind; `Damaged`: the source is none of that kind; `Medium`: its program has
/// ended, for a reason that it has said itself.
pub fn mount(kind: &str, source: &str, path: &str) -> Result<(), Failure> {
    let command = Command::new(kind).map_err(|_| Failure::Unsupported)?;
    let command = if source.is_empty() { command } else { command.argument(source) };
    // What it says goes to the log: a pipe would stay open for as long as it is mounted.
    let command = command.env(FOR_A_MOUNT, "1").stdin(Stdio::Null).stdout(Stdio::Null).stderr(Stdio::Null);
    let mut child = command.start()?;
    let port = child.port()?;
    let mounted = mount_port(path, if source.is_empty() { kind } else { source }, port);
    let Err(failure) = mounted.and_then(|()| Ok(child.entrust(SERVICE)?)) else { return Ok(()) };
    // Nobody has use for it, if it has not ended by itself.
    let _ended = child.kill();
    let status = child.wait()?;
    let has_ended = matches!(failure, Failure::Ended | Failure::Way(Error::PeerDied));
    Err(if has_ended && status != KILLED { why(status) } else { failure })
}

/// Why a file system's program has ended before it was mounted. It has said more itself.
const fn why(status: u64) -> Failure {
    match Error::from_code(status.cast_signed()) {
        Error::Exists => Failure::Busy,
        Error::BadArgument | Error::BadHandle => Failure::NotFound,
        Error::PeerMisbehaved => Failure::Damaged,
        _ => Failure::Medium,
    }
}

/// Mounts a file system that is served at a port. `source` says to people what it is of; its server is told when it is unmounted.
///
/// # Errors
/// `NotFound`, `NotADirectory`, `Busy`; what the file system answers.
pub fn mount_port(path: &str, source: &str, port: Gift) -> Result<(), Failure> {
    Session::own()?.mount_port(path, source, port)
}

/// Takes a file system from the tree, when all that was written to it will last.
///
/// # Errors
/// `NotFound`: nothing is mounted there; `Busy`: something is open in it, or mounted.
pub fn unmount(path: &str) -> Result<(), Failure> {
    Session::own()?.unmount(path)
}

/// Returns when all that was written anywhere will last.
///
/// # Errors
/// `Medium`.
pub fn sync() -> Result<(), Failure> {
    Session::own()?.sync()
}

/// How full the file system is in which that path lies.
///
/// # Errors
/// As [`metadata`](crate::metadata).
pub fn usage(path: &str) -> Result<Usage, Failure> {
    Session::own()?.usage(path)
}

/// The same by a session, see the functions of the same names.
#[expect(clippy::missing_errors_doc, reason = "the functions of the same names say it")]
impl Session {
    /// See [`mounts`].
    pub fn mounts(&self) -> Result<Vec<Mount>, Failure> {
        let mut all = Vec::new();
        loop {
            let number = all.len() as u64;
            let bytes = self.first().ask(|line| {
                let room = line.room(1024);
                let length = line.server.mounted(number, room)?;
                let mut bytes = alloc::vec![0; room.length as usize];
                let length = line.take(room, length, &mut bytes)?;
                bytes.truncate(length);
                Ok(bytes)
            })?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.push(Mount::parse(&bytes).ok_or(Failure::Way(Error::PeerMisbehaved))?);
        }
    }

    /// How many operations a thread of the server has begun, which is all that it did not answer at once: for whoever wants to see who does the work.
    ///
    /// # Errors
    /// `BadArgument`: there is no such thread.
    pub fn operations(&self, thread: u16) -> Result<u64, Failure> {
        self.branch(thread)?.ask(|line| line.server.operations())
    }

    /// See [`mount_port`].
    pub fn mount_port(&self, path: &str, source: &str, port: Gift) -> Result<(), Failure> {
        self.first().ask(|line| {
            let (path, source) = (line.path(path)?, line.put(source.as_bytes())?);
            line.server.mount(path, source, port)
        })
    }

    /// See [`unmount`].
    pub fn unmount(&self, path: &str) -> Result<(), Failure> {
        self.first().ask(|line| {
            let path = line.path(path)?;
            line.server.unmount(path)
        })
    }

    /// See [`sync`].
    pub fn sync(&self) -> Result<(), Failure> {
        self.first().ask(|line| line.server.sync_all())
    }

    /// See [`usage`].
    pub fn usage(&self, path: &str) -> Result<Usage, Failure> {
        self.ask_at(path, Walk::Follow, |_, line, at| line.server.usage(at.path))
    }
}
