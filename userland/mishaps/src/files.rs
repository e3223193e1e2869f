//! Files whose servers die again and again: `mishap-files files DIRECTORY` works in a directory that it makes, `mishap-files reads PATH...` reads what is always there.
//!
//! Something stays open all the time. Whoever is told that a file system has ended, or the VFS server, opens it again; a name that is missing has to be one that has ended with its file system. What was stored is there
//! when the VFS server has died. Anything else is a failure, and so is an answer that takes longer than [`PATIENCE`].
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use anax::message::{Port, Received, replymsg};
use anax::{Error, println};
use anax_files::{Failure, Kind};
use anax_fs::{File, OpenOptions};
use anax_pattern::{Direction, Pattern};
use mishaps::{COUNT, PATIENCE, PAUSE, STOP};

const PAUSE_BETWEEN: Duration = Duration::from_millis(1);
/// Bytes of the file that stays, and of those that come and go.
const KEPT: usize = 20_000;
const PASSING: usize = 30_000;
/// Bytes that are read of what is always there.
const READ: usize = 4096;

/// Who has died over a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Died {
    /// The VFS server.
    Vfs,
    /// A file system.
    System,
}

/// What a failure is: somebody's death, or one that ends this program.
fn died(failure: Failure) -> Result<Died, Failure> {
    match failure {
        Failure::Way(Error::PeerDied) => Ok(Died::Vfs),
        Failure::Ended => Ok(Died::System),
        other => Err(other),
    }
}

/// What is done again and again.
enum Work {
    Files(Files),
    Reads(Vec<Reads>),
}

/// A directory, and a file in it that stays.
struct Files {
    directory: String,
    kept: Option<File>,
    /// What was stored in it, if the file system has not ended since.
    stored: Option<u64>,
    round: u64,
}

impl Files {
    fn path(&self, name: &str) -> String {
        alloc::format!("{}/{name}", self.directory)
    }

    /// Opens what stays, or makes it anew.
    fn begin(&mut self) -> Result<(), Failure> {
        if let Some(stored) = self.stored {
            let file = OpenOptions::new().read(true).write(true).open(&self.path("kept"))?;
            verify(&file, stored, KEPT)?;
            self.kept = Some(file);
            return Ok(());
        }
        match anax_fs::create_dir(&self.directory) {
            Ok(()) | Err(Failure::Exists) => {}
            Err(failure) => return Err(failure),
        }
        let file = OpenOptions::new().read(true).write(true).create(true).open(&self.path("kept"))?;
        file.write_at(0, &bytes(self.round, KEPT))?;
        file.sync_all()?;
        (self.kept, self.stored) = (Some(file), Some(self.round));
        Ok(())
    }

    fn work(&mut self) -> Result<(), Failure> {
        self.round += 1;
        if self.kept.is_none() {
            self.begin()?;
        }
        let (Some(kept), Some(stored)) = (&self.kept, self.stored) else { return Err(Failure::Gone) };
        verify(kept, stored, KEPT)?;
        let (new, other) = (self.path("new"), self.path("other"));
        anax_fs::write(&new, &bytes(self.round, PASSING))?;
        // Whoever stores it may be the one that dies.
        File::open(&new)?.sync_all()?;
        if anax_fs::read(&new)? != bytes(self.round, PASSING) {
            return Err(Failure::Damaged);
        }
        anax_fs::rename(&new, &other)?;
        if anax_fs::metadata(&other)?.size != PASSING as u64 || names(&self.directory)? != ["kept", "other"] {
            return Err(Failure::Damaged);
        }
        anax_fs::remove_file(&other)
    }

    /// Something has failed: whose death it was.
    fn judge(&mut self, failure: Failure) -> Result<(), Failure> {
        let died = match (died(failure), &self.kept) {
            (Ok(died), _) => died,
            // A name that is not there may have ended with its file system; then so has what stays open.
            (Err(missing @ Failure::NotFound), Some(kept)) => {
                kept.sync_all().err().and_then(|failure| died(failure).ok()).ok_or(missing)?
            }
            (Err(other), _) => return Err(other),
        };
        self.kept = None;
        if died == Died::System {
            self.stored = None;
        }
        Ok(())
    }
}

/// What is always there, and the same.
struct Reads {
    path: String,
    open: Option<File>,
    known: Option<(Vec<u8>, Vec<String>)>,
}

