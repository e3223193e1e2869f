//! A client that asks a server for something again and again, verifies each answer, and says how long it has waited at most: `mishap-load KIND`.
//!
//! | kind | what is asked |
//! |---|---|
//! | `names` | names, for the way to a service, and by hand |
//! | `devices` | the device manager, which devices there are |
//! | `clock` | the wall clock, what time it is |
//! | `print N` | nobody: it prints N lines, each with its number |
//! | `run TEXT PROGRAM WORD...` | init and the loader: a program's run, which prints TEXT, or a number if TEXT is `number` |
//!
//! An answer is the right one, or says that the peer has died. Anything else is a failure, and so is one that takes longer than [`PATIENCE`].
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use anax::message::{Message, Port, Received, replymsg};
use anax::process::{self, Command};
use anax::stream::{ByteStream, Host as _, Lender, Piece, Stdio, Typing, byte_stream};
use anax::{Error, Service, println};
use anax_calendar::WallClockClient;
use anax_devices::{DevicesClient, SERVICE, State, devices};
use anax_proto::{Caller, Gift, Later};
use anax_sys::object::Space;
use anax_system::{Name, Status, processes};
use mishaps::{COUNT, PATIENCE, PAUSE, STOP};

/// Between two questions: clients that wait need no CPU, and servers have some to spare.
const PAUSE_BETWEEN: Duration = Duration::from_millis(1);
/// The service that names are asked for.
const ASKED_FOR: Name = Name::new(SERVICE);

/// What a child has printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.push_str(core::str::from_utf8(bytes).map_err(|_| Error::BadArgument)?);
        Ok(())
    }
}

/// The children's lines are short: nothing is lent for them.
impl ByteStream for Printed {
    fn write(&mut self, _: Caller, length: u8, bytes: [u64; 4], later: Later<(), Error>) {
        let piece = Piece::from_words(length, bytes).ok_or(Error::BadArgument);
        Lender.answer(&later.answer(piece.and_then(|piece| self.push(piece.bytes()))));
    }

    fn read(&mut self, _: Caller, _: u8, later: Later<(u8, [u64; 4]), Error>) {
        Lender.answer(&later.answer(Err(Error::NoRights)));
    }

    fn write_from(&mut self, _: Caller, _: u64, memory: Gift) -> Result<u64, Error> {
        Lender.close(memory.handle);
        Err(Error::NoSlot)
    }

    fn read_into(&mut self, _: Caller, _: u64, memory: Gift) -> Result<u64, Error> {
        Lender.close(memory.handle);
        Err(Error::NoRights)
    }

    fn ready(&mut self, _: Caller, later: Later<(), Error>) {
        Lender.answer(&later.answer(Ok(())));
    }

    fn interrupted(&mut self, _: Caller, later: Later<(), Error>) {
        Lender.answer(&later.answer(Err(Error::BadCommand)));
    }

    fn typing(&mut self, _: Caller, _: Typing) -> Result<(), Error> {
        Err(Error::BadCommand)
    }
}

struct Load {
    port: Port,
    printed: byte_stream::Serve<Printed>,
    good: u64,
    died: u64,
    /// The messages that stop it, and that let it pause.
    stop: Option<Received>,
    pause: Option<Received>,
}

impl Load {
    /// Something else than the end of a child.
    fn happened(&mut self, received: &Received) -> Result<(), Error> {
        match received.command() {
            STOP => self.stop = Some(*received),
            COUNT => replymsg(received.number, Ok(self.good), [self.died, 0, 0, 0, 0])?,
            PAUSE => self.pause = Some(*received),
            _ => anax_service::serve_one(&mut self.printed, received),
        }
        Ok(())
    }

    /// Runs a program, with this one for its output: how it has ended.
    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<Status, Error> {
        self.printed.0.0.clear();
        let command = Command::new(program)?.stdout(Stdio::Port(self.port.handle()));
        let command = arguments.iter().fold(command, |command, argument| command.argument(argument));
        let process = command.start()?.process();
        let question = Message { token: process, ..Message::new(processes::WAIT, [process, 0, 0, 0, 0]) };
        let mut init = process::system()?;
        init.transport().target().beginmsg(&question, self.port)?;
        loop {
            let received = self.port.waitport_until(anax::time::within(PATIENCE))?;
            if received.is_reply() {
                return if received.result == 0 { Ok(received.words[0]) } else { Err(Error::PeerMisbehaved) };
            }
            self.happened(&received)?;
        }
    }

    /// A program that prints that text. One that could not be loaded, or lost its own peer, says so by its status.
    fn run_verified(&mut self, text: &str, program: &str, arguments: &[&str]) -> Result<(), Error> {
        let status = self.run(program, arguments)?;
        if status == Error::PeerDied.code().cast_unsigned() {
            return Err(Error::PeerDied);
        }
        let printed = self.printed.0.0.trim_end();
        let is_right = if text == "number" { printed.parse::<u64>().is_ok() } else { printed == text };
        if status == 0 && is_right {
            return Ok(());
        }
        println!("mishap-load: {program} ended with {status:#x} and printed {printed:?}");
        Err(Error::PeerMisbehaved)
    }
}

