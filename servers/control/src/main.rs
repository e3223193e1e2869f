//! The program that runs command lines.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod tool;
mod world;

use anax::object::Machine;
use anax::time::{Deadline, Instant};
use anax_abi::Error;
use anax_boot::cmdline::{Control, Options};
use anax_boot::info::MAX_COMMAND_LINE;
use anax_service::serve_one;
use anax_sys::{Port, Received};
use anax_system::output;
use control::{Printer, Runner, Sink, System as _};

use tool::Then;
use world::World;

/// The argument of the process that serves the build tool, while another serves a person at the console.
const TOOL: &str = "tool";
/// How often that one is started: it may die a few times.
const MOST_STARTS: u32 = 6;

/// The process beside this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// There is none.
    Nobody,
    /// It is to be started, so often at most.
    MayStart(u32),
    /// It runs, and may be started so often again.
    Runs(u64, u32),
}

#[anax::main]
fn main() -> Result<(), Error> {
    let machine = Machine::from_handle(anax::handle("machine").ok_or(Error::BadHandle)?);
    let mut line = [0; MAX_COMMAND_LINE];
    let length = machine.command_line(&mut line)?;
    let port = anax::port()?;
    match Options::parse(line.get(..length).unwrap_or_default()).control {
        Control::Com2 => tool::serve(port, machine, Then::PowerOff),
        Control::Both if anax::arguments().iter().any(|word| word == TOOL) => {
            tool::serve(port, machine, Then::Next)
        }
        Control::Both => console::serve(port, machine, Beside::MayStart(MOST_STARTS)),
        Control::None => console::serve(port, machine, Beside::Nobody),
    }
}

/// What the loops of both have in common: programs that print, programs that end, and time.
struct Shell<S> {
    port: Port,
    runner: Runner,
    world: World<S>,
    beside: Beside,
}

impl<S: Sink> Shell<S> {
    fn new(port: Port, machine: Machine, sink: S) -> Self {
        let (runner, world) = (Runner::default(), World::new(port, machine, sink));
        Self { port, runner, world, beside: Beside::Nobody }
    }

    fn begin(&mut self, line: &str) {
        self.runner.begin(line, &mut self.world);
    }

    /// Starts the process for the build tool. It ends with this one, whose successor starts another.
    fn start_beside(&mut self) {
        let Beside::MayStart(times @ 1..) = self.beside else { return };
        self.beside = match self.world.start("control", &[TOOL.into()]) {
            Ok(process) => Beside::Runs(process, times - 1),
            Err(error) => {
                anax::log::warn!("nobody listens to the build tool: {error}");
                Beside::Nobody
            }
        };
    }

    /// Waits for what happens next, until `deadline` and the command line's own at most, and sees to it: a reply to something else than a
    /// question about a process is the caller's.
    fn wait(&mut self, deadline: Deadline) -> Result<Option<Received>, Error> {
        let due = self.runner.due().map(|due| Deadline::at(Instant::from_nanoseconds(due)));
        match self.port.waitport_until(due.unwrap_or(deadline)) {
            Ok(received) if !received.is_reply() => {
                serve_one(&mut output::Serve(Printer(&mut self.world.sink)), &received);
            }
            Ok(received) if world::is_of_process(received.badge) => {
                if let Beside::Runs(process, times) = self.beside
                    && process == received.badge
                {
                    self.beside = Beside::MayStart(times);
                    self.start_beside();
                    return Ok(None);
                }
                let how = world::reply(&received).map(|words| words[0]);
                self.runner.ended(received.badge, how, &mut self.world);
            }
            Ok(received) => return Ok(Some(received)),
            Err(Error::TimedOut) => self.runner.tick(&mut self.world),
            Err(error) => return Err(error),
        }
        Ok(None)
    }
}