impl Reads {
    fn work(&mut self) -> Result<(), Failure> {
        let is_directory = anax_fs::metadata(&self.path)?.kind == Kind::Directory;
        let mut bytes = Vec::new();
        if !is_directory {
            if self.open.is_none() {
                self.open = Some(File::open(&self.path)?);
            }
            for file in [self.open.as_ref(), Some(&File::open(&self.path)?)].into_iter().flatten() {
                let mut read = alloc::vec![0; READ];
                let length = file.read_at(0, &mut read)?;
                read.truncate(length);
                bytes.extend(read);
            }
        }
        let now = (bytes, if is_directory { names(&self.path)? } else { Vec::new() });
        if *self.known.get_or_insert_with(|| now.clone()) == now && now != Default::default() {
            return Ok(());
        }
        println!("mishap-files: {} has changed", self.path);
        Err(Failure::Damaged)
    }
}

impl Work {
    fn of(arguments: &[String]) -> Result<Self, Error> {
        let [kind, rest @ ..] = arguments else { return Err(Error::BadArgument) };
        match (kind.as_str(), rest) {
            ("files", [directory]) => {
                Ok(Self::Files(Files { directory: directory.clone(), kept: None, stored: None, round: 0 }))
            }
            ("reads", [_, ..]) => {
                let each = |path: &String| Reads { path: path.clone(), open: None, known: None };
                Ok(Self::Reads(rest.iter().map(each).collect()))
            }
            _ => Err(Error::BadArgument),
        }
    }

    /// A round of it: false if somebody has died.
    fn round(&mut self) -> Result<bool, Failure> {
        let failure = match self {
            Self::Files(files) => match files.work() {
                Ok(()) => return Ok(true),
                Err(failure) => return files.judge(failure).map(|()| false),
            },
            Self::Reads(reads) => match reads.iter_mut().try_for_each(Reads::work) {
                Ok(()) => return Ok(true),
                Err(failure) => failure,
            },
        };
        died(failure)?;
        if let Self::Reads(reads) = self {
            reads.iter_mut().for_each(|one| one.open = None);
        }
        Ok(false)
    }
}

fn bytes(stream: u64, length: usize) -> Vec<u8> {
    let mut bytes = alloc::vec![0; length];
    Pattern::new(stream, Direction::ToGuest).fill(0, &mut bytes);
    bytes
}

fn verify(file: &File, stream: u64, length: usize) -> Result<(), Failure> {
    let mut found = alloc::vec![0; length + 1];
    let read = file.read_at(0, &mut found)?;
    if found[..read] == bytes(stream, length) { Ok(()) } else { Err(Failure::Damaged) }
}

fn names(path: &str) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in anax_fs::read_dir(path)? {
        names.push(String::from(entry?.name.as_str()));
    }
    names.sort_unstable();
    Ok(names)
}

struct Load {
    port: Port,
    good: u64,
    died: u64,
    stop: Option<Received>,
    pause: Option<Received>,
}

impl Load {
    fn happened(&mut self, received: &Received) -> Result<(), Error> {
        match received.command() {
            STOP => self.stop = Some(*received),
            COUNT => return replymsg(received.number, Ok(self.good), [self.died, 0, 0, 0, 0]),
            PAUSE => self.pause = Some(*received),
            _ => return replymsg(received.number, Err(Error::BadCommand), [0; 5]),
        }
        Ok(())
    }

    /// Whoever wants it to be idle compares what it has: behind a round that went well, that is always the same.
    fn rest(&mut self) -> Result<(), Error> {
        while let Some(pause) = self.pause.take() {
            replymsg(pause.number, Ok(0), [0; 5])?;
            let next = self.port.waitport()?;
            self.happened(&next)?;
        }
        Ok(())
    }
}

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<String> = anax::arguments().to_vec();
    let mut work = Work::of(&arguments)?;
    let mut load = Load { port: anax::port()?, good: 0, died: 0, stop: None, pause: None };
    let mut longest = Duration::ZERO;
    while load.stop.is_none() {
        let begun = anax::time::now();
        match work.round() {
            Ok(true) => {
                load.good += 1;
                load.rest()?;
            }
            Ok(false) => load.died += 1,
            Err(failure) => {
                println!("mishap-files {arguments:?}: {failure}");
                return Ok(1);
            }
        }
        let took = Duration::from_nanos(anax::time::now().nanoseconds() - begun.nanoseconds());
        longest = longest.max(took);
        if took > PATIENCE {
            println!("mishap-files {arguments:?}: a round took {} us", took.as_micros());
            return Ok(1);
        }
        anax::time::sleep(PAUSE_BETWEEN);
        while let Ok(received) = load.port.getport() {
            load.happened(&received)?;
        }
    }
    println!(
        "mishap-files {}: {} rounds, {} times told that somebody has died, {} us at most",
        arguments.first().map_or("", String::as_str),
        load.good,
        load.died,
        longest.as_micros()
    );
    load.stop.map_or(Ok(()), |stop| replymsg(stop.number, Ok(0), [0; 5])).map(|()| 0)
}
