//! The program that runs command lines.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod tool;
mod world;

use anax::object::{Machine, Space};
use anax::stream::{Lender, byte_stream};
use anax::time::{Deadline, Duration, Instant};
use anax_abi::Error;
use anax_boot::cmdline::{Control, Options};
use anax_boot::info::MAX_COMMAND_LINE;
use anax_service::{reserve_slots, serve_one};
use anax_sys::{Port, Received};
use control::{Input, Runner, Sink, Streams, System as _};

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
    // For memory that programs lend with what they print and read.
    reserve_slots(Space::SELF)?;
    match Options::parse(line.get(..length).unwrap_or_default()).control {
        Control::Com2 => tool::serve(port, machine, Then::PowerOff),
        Control::Both if anax::arguments().iter().any(|word| word == TOOL) => {
            tool::serve(port, machine, Then::Next)
        }
        Control::Both => console::serve(port, machine, Beside::MayStart(MOST_STARTS)),
        Control::None => console::serve(port, machine, Beside::Nobody),
    }
}

/// What the loops of both have in common: programs that read and print, programs that end, and time.
struct Shell<S> {
    port: Port,
    runner: Runner,
    world: World<S>,
    input: Input,
    beside: Beside,
}

impl<S: Sink> Shell<S> {
    fn new(port: Port, machine: Machine, sink: S) -> Self {
        let (runner, world) = (Runner::default(), World::new(port, machine, sink));
        Self { port, runner, world, input: Input::default(), beside: Beside::Nobody }
    }

    /// Begins with a line, whose programs read `input`, or what is typed.
    fn begin(&mut self, line: &str, input: Option<alloc::vec::Vec<u8>>) {
        self.input.begin(input);
        self.runner.begin(line, &mut self.world);
    }

    /// The streams of programs, as they are now.
    fn streams<'a>(&'a mut self, host: &'a mut Lender) -> Streams<'a, S, Lender> {
        let foreground = self.runner.foreground();
        Streams { sink: &mut self.world.sink, input: &mut self.input, foreground, host }
    }

    /// Lets whoever waits for input go on.
    fn let_read(&mut self) {
        self.streams(&mut Lender).go_on();
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

    /// Waits for what happens next, at most `longest` and until the command line goes on by itself, and sees to it: a reply to something else than a
    /// question about a process is the caller's.
    fn wait(&mut self, longest: Option<Duration>) -> Result<Option<Received>, Error> {
        let due = self.runner.due().map(Instant::from_nanoseconds);
        let until = longest.map(|longest| anax::time::now().after(longest)).into_iter().chain(due).min();
        match self.port.waitport_until(until.map_or(Deadline::NEVER, Deadline::at)) {
            Ok(received) if !received.is_reply() => {
                serve_one(&mut byte_stream::Serve(self.streams(&mut Lender)), &received);
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
                // Who waited for input is another one, or nobody.
                self.let_read();
            }
            Ok(received) => return Ok(Some(received)),
            Err(Error::TimedOut) => self.runner.tick(&mut self.world),
            Err(error) => return Err(error),
        }
        Ok(None)
    }
}
