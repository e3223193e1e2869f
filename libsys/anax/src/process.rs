//! Other programs: started with arguments and handles, waited for, ended.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_abi::{Error, Handle, Rights};
use anax_proto::Gift;
use anax_startup::handles::{HOLDS, STDERR, STDIN, STDOUT};
use anax_system::{ProcessesClient, Report, Status};

use crate::service::{Service, init};
use crate::stream::Stdio;

/// Bytes of words that one message to init carries, of the 4 KiB that it has.
const MESSAGE: usize = 3500;

/// A program to be started: `Command::new("hello")?.argument("x").start()?`.
#[derive(Debug)]
pub struct Command {
    init: ProcessesClient<Service>,
    process: u64,
    arguments: Vec<String>,
    environment: Vec<String>,
    /// Standard input, output, error.
    streams: [Stdio; 3],
}

/// A program that was started. It goes on when this is dropped.
#[derive(Debug)]
pub struct Child {
    init: ProcessesClient<Service>,
    process: u64,
}

impl Command {
    /// Of a program of the boot archive, which its manifest describes.
    ///
    /// # Errors
    /// As [`prepare`](anax_system::Processes::prepare).
    pub fn new(name: &str) -> Result<Self, Error> {
        let name = name.parse().map_err(|_| Error::BadArgument)?;
        let mut init = init()?;
        let process = init.prepare(name)?;
        let environment = crate::environment().to_vec();
        Ok(Self { init, process, arguments: Vec::new(), environment, streams: Default::default() })
    }

    /// Its number.
    #[must_use]
    pub const fn process(&self) -> u64 {
        self.process
    }

    /// One argument more.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// Sets a variable of its environment, which is this program's otherwise.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self = self.env_remove(name);
        self.environment.push(alloc::format!("{name}={value}"));
        self
    }

    /// Leaves a variable out of its environment.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.environment.retain(|variable| variable.split_once('=').is_none_or(|(of, _)| of != name));
        self
    }

    /// Leaves all of them out.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// Gives it a handle, by which the caller keeps his.
    ///
    /// # Errors
    /// As [`give`](anax_system::Processes::give); `NoRights` for one that may not be passed on.
    pub fn give(mut self, name: &str, handle: Handle, rights: Rights) -> Result<Self, Error> {
        self.init.give(self.process, name, Gift::copy(handle, rights.with(Rights::GRANT)))?;
        Ok(self)
    }

    /// What it reads, instead of what this program reads.
    #[must_use]
    pub fn stdin(mut self, stream: impl Into<Stdio>) -> Self {
        self.streams[0] = stream.into();
        self
    }

    /// Where it prints, instead of where this program prints.
    #[must_use]
    pub fn stdout(mut self, stream: impl Into<Stdio>) -> Self {
        self.streams[1] = stream.into();
        self
    }

    /// Where it says what is wrong, instead of where this program does.
    #[must_use]
    pub fn stderr(mut self, stream: impl Into<Stdio>) -> Self {
        self.streams[2] = stream.into();
        self
    }

    /// Gives it its standard streams.
    fn give_streams(&mut self) -> Result<(), Error> {
        let all = [(STDIN, HOLDS[0]), (STDOUT, HOLDS[1]), (STDERR, HOLDS[2])];
        let mut streams =
            self.streams.iter().zip(all).map(|(stream, (name, hold))| stream.handles(name, hold));
        // The way of most programs: three streams of somebody who is there, and nothing that keeps them open.
        if let [Some([Some(stdin), None]), Some([Some(stdout), None]), Some([Some(stderr), None])] =
            [streams.next(), streams.next(), streams.next()]
        {
            let [stdin, stdout, stderr] =
                [stdin, stdout, stderr].map(|(handle, rights)| Gift::copy(handle, rights));
            match self.init.give_streams(self.process, stdin, stdout, stderr) {
                // One by one, those that can be given.
                Err(Error::PeerDied | Error::BadHandle) => {}
                given => return given,
            }
        }
        for ((stream, name), hold) in self.streams.iter().zip([STDIN, STDOUT, STDERR]).zip(HOLDS) {
            let given = stream.handles(name, hold).into_iter().zip([name, hold]);
            for ((handle, rights), name) in given.filter_map(|(given, name)| Some((given?, name))) {
                match self.init.give(self.process, name, Gift::copy(handle, rights)) {
                    // Whoever has served this program is gone; the other one is no worse off.
                    Err(Error::PeerDied | Error::BadHandle) if matches!(stream, Stdio::Inherit) => {}
                    given => given?,
                }
            }
        }
        Ok(())
    }

    /// Tells it what does not fit into the message that starts it: arguments beyond a page, and the environment.
    fn tell(&mut self) -> Result<(), Error> {
        let bytes = |words: &[String]| words.iter().map(|word| word.len() + 2).sum::<usize>();
        if self.environment.is_empty() && bytes(&self.arguments) <= MESSAGE {
            return Ok(());
        }
        for (what, words) in [(0, &mut self.arguments), (1, &mut self.environment)] {
            let mut words = core::mem::take(words).into_iter().peekable();
            while words.peek().is_some() {
                let (mut piece, mut room) = (Vec::new(), MESSAGE);
                while let Some(word) = words.next_if(|word| word.len() + 2 <= room || piece.is_empty()) {
                    room = room.saturating_sub(word.len() + 2);
                    piece.push(word);
                }
                let (arguments, environment) =
                    if what == 0 { (piece, Vec::new()) } else { (Vec::new(), piece) };
                self.init.tell(self.process, arguments, environment)?;
            }
        }
        Ok(())
    }

    /// Starts it. Ends of pipes that it was given are its own from then on.
    ///
    /// # Errors
    /// As [`start`](anax_system::Processes::start), [`tell`](anax_system::Processes::tell) and [`give`](anax_system::Processes::give).
    pub fn start(mut self) -> Result<Child, Error> {
        // What was printed before comes before what it prints.
        crate::printing::flush();
        let given = self.give_streams().and_then(|()| self.tell());
        if let Err(error) = given.and_then(|()| self.init.start(self.process, self.arguments)) {
            // Init remembers it until its end was asked for.
            let _ = self.init.kill(self.process);
            let _ = self.init.wait(self.process);
            return Err(error);
        }
        Ok(Child { init: self.init, process: self.process })
    }
}

