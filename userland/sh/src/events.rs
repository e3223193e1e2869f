//! What comes to the shell's port: the ends of processes, answers, the wish that something ends, and programs that use the streams that it serves.
//!
//! Nothing of the shell's waits elsewhere while a program runs: one that reads a pipe of its may wait for a program that writes to a file which the shell serves.

use alloc::collections::BTreeMap;

use anax::object::Space;
use anax::stream::byte_stream;
use anax::{Error, Handle, handles, process};
use anax_service::{reserve_slots, serve_one};
use anax_sys::Message;
use anax_sys::{Deadline, Port, Received, Target};
use anax_system::{Status, processes};

use crate::served::{Served, Shared};

/// The token of the question whether something is to end; those of questions about streams lie above [`STREAMS`], below are processes.
const INTERRUPT: u64 = u64::MAX;
const STREAMS: u64 = 1 << 62;

/// What was told, and not yet asked for.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) port: Port,
    served: Shared,
    ended: BTreeMap<u64, Result<Status, Error>>,
    is_interrupted: bool,
    asked: u64,
    answer: Option<(u64, Result<[u64; anax_sys::WORDS], Error>)>,
}

/// Why waiting has ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl Events {
    pub(crate) fn new(served: &Shared) -> Result<Self, Error> {
        reserve_slots(Space::SELF)?;
        Ok(Self {
            port: anax::port()?,
            served: alloc::rc::Rc::clone(served),
            ended: BTreeMap::new(),
            is_interrupted: false,
            asked: STREAMS,
            answer: None,
        })
    }

    /// Takes what has come, and waits for something at most until then: whether there was any.
    fn take(&mut self, until: Deadline) -> Result<bool, Error> {
        let received = match self.port.waitport_until(until) {
            Ok(received) => received,
            Err(Error::TimedOut | Error::WouldBlock) => return Ok(false),
            Err(error) => return Err(error),
        };
        if !received.is_reply() {
            serve_one(&mut byte_stream::Serve(Served(&self.served)), &received);
            return Ok(true);
        }
        self.sort(&received);
        Ok(true)
    }

    fn take_all(&mut self) {
        while let Ok(received) = self.port.getport() {
            if !received.is_reply() {
                serve_one(&mut byte_stream::Serve(Served(&self.served)), &received);
                continue;
            }
            self.sort(&received);
        }
    }

    fn sort(&mut self, received: &Received) {
        let said = reply(received);
        match received.badge {
            INTERRUPT => {
                self.is_interrupted |= said.is_ok();
                if said.is_ok() {
                    self.watch();
                }
            }
            token if token > STREAMS => {
                // An older one is of something that was interrupted.
                if token == self.asked {
                    self.answer = Some((token, said));
                }
            }
            process => _ = self.ended.insert(process, said.map(|words| words[0])),
        }
    }

    /// Asks to be told when the person wants something to end.
    pub(crate) fn watch(&mut self) {
        let Some(handle) = anax::handle(handles::STDIN) else { return };
        let question = Message { token: INTERRUPT, ..Message::new(byte_stream::INTERRUPTED, [0; 5]) };
        // One that nobody can ask has no keys for it either.
        let _ = Target::from_handle(handle).beginmsg(&question, self.port);
    }

    /// Whether he wants that; told once.
    pub(crate) fn is_interrupted(&mut self) -> bool {
        self.take_all();
        core::mem::take(&mut self.is_interrupted)
    }

    /// Asks to be told of a process's end.
    pub(crate) fn await_end(&mut self, process: u64) -> Result<(), Error> {
        let question = Message { token: process, ..Message::new(processes::WAIT, [process, 0, 0, 0, 0]) };
        process::system()?.transport().target().beginmsg(&question, self.port).map(|_| ())
    }

    /// How a process has ended, if that is known; told once.
    pub(crate) fn ended(&mut self, process: u64) -> Option<Result<Status, Error>> {
        self.take_all();
        self.ended.remove(&process)
    }

    /// Waits for the end of a process.
    pub(crate) fn wait(&mut self, process: u64) -> Result<Result<Status, Error>, Interrupted> {
        loop {
            if let Some(how) = self.ended.remove(&process) {
                return Ok(how);
            }
            if core::mem::take(&mut self.is_interrupted) {
                return Err(Interrupted);
            }
            if let Err(error) = self.take(Deadline::NEVER) {
                return Ok(Err(error));
            }
        }
    }

    /// Asks whoever serves a stream, and waits for the answer.
    pub(crate) fn ask(
        &mut self,
        handle: Handle,
        command: u32,
        words: [u64; anax_sys::WORDS],
    ) -> Result<Result<[u64; anax_sys::WORDS], Error>, Interrupted> {
        self.asked += 1;
        let message = Message { token: self.asked, ..Message::new(command, words) };
        if let Err(error) = Target::from_handle(handle).beginmsg(&message, self.port) {
            return Ok(Err(error));
        }
        loop {
            if let Some((_, said)) = self.answer.take() {
                return Ok(said);
            }
            if core::mem::take(&mut self.is_interrupted) {
                return Err(Interrupted);
            }
            if let Err(error) = self.take(Deadline::NEVER) {
                return Ok(Err(error));
            }
        }
    }
}

/// What a reply says. A failure of the server's own is a positive result.
fn reply(received: &Received) -> Result<[u64; anax_sys::WORDS], Error> {
    match received.result {
        0 => Ok(received.words),
        failed => Err(Error::from_code(-failed.abs())),
    }
}