/// The whole way to a service, and names asked by hand.
fn ask_names() -> Result<(), Error> {
    drop(anax::connect(SERVICE, devices::FINGERPRINT)?);
    match anax::names()?.look_up(ASKED_FOR) {
        Ok((gift, generation)) => {
            Space::SELF.close(gift.handle)?;
            if generation > 0 { Ok(()) } else { Err(Error::PeerMisbehaved) }
        }
        // Its server has died, and has no successor yet; or did so while the answer was on its way.
        Err(Error::WouldBlock | Error::BadHandle) => Err(Error::PeerDied),
        Err(error) => Err(error),
    }
}

/// All devices, by their names: they are the same as long as the machine runs. One that had no device behind it from the beginning has failed, no other.
fn ask_devices(client: &mut DevicesClient<Service>, known: &mut Vec<(String, bool)>) -> Result<(), Error> {
    let mut names = Vec::new();
    loop {
        let some = client.list(u32::try_from(names.len()).map_err(|_| Error::Full)?)?;
        if some.is_empty() {
            break;
        }
        names.extend(some.into_iter().map(|device| (device.name, device.state == State::Failed)));
    }
    if known.is_empty() {
        known.clone_from(&names);
    }
    if *known == names && !names.is_empty() {
        return Ok(());
    }
    println!("mishap-load: {names:?} instead of {known:?}");
    Err(Error::PeerMisbehaved)
}

/// The time, which goes on as this program's own does, by a second or two more or less: it was that some time between question and answer.
fn ask_clock(client: &mut WallClockClient<Service>, began: &mut Option<u64>) -> Result<(), Error> {
    const MOST: u64 = 2_000_000_000;
    let before = anax::time::now().nanoseconds();
    let said = client.now()?;
    let (earliest, latest) =
        (said.saturating_sub(anax::time::now().nanoseconds()), said.saturating_sub(before));
    let known = *began.get_or_insert(latest);
    if known > latest + MOST || known + MOST < earliest {
        println!("mishap-load: the machine began from {earliest} to {latest}, and not at {known}");
        return Err(Error::PeerMisbehaved);
    }
    Ok(())
}

#[anax::main]
fn main() -> Result<(), Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let printed = byte_stream::Serve(Printed::default());
    let mut load = Load { port: anax::port()?, printed, good: 0, died: 0, stop: None, pause: None };
    let (mut client, mut known) = (None, Vec::new());
    let (mut clock, mut began) = (None, None);
    let (mut longest, mut left) = (Duration::ZERO, u64::MAX);
    if let ["print", lines] = &arguments[..] {
        left = lines.parse().map_err(|_| Error::BadArgument)?;
    }
    while load.stop.is_none() && left > 0 {
        let begun = anax::time::now();
        let asked = match &arguments[..] {
            ["names"] => ask_names(),
            ["devices"] => match &mut client {
                Some(client) => ask_devices(client, &mut known),
                none => anax::client(SERVICE).map(|connected| *none = Some(connected)),
            },
            ["clock"] => match &mut clock {
                Some(clock) => ask_clock(clock, &mut began),
                none => anax::client(anax_calendar::SERVICE).map(|connected| *none = Some(connected)),
            },
            ["print", _] => {
                println!("line {} of what is printed while the line's driver dies", load.good);
                left -= 1;
                Ok(())
            }
            ["run", text, program, arguments @ ..] => load.run_verified(text, program, arguments),
            _ => return Err(Error::BadArgument),
        };
        let took = Duration::from_nanos(anax::time::now().nanoseconds() - begun.nanoseconds());
        longest = longest.max(took);
        match asked {
            Ok(()) => load.good += 1,
            Err(Error::PeerDied) => load.died += 1,
            Err(error) => {
                println!("mishap-load {arguments:?}: {error}, after {} us", took.as_micros());
                return Err(error);
            }
        }
        if took > PATIENCE {
            println!("mishap-load {arguments:?}: an answer took {} us", took.as_micros());
            return Err(Error::TimedOut);
        }
        anax::time::sleep(PAUSE_BETWEEN);
        while let Ok(received) = load.port.getport() {
            load.happened(&received)?;
        }
        // Nothing is under way: whatever comes next is no answer.
        if let Some(pause) = load.pause.take() {
            replymsg(pause.number, Ok(0), [0; 5])?;
            let next = load.port.waitport()?;
            load.happened(&next)?;
        }
    }
    let said = arguments.first().copied().unwrap_or_default();
    println!(
        "mishap-load {said}: {} answers, {} times told that the peer has died, {} us at most",
        load.good,
        load.died,
        longest.as_micros()
    );
    load.stop.map_or(Ok(()), |stop| replymsg(stop.number, Ok(0), [0; 5]))
}
