//! For tasks (`anax_task`): what a file system is asked for is a question, and others go on meanwhile.
//!
//! Whoever has many things under way does not let all of them wait for one disk. What needs no file system is had at once, as cheaply as elsewhere
//! ([`OpenOptions::open_known`], [`File::read_known`]); if one has to be asked, that is all that these say, and the functions here wait for it.
//!
//! Futures may be dropped at any time. What the server has to read or write for a question stays its own until it has answered, and a file that is opened for nobody is closed again.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use anax_abi::{Error, Message};
use anax_files::files::{FilesAsync, How, OpenFile, Opened, Purpose, Resolved, Walk};
use anax_files::{Attributes, Entry, Failure, Listing, Text, path};
use anax_proto::{AsyncTransport, Reply, Request};
use anax_sys::Target;
use anax_task::EventLoop;

use crate::branch::{Branch, Room};
use crate::file::{File, OpenOptions, how_at};
use crate::names::ReadDir;
use crate::session::{Place, Route, Session};

/// How long what there is no room for waits until it is tried again.
const PAUSE: Duration = Duration::from_micros(200);
/// How often a file is asked for what is taken away before it is read.
const TRIES: u32 = 1000;
/// Bytes of entries that are asked for at once.
const LISTING: usize = 4096;

/// A way by messages of which each is one question of a task's, with what the server uses for it.
struct Way<'a> {
    events: &'a EventLoop,
    target: Target,
    room: RefCell<Option<Room>>,
}

impl AsyncTransport for Way<'_> {
    async fn call(&self, request: &Request<'_>, _: &mut [u8]) -> Result<Reply, Error> {
        loop {
            let message = Message::new(request.command, request.words);
            // Dropped, the executor keeps the room until the answer is there.
            let mut room = self.room.take();
            if cfg!(bite = "fs-room-freed-early") {
                room = None;
            }
            let (answer, room) = self.events.call_with_buffers(self.target, message, room).await;
            self.room.replace(room);
            match answer {
                Ok(answer) if answer.result == 0 => {
                    return Ok(Reply { code: 0, words: answer.words, length: 0 });
                }
                Ok(answer) => return Ok(Reply::failed(-answer.result.cast_signed())),
                // There is too much under way between two CPUs.
                Err(Error::Full) => self.events.sleep(PAUSE).await,
                // The port is no more.
                Err(Error::BadHandle) => return Err(Error::PeerDied),
                Err(error) => return Err(error),
            }
        }
    }

    /// A successor knows nothing of this session.
    async fn reconnect(&self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}

impl Branch {
    /// Asks the server, and lets others go on. `room` is its own until it has answered; the question may look there then.
    async fn ask_later<V>(
        &self,
        events: &EventLoop,
        room: Option<Room>,
        question: impl AsyncFnOnce(&FilesAsync<Way<'_>>) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        let target = self.target().ok_or(Failure::Unsupported)?;
        let way = Way { events, target, room: RefCell::new(room) };
        self.judge(question(&FilesAsync::over(way)).await)
    }

    /// Room in the arena; others may have all of it for a while.
    async fn room_later(self: &Arc<Self>, events: &EventLoop, length: usize) -> Result<Room, Failure> {
        loop {
            match self.room(length)? {
                Some(room) => return Ok(room),
                None => events.sleep(PAUSE).await,
            }
        }
    }

    /// A plain path in the arena.
    async fn path_later(self: &Arc<Self>, events: &EventLoop, path: &str) -> Result<(Room, Text), Failure> {
        let room = self.room_later(events, path.len()).await?;
        let text = room.fill(path.as_bytes())?;
        Ok((room, text))
    }

    /// Entries of a directory that is open, from there on.
    pub(crate) async fn list_later(
        self: &Arc<Self>,
        events: &EventLoop,
        directory: OpenFile,
        from: u64,
    ) -> Result<Vec<Entry>, Failure> {
        let room = self.room_later(events, LISTING).await?;
        let text = room.text();
        let question = async |server: &FilesAsync<Way<'_>>| {
            let length = server.list(directory, from, text).await?;
            // The room is this question's until it has ended.
            let mut bytes = alloc::vec![0; LISTING];
            let length = self.ask(|line| line.take(text, length, &mut bytes))?;
            Listing::parse(&bytes[..length])
        };
        self.ask_later(events, Some(room), question).await
    }

    /// Where a path leads as far as that thread knows, and what to ask for there.
    async fn resolve_later(
        self: &Arc<Self>,
        events: &EventLoop,
        path: &str,
        walk: Walk,
    ) -> Result<(Resolved, String), Failure> {
        // The answer takes the question's place.
        let room = self.room_later(events, path::LONGEST).await?;
        let (text, all) = (room.fill(path.as_bytes())?, room.text());
        let question = async |server: &FilesAsync<Way<'_>>| {
            let to = server.resolve(text, walk, all).await?;
            self.ask(|line| line.take_path(all, to.length)).map(|path| (to, path))
        };
        self.ask_later(events, Some(room), question).await
    }
}

/// A path that stands in the arena of the branch that is to be asked.
struct Written {
    route: Route,
    branch: Arc<Branch>,
    room: Room,
    text: Text,
}

impl Session {
    /// Writes a path down where it is to be asked for.
    async fn write_later(&self, events: &EventLoop, route: Route) -> Result<Written, Failure> {
        let branch = self.branch(route.thread)?;
        let (room, text) = branch.path_later(events, &route.path).await?;
        Ok(Written { route, branch, room, text })
    }

