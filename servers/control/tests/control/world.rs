//! A system that only remembers what was done to it.

use anax_abi::Error;
use anax_control::Stream;
use anax_system::{Condition, KILLED, Report};
use control::{Finish, System};

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) started: Vec<String>,
    pub(crate) killed: Vec<u64>,
    pub(crate) finished: Vec<Finish>,
}

impl World {
    /// The process that was started last; the first one is 100.
    pub(crate) fn last_started(&self) -> u64 {
        99 + self.started.len() as u64
    }
}

fn report(process: u64, name: &str, condition: Condition) -> Report {
    let name = name.to_owned();
    Report {
        process,
        name,
        condition,
        restarts: 3,
        pages: 64,
        handles: 9,
        time_ns: 1_234_567_890,
        waiting: 1,
        threads: 1,
        sent: 0,
    }
}

impl System for World {
    fn now(&self) -> u64 {
        self.now
    }

    fn start(&mut self, program: &str, arguments: &[String]) -> Result<u64, Error> {
        match program {
            "job" => {
                self.started.push(format!("job {}", arguments.join("|")));
                Ok(self.last_started())
            }
            "poor" => Err(Error::Quota),
            _ => Err(Error::BadArgument),
        }
    }

    fn kill(&mut self, process: u64) -> Result<(), Error> {
        if process == 99 {
            return Err(Error::BadHandle);
        }
        self.killed.push(process);
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<Report>, Error> {
        let waits = Condition::Waits(KILLED);
        Ok(vec![report(1, "loader", waits), report(2, "names", Condition::Runs), report(3, "names", waits)])
    }

    fn print(&mut self, stream: Stream, text: &str) {
        match stream {
            Stream::Out => self.out.push_str(text),
            Stream::Err => self.err.push_str(text),
        }
    }

    fn finish(&mut self, how: Finish) -> Error {
        self.finished.push(how);
        Error::NoRights
    }
}
