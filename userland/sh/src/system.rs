//! The system, as the shell reaches it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax::process::Command;
use anax::stream::{Piece, Reader, Stdio, Writer, byte_stream, pipe};
use anax::{Error, Handle, handles};
use anax_fs::{Failure, File, Kind, OpenOptions};
use anax_manifest::{Layer, MEMBER, Manifests};
use anax_proto::{Fixed as _, Reader as Words, Writer as Put};
use anax_stream::PIECE;
use anax_system::{Status, explain};
use sh::{Access, Ended, NotStarted, PathKind, Program, StreamError, World};

use crate::events::{Events, Interrupted};
use crate::served::{Held, MAX_MEMORY, Shared};

/// Bytes of the longest script.
const MAX_SCRIPT: u64 = 1 << 20;

/// Something to read from or write to.
#[derive(Clone, Debug)]
pub(crate) enum Stream {
    /// A standard stream of the shell's own.
    Own(usize),
    Null,
    Reader(Rc<End<Reader>>),
    Writer(Rc<End<Writer>>),
    Served(Rc<Held>),
}

/// An end of a pipe, and its handle for messages.
#[derive(Debug)]
pub(crate) struct End<E> {
    end: E,
    handle: Handle,
}

pub(crate) struct System {
    events: Events,
    served: Shared,
    /// Files that programs have that run.
    kept: BTreeMap<u64, Vec<Rc<Held>>>,
    programs: Vec<String>,
}

impl System {
    pub(crate) fn new() -> Result<Self, Error> {
        let served = Shared::default();
        let events = Events::new(&served)?;
        Ok(Self { events, served, kept: BTreeMap::new(), programs: Vec::new() })
    }

    /// From now on Ctrl-C is told.
    pub(crate) fn watch_for_interrupts(&mut self) {
        self.events.watch();
    }

    fn over(&mut self, process: u64, how: Result<Status, Error>) -> Ended {
        self.kept.remove(&process);
        match how {
            Ok(status) => {
                let (status, words) = explain(status);
                Ended { status, words }
            }
            Err(error) => Ended { status: sh::NOT_STARTED, words: Some(format!("is lost: {error}")) },
        }
    }

    /// The handle by which a stream is asked; nothing for the null stream.
    fn handle(stream: &Stream) -> Option<Handle> {
        match stream {
            Stream::Own(number) => anax::handle(own_name(*number)),
            Stream::Null => None,
            Stream::Reader(end) => Some(end.handle),
            Stream::Writer(end) => Some(end.handle),
            Stream::Served(held) => Some(held.handle),
        }
    }

    fn stdio(stream: &Stream, place: usize) -> Result<Stdio, Error> {
        Ok(match stream {
            Stream::Own(number) if *number == place => Stdio::Inherit,
            Stream::Own(number) => anax::handle(own_name(*number)).map_or(Stdio::Null, Stdio::Port),
            Stream::Null => Stdio::Null,
            Stream::Reader(end) => Stdio::Reader(end.end.try_clone()?),
            Stream::Writer(end) => Stdio::Writer(end.end.try_clone()?),
            Stream::Served(held) => Stdio::Port(held.handle),
        })
    }

    fn begin(&mut self, program: &Program<'_, Stream>) -> Result<u64, Error> {
        let mut command = Command::new(program.name)?.env_clear();
        for argument in program.arguments {
            command = command.argument(argument);
        }
        for (name, value) in &program.environment {
            command = command.env(name, value);
        }
        let [input, output, error] = program.streams;
        command = command.stdin(Self::stdio(input, 0)?);
        command = command.stdout(Self::stdio(output, 1)?).stderr(Self::stdio(error, 2)?);
        let process = command.start()?.process();
        let served = program.streams.iter().filter_map(|stream| match stream {
            Stream::Served(held) => Some(Rc::clone(held)),
            _ => None,
        });
        self.kept.insert(process, served.collect());
        self.events.await_end(process)?;
        Ok(process)
    }
}

const fn own_name(number: usize) -> &'static str {
    match number {
        0 => handles::STDIN,
        1 => handles::STDOUT,
        _ => handles::STDERR,
    }
}

fn failure(failure: Failure) -> String {
    format!("{failure}")
}

impl World for System {
    type Stream = Stream;

    fn process(&self) -> u64 {
        anax::start().process
    }

    fn own(&mut self, number: usize) -> Stream {
        Stream::Own(number)
    }

    fn null(&mut self) -> Stream {
        Stream::Null
    }

    fn pipe(&mut self) -> Result<(Stream, Stream), String> {
        let (reader, writer) = pipe().map_err(|error| error.to_string())?;
        let (from, to) = (reader.handle(), writer.handle());
        Ok((
            Stream::Reader(Rc::new(End { end: reader, handle: from })),
            Stream::Writer(Rc::new(End { end: writer, handle: to })),
        ))
    }

    fn source(&mut self, bytes: Vec<u8>) -> Result<Stream, String> {
        if bytes.len() > MAX_MEMORY {
            return Err("this is more than memory can take".into());
        }
        let held = Held::source(&self.served, self.events.port, bytes);
        held.map(Stream::Served).map_err(|error| error.to_string())
    }

    fn sink(&mut self) -> Result<Stream, String> {
        let held = Held::sink(&self.served, self.events.port);
        held.map(Stream::Served).map_err(|error| error.to_string())
    }

    fn written(&mut self, sink: &Stream) -> Option<Vec<u8>> {
        match sink {
            Stream::Served(held) => held.written(),
            _ => None,
        }
    }

