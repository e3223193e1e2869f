//! The build tool, by the control line: one command line, then the machine is switched off; or one after the other, beside a person at the
//! console.

use anax::Service;
use anax::object::Machine;
use anax_abi::{Error, Message, WORDS};
use anax_control::Stream;
use anax_proto::Transport as _;
use anax_sys::{Port, Received, Target};
use anax_tty::{PIECE, Piece, TerminalClient, terminal};
use control::{Asked, Finish, Link, Sink, System as _};

use crate::Shell;
use crate::world::{OTHER, reply};

/// The driver's service.
const SERVICE: &str = "serial";

/// The line, and what of it is under way.
struct Tool {
    link: Link,
    line: TerminalClient<Service>,
    /// The driver that was asked for bytes.
    asked: Target,
}

impl Tool {
    /// Sends what the link has gathered; all that may be lost again, when the driver dies over it.
    fn flush(&mut self) {
        loop {
            let bytes = self.link.take();
            let mut pieces = bytes.chunks(PIECE).map(|bytes| Piece::beginning(bytes).words());
            if pieces.all(|(length, words)| self.by(|line| line.write(length, words))) {
                return;
            }
        }
    }

    /// Does something by the line. If its driver is another one afterwards, by which way ever that came out, what its predecessor had taken is to be sent
    /// again, and this returns false.
    fn by(&mut self, act: impl FnOnce(&mut TerminalClient<Service>) -> Result<(), Error>) -> bool {
        let driver = self.line.transport().target();
        let done = act(&mut self.line);
        if let Err(Error::PeerDied | Error::BadHandle) = done {
            self.find_again(driver);
        }
        let is_same = self.line.transport().target() == driver;
        if !is_same {
            self.link.repeat();
        }
        is_same
    }

    /// The successor of that driver, unless it is found already.
    fn find_again(&mut self, driver: Target) {
        let transport = self.line.transport();
        if transport.target() == driver
            && let Err(error) = transport.reconnect(terminal::FINGERPRINT)
        {
            anax::log::warn!("the control line is gone: {error}");
        }
    }

    /// Asks for bytes; they come to the port.
    fn ask(&mut self, port: Port) {
        let question = Message { token: OTHER, ..Message::new(terminal::READ, [0; WORDS]) };
        loop {
            let mut begun = Ok(());
            let is_same = self.by(|line| {
                begun = line.transport().target().beginmsg(&question, port).map(drop);
                begun
            });
            self.flush();
            if is_same {
                self.asked = self.line.transport().target();
                return begun.unwrap_or_else(|error| anax::log::warn!("the control line is silent: {error}"));
            }
        }
    }
}

impl Sink for Tool {
    fn print(&mut self, stream: Stream, bytes: &[u8]) {
        self.link.output(stream, bytes);
        self.flush();
    }

    fn finish(&mut self, how: Finish) {
        if let Finish::PowerOff(status) = how {
            self.link.exit(status);
        }
        self.flush();
        // The driver ends with the machine: what it still holds would be lost.
        while !self.by(TerminalClient::drain) {
            self.flush();
        }
    }
}

/// What comes when a command line is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The machine is switched off.
    PowerOff,
    /// The next one.
    Next,
}

pub(crate) fn serve(port: Port, machine: Machine, then: Then) -> Result<(), Error> {
    let mut line = TerminalClient::over(anax::connect(SERVICE, terminal::FINGERPRINT)?);
    let asked = line.transport().target();
    let mut tool = Tool { link: Link::default(), line, asked };
    tool.link.greet(machine.cpus()? as u32, anax::time::now().nanoseconds());
    tool.flush();
    tool.ask(port);
    let mut shell = Shell::new(port, machine, tool);
    loop {
        if let Some(received) = shell.wait(None)? {
            came(&mut shell, &received);
        }
        let Some(status) = shell.runner.finished() else { continue };
        if then == Then::Next {
            let world = &mut shell.world;
            world.bring(None)?;
            world.sink.link.exit(status);
            world.sink.flush();
        } else {
            let error = shell.world.finish(Finish::PowerOff(status));
            anax::log::error!("the machine does not end: {error}");
        }
    }
}

/// Bytes came, or the driver has died.
fn came(shell: &mut Shell<Tool>, received: &Received) {
    let tool = &mut shell.world.sink;
    let piece = match reply(received) {
        Ok([length, words @ ..]) => Piece::from_words(u8::try_from(length).unwrap_or(u8::MAX), words),
        // Somebody else has read from the line: whoever asks last is answered.
        Err(Error::Aborted) => None,
        Err(_) => {
            // It may have been found dead before, when something was to be sent.
            let asked = tool.asked;
            tool.by(|line| if line.transport().target() == asked { Err(Error::PeerDied) } else { Ok(()) });
            None
        }
    };
    let mut asked: Option<Asked> = None;
    for byte in piece.iter().flat_map(Piece::bytes) {
        match tool.link.push(*byte) {
            Ok(more) => asked = more.or(asked),
            Err(error) => anax::log::warn!("control line: {error}"),
        }
    }
    tool.flush();
    tool.ask(shell.port);
    if let Some(asked) = asked {
        if let Err(error) = shell.world.bring(asked.file.as_deref()) {
            anax::log::warn!("control line: no memory for a file: {error}");
        }
        shell.begin(&asked.commands, asked.file);
    }
}
