//! Brings files and command lines to a guest that a person uses meanwhile.
//!
//! A serial line loses bytes, and the guest's end may be restarted: a part is sent again until it was taken, and what was lost for good is an
//! error, not a guess.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anax_control::{MAX_COMMANDS, MAX_FILE, MAX_PART, NotTaken, Stream, ToGuest, checksum};

use crate::Event;
use crate::control::ControlWriter;

/// How long an answer is waited for before something is sent again. On a loaded host a slow emulator takes its time.
const RESEND: Duration = Duration::from_secs(2);

/// How long the guest may take to be up, and how long it may say nothing at all.
const SILENCE: Duration = Duration::from_secs(180);

/// What happens on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The guest is not up yet.
    Waits,
    /// So many bytes of the file have arrived, of how many.
    Sent(u32, u32),
    /// The command printed something.
    Output(Stream, &'a [u8]),
}

/// Why an errand came to nothing, or nobody knows what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The guest's end does not take the file. Nothing has changed there.
    NotTaken(NotTaken),
    /// The guest has ended, is silent, or the line lost something that can't be sent again.
    Lost(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(why) => write!(f, "the guest does not take the file: {why}"),
            Self::Lost(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Failed {}

/// Tells a [`Courier`] what the machine reports.
#[derive(Clone, Debug)]
pub struct Told(Sender<Event>);

impl Told {
    /// One event; only those of the control line, and the end, matter.
    pub fn tell(&self, event: &Event) {
        if !matches!(event, Event::Line(_)) {
            // If nobody runs errands, nobody has to know.
            let _ = self.0.send(event.clone());
        }
    }
}

/// Runs one errand at a time.
pub struct Courier {
    control: ControlWriter,
    events: Receiver<Event>,
    is_up: bool,
    last_id: u32,
}

impl Courier {
    pub(crate) fn new(control: ControlWriter) -> (Self, Told) {
        let (sender, events) = channel();
        (Self { control, events, is_up: false, last_id: 0 }, Told(sender))
    }

    /// Brings a file, and runs a command line whose programs find it as the handle `file`; the status of its last command.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn run(
        &mut self,
        file: &[u8],
        commands: &str,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<u8, Failed> {
        let length = u32::try_from(file.len()).ok().filter(|length| (1..=MAX_FILE).contains(length));
        let length = length.ok_or(Failed::NotTaken(NotTaken::Length))?;
        if commands.len() > MAX_COMMANDS {
            return Err(Failed::Lost(format!("commands are longer than {MAX_COMMANDS} bytes")));
        }
        self.be_up(watch)?;
        self.last_id += 1;
        let id = self.last_id;
        let announced = ToGuest::File { id, bytes: length, checksum: checksum(file) };
        let mut here = self.deliver(&announced, |event| taken(event, id, 0))?;
        while here < length {
            watch(Progress::Sent(here, length));
            let rest = &file[here as usize..];
            let bytes = &rest[..rest.len().min(MAX_PART)];
            let part = ToGuest::Part { id, offset: here, bytes };
            here = self.deliver(&part, |event| taken(event, id, here + 1))?.min(length);
        }
        watch(Progress::Sent(length, length));
        self.deliver(&ToGuest::Exec { id, commands }, |event| match event {
            Event::Accepted { id: of } if *of == id => Some(Ok(())),
            _ => None,
        })?;
        self.listen(id, watch)
    }

    /// Until the guest has said that it listens.
    fn be_up(&mut self, watch: &mut dyn FnMut(Progress<'_>)) -> Result<(), Failed> {
        while let Ok(event) = self.events.try_recv() {
            self.note(&event)?;
        }
        if !self.is_up {
            watch(Progress::Waits);
        }
        let until = Instant::now() + SILENCE;
        while !self.is_up {
            if let Some(event) = self.next(until)? {
                self.note(&event)?;
            } else {
                return Err(Failed::Lost("the guest does not say that it listens".to_owned()));
            }
        }
        Ok(())
    }

    /// Sends something until its answer comes.
    fn deliver<T>(
        &mut self,
        message: &ToGuest<'_>,
        mut answer: impl FnMut(&Event) -> Option<Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let limit = Instant::now() + SILENCE;
        while Instant::now() < limit {
            // If the emulator is gone, its end is the next event.
            let _ = self.control.send(message);
            let resend = Instant::now() + RESEND;
            while let Some(event) = self.next(resend)? {
                self.note(&event)?;
                if let Some(answered) = answer(&event) {
                    return answered;
                }
            }
        }
        Err(silent())
    }

    /// What a command line prints, and how it ends.
    fn listen(&mut self, our_id: u32, watch: &mut dyn FnMut(Progress<'_>)) -> Result<u8, Failed> {
        loop {
            let event = self.next(Instant::now() + SILENCE)?.ok_or_else(silent)?;
            self.note(&event)?;
            match event {
                Event::Output { id, stream, bytes } if id == our_id => {
                    watch(Progress::Output(stream, &bytes));
                }
                Event::Exit { id, status } if id == our_id => return Ok(status),
                Event::Garbled { complaint } => {
                    return Err(Failed::Lost(format!("what came of it is lost: {complaint}")));
                }
                Event::Hello { .. } => {
                    return Err(Failed::Lost(
                        "what came of it is lost: the guest's end of the line was restarted".to_owned(),
                    ));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self, until: Instant) -> Result<Option<Event>, Failed> {
        match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }

    fn note(&mut self, event: &Event) -> Result<(), Failed> {
        match event {
            Event::Ready(_) => self.is_up = true,
            Event::Ended { .. } | Event::Quit => return Err(ended()),
            _ => {}
        }
        Ok(())
    }
}

/// At least so much of a file arrived, or it is not taken.
fn taken(event: &Event, our_id: u32, least: u32) -> Option<Result<u32, Failed>> {
    match event {
        Event::Taken { id, bytes } if *id == our_id && *bytes >= least => Some(Ok(*bytes)),
        Event::NotTaken { id, why } if *id == our_id => Some(Err(Failed::NotTaken(*why))),
        _ => None,
    }
}

fn ended() -> Failed {
    Failed::Lost("the guest has ended".to_owned())
}

fn silent() -> Failed {
    Failed::Lost(format!("the guest said nothing for {} s", SILENCE.as_secs()))
}

#[cfg(test)]
mod tests;
