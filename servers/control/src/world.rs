//! What command lines do to the system: by messages to init, from the thread that also takes what programs print.

use alloc::string::String;
use alloc::vec::Vec;

use anax::object::{Machine, Region, RegionKind, Space};
use anax::{Mapping, Owned, handles, process};
use anax_abi::{Error, Message, Rights, WORDS};
use anax_control::Stream;
use anax_proto::Gift;
use anax_sys::{Port, Received};
use anax_system::{Name, Report, processes};
use control::{Finish, Sink, Standard, System, badge};

/// What each program is given.
const STREAMS: [(&str, Standard); 3] = [
    (handles::STDIN, Standard::Input),
    (handles::STDOUT, Standard::Output),
    (handles::STDERR, Standard::Error),
];

/// Token of a question that is not about a process.
pub(crate) const OTHER: u64 = u64::MAX;

/// Whether the answer to a question of that token is about a process, whose number it is.
pub(crate) const fn is_of_process(token: u64) -> bool {
    token != OTHER
}

/// What a reply says. A failure of the server's own is a positive result.
pub(crate) fn reply(received: &Received) -> Result<[u64; WORDS], Error> {
    match received.result {
        0 => Ok(received.words),
        failed => Err(Error::from_code(-failed.abs())),
    }
}

/// The system as this program reaches it.
pub(crate) struct World<S> {
    port: Port,
    machine: Machine,
    pub(crate) sink: S,
    /// What programs find as `file`.
    file: Option<Owned<Region>>,
}

impl<S> World<S> {
    pub(crate) const fn new(port: Port, machine: Machine, sink: S) -> Self {
        Self { port, machine, sink, file: None }
    }

    /// Lets the programs that are started from now on read these bytes; and no others that were here before.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub(crate) fn bring(&mut self, file: Option<&[u8]>) -> Result<(), Error> {
        self.file = None;
        let Some(file) = file else { return Ok(()) };
        let memory = Mapping::of_bytes(file.len() as u64, RegionKind::Pinned)?;
        memory.bytes().copy_in(0, file).map_err(|_| Error::BadAddress)?;
        self.file = Some(memory.into_region());
        Ok(())
    }

    pub(crate) const fn machine(&self) -> Machine {
        self.machine
    }
}

impl<S: Sink> World<S> {
    fn begin(&self, process: u64, arguments: &[String]) -> Result<(), Error> {
        let mut init = process::system()?;
        let (rights, port) = (Rights::SEND.with(Rights::GRANT), self.port.handle());
        for (name, stream) in STREAMS {
            let handle = Space::SELF.duplicate(port, rights, badge(process, stream)?)?;
            init.give(process, name, Gift { handle, rights, is_given: true })?;
        }
        if let Some(file) = &self.file {
            let rights = Rights::SEND.with(Rights::READ).with(Rights::GRANT);
            init.give(process, "file", Gift::copy(file.handle(), rights))?;
        }
        init.start(process, arguments.to_vec())?;
        let question = Message { token: process, ..Message::new(processes::WAIT, [process, 0, 0, 0, 0]) };
        init.transport().target().beginmsg(&question, self.port).map(|_| ())
    }
}

impl<S: Sink> System for World<S> {
    fn now(&self) -> u64 {
        anax::time::now().nanoseconds()
    }

    fn start(&mut self, program: &str, arguments: &[String]) -> Result<u64, Error> {
        let name: Name = program.parse().map_err(|_| Error::BadArgument)?;
        let mut init = process::system()?;
        let process = init.prepare(name)?;
        let begun = self.begin(process, arguments);
        if begun.is_err() {
            // Init remembers it until its end was asked for.
            let _ = init.kill(process);
            let _ = init.wait(process);
        }
        begun.map(|()| process)
    }

    fn kill(&mut self, process: u64) -> Result<(), Error> {
        process::kill(process)
    }

    fn list(&mut self) -> Result<Vec<Report>, Error> {
        process::list()
    }

    fn print(&mut self, stream: Stream, text: &str) {
        self.sink.print(stream, text.as_bytes());
    }

    fn finish(&mut self, how: Finish) -> Error {
        self.sink.finish(how);
        let mut init = match process::system() {
            Ok(init) => init,
            Err(error) => return error,
        };
        let refused = match how {
            Finish::PowerOff(status) => init.power_off(status),
            Finish::Reboot => init.reboot(),
        };
        refused.err().unwrap_or(Error::PeerMisbehaved)
    }
}
