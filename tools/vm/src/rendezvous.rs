//! Where other tools find a guest that runs: a Unix socket with its name, in a folder of such sockets.
//!
//! Each connection is one errand: the tool says what to do, and hears what becomes of it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anax_control::{MAX_COMMANDS, MAX_FILE, Stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Courier, Progress};

/// The longest that is read at once.
const LONGEST: u32 = MAX_FILE + MAX_COMMANDS as u32 + 64;

/// How long a tool that has connected may take to say what it wants, all of which it has.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a tool wants: a command line, whose programs find the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The command line.
    pub commands: String,
    /// The file, at most 4 MiB.
    pub file: Vec<u8>,
}

/// What becomes of an errand; the last one is `Done` or `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// The guest is not up yet.
    Waits,
    /// So many bytes of the file have arrived, of how many.
    Sent(u32, u32),
    /// The command printed something.
    Output(Stream, Vec<u8>),
    /// The command line has ended with that status.
    Done(u8),
    /// It came to nothing, or nobody knows to what.
    Failed(String),
}

impl From<Progress<'_>> for News {
    fn from(progress: Progress<'_>) -> Self {
        match progress {
            Progress::Waits => Self::Waits,
            Progress::Sent(here, all) => Self::Sent(here, all),
            Progress::Output(stream, bytes) => Self::Output(stream, bytes.to_vec()),
        }
    }
}

/// A guest's end; dropping it takes the name away.
#[derive(Debug)]
pub struct Rendezvous {
    path: PathBuf,
}

impl Rendezvous {
    /// Makes a guest known under a name, as whose errands `courier` runs, one after the other.
    ///
    /// # Errors
    /// `AddrInUse`: there is a guest of that name. Those of the folder, and of a path that is too long for a socket (about 100 bytes).
    pub fn open(folder: &Path, name: &str, mut courier: Courier) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        if connect(&path).is_some() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listener = UnixListener::bind(&path)?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A tool that goes away harms nobody.
                let _ = serve(stream, &mut courier);
            }
        });
        Ok(Self { path })
    }
}

impl Drop for Rendezvous {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, courier: &mut Courier) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let errand: Errand = receive(&mut stream)?;
    // What was begun is ended, whether anybody is told or not.
    let mut tell = |news: &News| {
        let _ = send(&mut stream, news);
    };
    let ended = courier.run(&errand.file, &errand.commands, &mut |progress| tell(&progress.into()));
    tell(&ended.map_or_else(|failed| News::Failed(failed.to_string()), News::Done));
    Ok(())
}

/// A guest that runs, and a connection to it.
#[derive(Debug)]
pub struct Guest {
    /// Its name.
    pub name: String,
    /// Since when it is known.
    pub since: SystemTime,
    stream: UnixStream,
}

impl Guest {
    /// Runs an errand there, and shows what becomes of it; the command line's status.
    ///
    /// # Errors
    /// One line about what went wrong.
    pub fn run(mut self, errand: &Errand, watch: &mut dyn FnMut(&News)) -> Result<u8, String> {
        let ended = |_| format!("guest {} has ended, or the tool that runs it", self.name);
        send(&mut self.stream, errand).map_err(ended)?;
        loop {
            match receive(&mut self.stream).map_err(ended)? {
                News::Done(status) => return Ok(status),
                News::Failed(why) => return Err(why),
                news => watch(&news),
            }
        }
    }
}

/// The guests of a folder that run, the newest first. What others have left there when they were killed is taken away.
#[must_use]
pub fn guests(folder: &Path) -> Vec<Guest> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (Ok(name), Ok(about)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        let since = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.extend(connect(&entry.path()).map(|stream| Guest { name, since, stream }));
    }
    found.sort_by_key(|guest| std::cmp::Reverse(guest.since));
    found
}

/// Connects; a socket that nobody listens at is taken away.
fn connect(path: &Path) -> Option<UnixStream> {
    match UnixStream::connect(path) {
        Ok(stream) => Some(stream),
        Err(error) => {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                let _ = fs::remove_file(path);
            }
            None
        }
    }
}

fn send(stream: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_allocvec(what).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_le_bytes())?;
    stream.write_all(&bytes)
}

fn receive<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}