impl Child {
    /// Its number.
    #[must_use]
    pub const fn process(&self) -> u64 {
        self.process
    }

    /// Waits until it has ended, and says how.
    ///
    /// # Errors
    /// `BadHandle` if that was asked before.
    pub fn wait(&mut self) -> Result<Status, Error> {
        self.init.wait(self.process)
    }

    /// Its port, at which what it serves is asked.
    ///
    /// # Errors
    /// `BadArgument`: it has ended.
    pub fn port(&mut self) -> Result<Gift, Error> {
        self.init.port(self.process)
    }

    /// Leaves it to the program that serves `service`: it goes on when this program ends, which can do nothing with it any more, and ends with that one.
    ///
    /// # Errors
    /// As [`entrust`](anax_system::Processes::entrust).
    pub fn entrust(&mut self, service: &str) -> Result<(), Error> {
        let service = service.parse().map_err(|_| Error::BadArgument)?;
        self.init.entrust(self.process, service)
    }

    /// Ends it.
    ///
    /// # Errors
    /// `BadHandle` if it has ended.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.init.kill(self.process)
    }
}

/// All processes.
///
/// # Errors
/// Those of the way to init.
pub fn list() -> Result<Vec<Report>, Error> {
    let (mut init, mut all) = (init()?, Vec::new());
    loop {
        let more = init.list(all.last().map_or(0, |last: &Report| last.process))?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// Ends a process, by its number. Needs the capability `kill` for one of another's.
///
/// # Errors
/// As [`kill`](anax_system::Processes::kill).
pub fn kill(process: u64) -> Result<(), Error> {
    init()?.kill(process)
}

/// Init, for what this module has no function for.
///
/// # Errors
/// `BadHandle` in a program that init has not started.
pub fn system() -> Result<ProcessesClient<Service>, Error> {
    init()
}