    /// Asks the thread to which a path belongs, as [`ask_at`](Self::ask_at) does: which one it was, and what it has answered.
    async fn ask_at_later<R>(
        &self,
        events: &EventLoop,
        written: Written,
        walk: Walk,
        question: impl AsyncFn(&FilesAsync<Way<'_>>, Place) -> Result<R, Failure>,
    ) -> Result<(Arc<Branch>, R), Failure> {
        let mut written = written;
        loop {
            let Written { mut route, branch, room, text } = written;
            let place = Place { path: text, is_by_link: route.is_by_link };
            let own = async |server: &FilesAsync<Way<'_>>| question(server, place).await;
            match branch.ask_later(events, Some(room), own).await {
                Err(Failure::Elsewhere { mount: 0, .. }) => {
                    let to = branch.resolve_later(events, &route.path, walk).await?;
                    self.resolved(&mut route, to)?;
                }
                Err(Failure::Elsewhere { thread, mount }) => self.elsewhere(&mut route, thread, mount)?,
                answer => return answer.map(|answer| (branch, answer)),
            }
            written = self.write_later(events, route).await?;
        }
    }

    /// See [`metadata`].
    ///
    /// # Errors
    /// The same.
    pub async fn metadata_later(
        self: &Arc<Self>,
        events: &EventLoop,
        path: &str,
    ) -> Result<Attributes, Failure> {
        let written = self.write_later(events, self.route(path)?).await?;
        let question = async |server: &FilesAsync<Way<'_>>, at: Place| server.stat(at.path, true).await;
        self.ask_at_later(events, written, Walk::Follow, question).await.map(|(_, known)| known)
    }

    /// See [`read_dir`].
    ///
    /// # Errors
    /// The same.
    pub async fn read_dir_later(
        self: &Arc<Self>,
        events: &EventLoop,
        path: &str,
    ) -> Result<ReadDir, Failure> {
        let how = How { read: true, directory: true, ..How::default() };
        let take = |branch, opened: Opened| Ok(ReadDir::new(branch, opened.file));
        self.open_later(events, (path, Walk::Follow, how), take).await
    }

    /// Opens something in a task of its own: that closes what it is answered if nobody waits any more.
    async fn open_later<T: 'static>(
        self: &Arc<Self>,
        events: &EventLoop,
        (path, walk, how): (&str, Walk, How),
        take: impl FnOnce(Arc<Branch>, Opened) -> Result<T, Failure> + 'static,
    ) -> Result<T, Failure> {
        let written = self.write_later(events, self.route(path)?).await?;
        let (session, own) = (self.clone(), events.clone());
        let opening = async move {
            let question = async |server: &FilesAsync<Way<'_>>, at: Place| {
                server.open(at.path, how_at(how, at.is_by_link)).await
            };
            let (branch, opened) = session.ask_at_later(&own, written, walk, question).await?;
            take(branch, opened)
        };
        if cfg!(bite = "fs-opens-for-nobody") {
            return opening.await;
        }
        events.spawn(opening)?.await
    }
}

impl OpenOptions {
    /// Opens it, however long its file system takes, and lets other tasks go on.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Way(Full)` if there is no room for another task.
    pub async fn open_later(&self, events: &EventLoop, path: &str) -> Result<File, Failure> {
        self.open_later_in(&Session::own()?, events, path).await
    }

    /// The same by that session.
    ///
    /// # Errors
    /// As [`open_later`](Self::open_later).
    pub async fn open_later_in(
        &self,
        session: &Arc<Session>,
        events: &EventLoop,
        path: &str,
    ) -> Result<File, Failure> {
        let options = *self;
        let (walk, how) = (options.walk(), options.how()?);
        session
            .open_later(events, (path, walk, how), move |branch, opened| options.file(branch, opened))
            .await
    }
}

impl File {
    /// Waits until there is something to read at an offset without waiting, or its end is there; others go on.
    /// It may be taken away again before it is read.
    ///
    /// # Errors
    /// As [`read`](Self::read); `Unsupported` of devices.
    pub async fn wait(&self, events: &EventLoop, offset: u64) -> Result<(), Failure> {
        if offset >= self.len() {
            return Ok(());
        }
        let (session, file) = self.server();
        let question = async |server: &FilesAsync<Way<'_>>| server.want(file, offset, Purpose::Read).await;
        let lease = session.ask_later(events, None, question).await;
        self.wanted(offset, lease)
    }

    /// Bytes from an offset on, as many as are there together; others go on while it waits. 0 at the end.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn read_later(
        &self,
        events: &EventLoop,
        offset: u64,
        into: &mut [u8],
    ) -> Result<usize, Failure> {
        for _ in 0..TRIES {
            if let Some(read) = self.read_known(offset, into)? {
                return Ok(read);
            }
            self.wait(events, offset).await?;
        }
        Err(Failure::Way(Error::PeerMisbehaved))
    }
}

/// What is known of what has that path; others go on while its file system is asked.
///
/// # Errors
/// As [`crate::metadata`].
pub async fn metadata(events: &EventLoop, path: &str) -> Result<Attributes, Failure> {
    Session::own()?.metadata_later(events, path).await
}

/// Opens a directory, whose entries are read by [`ReadDir::next_later`].
///
/// # Errors
/// As [`crate::read_dir`]; `Way(Full)` if there is no room for another task.
pub async fn read_dir(events: &EventLoop, path: &str) -> Result<ReadDir, Failure> {
    Session::own()?.read_dir_later(events, path).await
}