    fn open(&mut self, path: &str, access: Access) -> Result<Stream, String> {
        let held = match access {
            Access::Read => {
                if self.look(path) == Some(PathKind::Directory) {
                    return Err(failure(Failure::IsADirectory));
                }
                let file = File::open(path).map_err(failure)?;
                Held::input(&self.served, self.events.port, file)
            }
            Access::Write => {
                let file = File::create(path).map_err(failure)?;
                Held::output(&self.served, self.events.port, file)
            }
            Access::Append => {
                let options = OpenOptions::new().append(true).create(true);
                let file = options.open(path).map_err(failure)?;
                Held::output(&self.served, self.events.port, file)
            }
        };
        held.map(Stream::Served).map_err(|error| error.to_string())
    }

    fn write(&mut self, to: &Stream, bytes: &[u8]) -> Result<(), StreamError> {
        if let Stream::Served(held) = to {
            return held.write(bytes).map_err(|error| match error {
                Error::NoMemory | Error::PeerDied => StreamError::TooMuch,
                _ => StreamError::Failed,
            });
        }
        let Some(handle) = Self::handle(to) else { return Ok(()) };
        for piece in bytes.chunks(PIECE) {
            let (length, words) = Piece::beginning(piece).words();
            let mut put = Put::default();
            (length, words).put(&mut put);
            match self.events.ask(handle, byte_stream::WRITE, put.finish()) {
                Ok(Ok(_)) => {}
                // The null stream.
                Ok(Err(Error::NoRights)) => return Ok(()),
                Ok(Err(Error::PeerDied)) => return Err(StreamError::Gone),
                Ok(Err(_)) => return Err(StreamError::Failed),
                Err(Interrupted) => return Err(StreamError::Interrupted),
            }
        }
        Ok(())
    }

    fn read(&mut self, from: &Stream, most: usize) -> Result<Vec<u8>, StreamError> {
        if let Stream::Served(held) = from {
            return held.read(most).map_err(|_| StreamError::Failed);
        }
        let Some(handle) = Self::handle(from) else { return Ok(Vec::new()) };
        let mut put = Put::default();
        (most.min(PIECE) as u8).put(&mut put);
        match self.events.ask(handle, byte_stream::READ, put.finish()) {
            Ok(Ok(words)) => {
                let piece = <(u8, [u64; PIECE / 8])>::take(&mut Words::new(words))
                    .and_then(|(length, words)| Piece::from_words(length, words));
                piece.map(|piece| piece.bytes().to_vec()).ok_or(StreamError::Failed)
            }
            Ok(Err(Error::NoRights)) => Ok(Vec::new()),
            Ok(Err(Error::PeerDied)) => Err(StreamError::Gone),
            Ok(Err(_)) => Err(StreamError::Failed),
            Err(Interrupted) => Err(StreamError::Interrupted),
        }
    }

    fn start(&mut self, program: &Program<'_, Stream>) -> Result<u64, NotStarted> {
        // Init answers so if the archive has none of that name, and for names that are none.
        self.begin(program).map_err(|error| match error {
            Error::BadArgument => NotStarted::NotFound,
            Error::Full => NotStarted::Other("its arguments and variables are too long".into()),
            error => NotStarted::Other(error.to_string()),
        })
    }

    fn wait(&mut self, process: u64) -> Option<Ended> {
        let how = self.events.wait(process).ok()?;
        Some(self.over(process, how))
    }

    fn ended(&mut self, process: u64) -> Option<Ended> {
        let how = self.events.ended(process)?;
        Some(self.over(process, how))
    }

    fn kill(&mut self, process: u64) -> Result<(), String> {
        anax::process::kill(process).map_err(|error| error.to_string())
    }

    fn is_interrupted(&mut self) -> bool {
        self.events.is_interrupted()
    }

    fn list(&mut self, directory: &str) -> Option<Vec<String>> {
        let entries = anax_fs::read_dir(directory).ok()?;
        Some(entries.filter_map(|entry| entry.ok().map(|entry| entry.name)).collect())
    }

    fn look(&mut self, path: &str) -> Option<PathKind> {
        let attributes = anax_fs::metadata(path).ok()?;
        Some(match attributes.kind {
            Kind::File => PathKind::File(attributes.size),
            Kind::Directory => PathKind::Directory,
            Kind::Link | Kind::Device => PathKind::Other,
        })
    }

    fn load(&mut self, path: &str) -> Result<Vec<u8>, String> {
        match anax_fs::metadata(path).map_err(failure)? {
            attributes if attributes.kind == Kind::Directory => Err(failure(Failure::IsADirectory)),
            attributes if attributes.size > MAX_SCRIPT => Err("it has more than a mebibyte".into()),
            _ => anax_fs::read(path).map_err(failure),
        }
    }

    fn change_directory(&mut self, path: &str) -> Result<String, String> {
        anax_fs::set_current_directory(path).map_err(failure)?;
        Ok(anax_fs::current_directory())
    }

    fn programs(&mut self) -> Vec<String> {
        if self.programs.is_empty()
            && let Ok(archive) = anax::archive()
            && let Some(Ok(manifests)) = archive.get(MEMBER).map(Manifests::decode)
        {
            let applications = manifests.0.iter().filter(|manifest| manifest.layer == Layer::Application);
            self.programs = applications.map(|manifest| manifest.name.clone()).collect();
        }
        self.programs.clone()
    }
}
