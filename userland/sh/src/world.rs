//! What a shell does to the system.

use alloc::string::String;
use alloc::vec::Vec;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read.
    Read,
    /// To write, from its beginning; what it had is gone.
    Write,
    /// To write at its end.
    Append,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status.
    pub status: u8,
    /// What there is to say, if it did not choose it.
    pub words: Option<String>,
}

/// Why a program does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// There is none of that name.
    NotFound,
    /// There is, but.
    Other(String),
}

/// Why a stream can't be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// Nobody reads what is written.
    Gone,
    /// The person wants it to end.
    Interrupted,
    /// It is too much for memory.
    TooMuch,
    /// Something else.
    Failed,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A file of so many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// Something else.
    Other,
}

/// A program to be started.
#[derive(Clone, Debug)]
pub struct Program<'a, S> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// What it reads, and where it prints.
    pub streams: &'a [S; 3],
}

/// The system. Texts of errors are for people.
pub trait World {
    /// Something to read from or write to; open as long as there is a copy, or a program that has one.
    type Stream: Clone;

    /// The number of the shell's own process.
    fn process(&self) -> u64;

    /// A standard stream of the shell's own: 0, 1, 2.
    fn own(&mut self, number: usize) -> Self::Stream;

    /// Nothing to read.
    fn null(&mut self) -> Self::Stream;

    /// A pipe: where to read, where to write.
    ///
    /// # Errors
    /// Why there is none.
    fn pipe(&mut self) -> Result<(Self::Stream, Self::Stream), String>;

    /// These bytes, to read.
    ///
    /// # Errors
    /// Why not.
    fn source(&mut self, bytes: Vec<u8>) -> Result<Self::Stream, String>;

    /// Somewhere to write, whose bytes are asked for later.
    ///
    /// # Errors
    /// Why not.
    fn sink(&mut self) -> Result<Self::Stream, String>;

    /// What was written to a [`sink`](Self::sink); nothing if that was more than a program can take.
    fn written(&mut self, sink: &Self::Stream) -> Option<Vec<u8>>;

    /// A file.
    ///
    /// # Errors
    /// Why not.
    fn open(&mut self, path: &str, access: Access) -> Result<Self::Stream, String>;

    /// Writes all of it.
    ///
    /// # Errors
    /// [`StreamError`].
    fn write(&mut self, to: &Self::Stream, bytes: &[u8]) -> Result<(), StreamError>;

    /// Reads what there is, at most so many bytes; none at the end.
    ///
    /// # Errors
    /// [`StreamError`].
    fn read(&mut self, from: &Self::Stream, most: usize) -> Result<Vec<u8>, StreamError>;

    /// Starts a program: its process.
    ///
    /// # Errors
    /// [`NotStarted`].
    fn start(&mut self, program: &Program<'_, Self::Stream>) -> Result<u64, NotStarted>;

    /// Waits for a process's end; nothing if the person wants it to end.
    fn wait(&mut self, process: u64) -> Option<Ended>;

    /// How a process has ended, if it has. Does not wait.
    fn ended(&mut self, process: u64) -> Option<Ended>;

    /// Ends a process.
    ///
    /// # Errors
    /// Why not.
    fn kill(&mut self, process: u64) -> Result<(), String>;

    /// Whether the person wants what runs to end; told once.
    fn is_interrupted(&mut self) -> bool;

    /// The names in a directory.
    fn list(&mut self, directory: &str) -> Option<Vec<String>>;

    /// What a path leads to.
    fn look(&mut self, path: &str) -> Option<PathKind>;

    /// All of a file.
    ///
    /// # Errors
    /// Why not.
    fn load(&mut self, path: &str) -> Result<Vec<u8>, String>;

    /// Makes it the current directory: its path from the root on.
    ///
    /// # Errors
    /// Why not.
    fn change_directory(&mut self, path: &str) -> Result<String, String>;

    /// The programs that there are.
    fn programs(&mut self) -> Vec<String>;
}
