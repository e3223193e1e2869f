//! The build tool, by the control line: one command line, then the machine is switched off; or one after the other, beside a person at the
//! console.

use anax::Service;
use anax::object::Machine;
use anax::time::Deadline;
use anax_abi::{Error, Message, WORDS};
use anax_control::Stream;
use anax_proto::Transport as _;
use anax_sys::{Port, Received};
use anax_tty::{PIECE, Piece, TerminalClient, terminal};
use control::{Asked, Finish, Link, System as _};

use crate::Shell;
use crate::world::{OTHER, Sink, reply};

/// The driver's service.
const SERVICE: &str = "serial";

/// The line, and what of it is under way.
struct Tool {
    link: Link,
    line: TerminalClient<Service>,
}

impl Tool {
    /// Sends what the link has gathered. What is lost when the driver dies over it, the tool notices by the frames' numbers.
    fn flush(&mut self) {
        for bytes in self.link.take().chunks(PIECE) {
            let (length, words) = Piece::beginning(bytes).words();
            if let Err(Error::PeerDied | Error::BadHandle) = self.line.write(length, words) {
                self.find_again();
            }
        }
    }

    fn find_again(&mut self) {
        if let Err(error) = self.line.transport().reconnect(terminal::FINGERPRINT) {
            anax::log::warn!("the control line is gone: {error}");
        }
    }

    /// Asks for bytes; they come to the port.
    fn ask(&mut self, port: Port) -> Result<(), Error> {
        let question = Message { token: OTHER, ..Message::new(terminal::READ, [0; WORDS]) };
        self.line.transport().target().beginmsg(&question, port).map(|_| ())
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
        let _ = self.line.drain();
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
    let line = TerminalClient::over(anax::connect(SERVICE, terminal::FINGERPRINT)?);
    let mut tool = Tool { link: Link::default(), line };
    tool.link.greet(machine.cpus()? as u32, anax::time::now().nanoseconds());
    tool.flush();
    tool.ask(port)?;
    let mut shell = Shell::new(port, machine, tool);
    loop {
        if let Some(received) = shell.wait(Deadline::NEVER)? {
            came(&mut shell, &received)?;
        }
        let Some(status) = shell.runner.finished() else { continue };
        if then == Then::Next {
            let world = &mut shell.server.0;
            world.bring(None)?;
            world.sink.link.exit(status);
            world.sink.flush();
        } else {
            let error = shell.server.0.finish(Finish::PowerOff(status));
            anax::log::error!("the machine does not end: {error}");
        }
    }
}

/// Bytes came, or the driver has died.
fn came(shell: &mut Shell<Tool>, received: &Received) -> Result<(), Error> {
    let tool = &mut shell.server.0.sink;
    let piece = match reply(received) {
        Ok([length, words @ ..]) => Piece::from_words(u8::try_from(length).unwrap_or(u8::MAX), words),
        Err(_) => {
            tool.find_again();
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
    tool.ask(shell.port)?;
    if let Some(asked) = asked {
        if let Err(error) = shell.server.0.bring(asked.file.as_deref()) {
            anax::log::warn!("control line: no memory for a file: {error}");
        }
        shell.begin(&asked.commands);
    }
    Ok(())
}
