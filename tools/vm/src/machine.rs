//! A running guest: wait for it, run commands in it, learn how it ended.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anax_control::{MAX_COMMANDS, MAX_FILE, MAX_PART, Stream, ToGuest, checksum};
use tempfile::TempDir;

use crate::child::Child;
use crate::console::Text;
use crate::control::ControlWriter;
use crate::terminal::RawTerminal;
use crate::wiring::{self, Wired};
use crate::{Console, ControlLine, Courier, Emulator, Ending, Event, ExecResult, Spec, Told, accel, qemu};

/// How often a command line is sent until the guest says that it came.
const RESEND: Duration = Duration::from_millis(500);

/// How long the emulator may take to end after the guest said its last word.
const POWER_OFF: Duration = Duration::from_secs(10);

/// How long one that does not hang takes at most to answer its monitor.
const ANSWER: Duration = Duration::from_secs(10);

/// QEMU's exit status when the kernel panicked (it writes 66 to the debug-exit port), and when it refused to boot (1).
const PANIC_EXIT: i32 = 2 * 66 + 1;
const REFUSED_EXIT: i32 = 2 + 1;

/// What the kernel says of itself when it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// CPUs that run.
    pub cpus: u32,
    /// Usable memory in KiB.
    pub memory_kib: u64,
    /// Time stamp counter at the kernel's first instructions.
    pub entry_tsc: u64,
    /// Time stamp counter when the kernel was ready.
    pub ready_tsc: u64,
    /// The counter's frequency in Hz.
    pub tsc_hz: u64,
}

/// A running guest. Dropping it ends its emulator.
pub struct Machine {
    // Dropped in this order: first the emulator, then the terminal's mode, last the files.
    child: Child,
    _terminal: Option<RawTerminal>,
    folder: TempDir,
    events: Receiver<Event>,
    control: ControlWriter,
    text: Text,
    spec: Spec,
    started: Instant,
    ready: Option<Ready>,
    next_id: u32,
    exit_code: Option<i32>,
}

/// A point in time at which waiting ends the run, and what to say then.
struct Limit {
    at: Instant,
    complaint: String,
}

impl Machine {
    /// Starts the emulator and returns at once (but for the first time that KVM is tried).
    ///
    /// # Errors
    /// What is wrong with `spec` or missing on the host, in one line that names the cure.
    pub fn start(spec: &Spec) -> anyhow::Result<Self> {
        spec.check()?;
        let spec = Spec { accel: accel::resolve(spec), ..spec.clone() };
        let folder = tempfile::Builder::new().prefix("anax-").tempdir()?;
        let Wired { child, events, control, text } = wiring::start(&spec, folder.path())?;
        Ok(Self {
            child,
            _terminal: (spec.console == Console::Terminal).then(RawTerminal::enter).flatten(),
            folder,
            events,
            control,
            text,
            spec,
            started: Instant::now(),
            ready: None,
            next_id: 1,
            exit_code: None,
        })
    }

    /// The next event, if one comes within `patience`. For callers that judge the events themselves.
    pub fn next_event(&mut self, patience: Duration) -> Option<Event> {
        let event = self.events.recv_timeout(patience).ok()?;
        if let Event::Ended { code } = &event {
            self.exit_code = *code;
        }
        Some(event)
    }

    /// Waits for the kernel to be up, showing `watch` all events until then.
    ///
    /// # Errors
    /// How the run ended instead; the emulator is then ended too.
    pub fn wait_ready(&mut self, watch: &mut dyn FnMut(&Event)) -> Result<Ready, Ending> {
        if let Some(ready) = self.ready {
            return Ok(ready);
        }
        let limit = self.spec.limits.ready;
        loop {
            let complaint = format!("the guest did not say that it is ready within {} s", limit.as_secs());
            let Some(event) = self.wait_event(Some(Limit { at: self.started + limit, complaint }), None)?
            else {
                continue;
            };
            watch(&event);
            if let Event::Ready(ready) = event {
                self.ready = Some(ready);
                return Ok(ready);
            }
            self.judge(&event)?;
        }
    }

    /// Runs a command line in the guest, once it is ready, and waits until it and the emulator have ended. Of one that was
    /// [forgotten](Ending::Forgotten) the guest is ready for the next.
    /// `watch` sees every event as it happens; the output is also in the result.
    pub fn exec(&mut self, commands: &str, watch: &mut dyn FnMut(&Event)) -> ExecResult {
        self.exec_with(commands, &[], watch)
    }

    /// The same, whose programs find `input` as their standard input, and as the handle `file`; at most [`MAX_FILE`] bytes.
    pub fn exec_with(&mut self, commands: &str, input: &[u8], watch: &mut dyn FnMut(&Event)) -> ExecResult {
        let mut result = ExecResult { ending: Ending::Quit, out: Vec::new(), err: Vec::new() };
        result.ending = self.try_exec(commands, input, watch, &mut result).unwrap_or_else(|ending| ending);
        result
    }

    /// Sends a file for the command line of that number. `Err` is a premature end.
    fn bring(&mut self, our_id: u32, file: &[u8], watch: &mut dyn FnMut(&Event)) -> Result<(), Ending> {
        let lost = |complaint: String| Ending::Lost { complaint };
        let length = u32::try_from(file.len()).ok().filter(|length| *length <= MAX_FILE);
        let length = length.ok_or_else(|| lost(format!("the guest takes {MAX_FILE} bytes at most")))?;
        let silence = self.spec.limits.silence;
        // How much is there, if it was announced.
        let mut here = None;
        let (mut resend, mut heard) = (Instant::now(), Instant::now());
        while here != Some(length) {
            if resend <= Instant::now() {
                let message = match here {
                    None => ToGuest::File { id: our_id, bytes: length, checksum: checksum(file) },
                    Some(offset) => {
                        let rest = &file[offset as usize..];
                        ToGuest::Part { id: our_id, offset, bytes: &rest[..rest.len().min(MAX_PART)] }
                    }
                };
                // If the emulator is gone, its end is the next event.
                let _ = self.control.send(&message);
                resend = Instant::now() + RESEND;
            }
            let complaint = format!("the guest said nothing for {} s", silence.as_secs());
            let limit = Limit { at: heard + silence, complaint };
            let Some(event) = self.wait_event(Some(limit), Some(resend))? else { continue };
            heard = Instant::now();
            watch(&event);
            match event {
                Event::Taken { id, bytes } if id == our_id && here < Some(bytes) => {
                    (here, resend) = (Some(bytes.min(length)), heard);
                }
                Event::NotTaken { id, why } if id == our_id => {
                    self.child.kill();
                    return Err(lost(format!("the guest does not take the input: {why}")));
                }
                event => self.judge(&event)?,
            }
        }
        Ok(())
    }

    /// `Err` is a premature end.
    fn try_exec(
        &mut self,
        commands: &str,
        input: &[u8],
        watch: &mut dyn FnMut(&Event),
        result: &mut ExecResult,
    ) -> Result<Ending, Ending> {
        if self.spec.control != ControlLine::Com2 || commands.len() > MAX_COMMANDS {
            let complaint = format!("commands need a control line and at most {MAX_COMMANDS} bytes");
            return Err(Ending::Lost { complaint });
        }
        self.wait_ready(watch)?;
        let our_id = self.next_id;
        self.next_id += 1;
        if !input.is_empty() {
            self.bring(our_id, input, watch)?;
        }

        let silence = self.spec.limits.silence;
        let mut resend = Some(Instant::now());
        let mut heard = Instant::now();
        loop {
            if resend.is_some_and(|due| due <= Instant::now()) {
                // If the emulator is gone, its end is the next event.
                let _ = self.control.send(&ToGuest::Exec { id: our_id, commands });
                resend = Some(Instant::now() + RESEND);
            }
            let complaint = format!("the guest said nothing for {} s", silence.as_secs());
            let Some(event) = self.wait_event(Some(Limit { at: heard + silence, complaint }), resend)? else {
                continue;
            };
            heard = Instant::now();
            watch(&event);
            match event {
                Event::Accepted { id } if id == our_id => resend = None,
                // Whoever ran the commands has died, and his successor knows nothing of them.
                Event::Hello { .. } if resend.is_none() => return Err(Ending::Forgotten),
                Event::Output { id, stream, bytes } if id == our_id => match stream {
                    Stream::Out => result.out.extend(bytes),
                    Stream::Err => result.err.extend(bytes),
                },
                Event::Exit { id, status } if id == our_id => {
                    self.power_off(watch)?;
                    return Ok(Ending::Exited { status });
                }
                event => self.judge(&event)?,
            }
        }
    }

    /// Waits for the emulator's end (or the user's wish), within the limits. For a guest that runs on its own.
    pub fn wait(&mut self, watch: &mut dyn FnMut(&Event)) -> Ending {
        loop {
            let event = match self.wait_event(None, None) {
                Ok(Some(event)) => event,
                Ok(None) => continue,
                Err(ending) => return ending,
            };
            watch(&event);
            match event {
                Event::Ended { code } if self.spec.control != ControlLine::Com2 => {
                    return self.left_alone(code);
                }
                // The person at the console has lost nothing; whoever waits for an answer is told by the courier.
                Event::Garbled { .. } if self.spec.control == ControlLine::Both => {}
                event => {
                    if let Err(ending) = self.judge(&event) {
                        return ending;
                    }
                }
            }
        }
    }

    /// Who brings files and commands to a guest with [`ControlLine::Both`]. It is to be [told](crate::Told::tell) what [`Machine::wait`] shows.
    #[must_use]
    pub fn courier(&self) -> (Courier, Told) {
        Courier::new(self.control.clone())
    }

    /// All that the console said so far.
    #[must_use]
    pub fn console(&self) -> String {
        self.text.get()
    }

    /// The machine as it was started, with `Accel::Auto` decided.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The emulator's exit status once it has ended by itself. QEMU's is 2v + 1 after the guest wrote v to
    /// the debug-exit port; Bochs's means nothing.
    #[must_use]
    pub fn emulator_status(&self) -> Option<i32> {
        self.exit_code
    }

    /// Ends the run if `event` is an end.
    fn judge(&mut self, event: &Event) -> Result<(), Ending> {
        match event {
            Event::Refused { status, reason } => {
                self.power_off(&mut |_| {})?;
                Err(Ending::Refused { status: *status, reason: reason.clone() })
            }
            Event::Panicked { reason } => {
                self.power_off(&mut |_| {})?;
                Err(Ending::Panicked { reason: reason.clone() })
            }
            Event::Garbled { complaint } => {
                self.child.kill();
                Err(Ending::Lost { complaint: complaint.clone() })
            }
            Event::Ended { code } => Err(self.last_words(*code)),
            Event::Quit => {
                self.child.kill();
                Err(Ending::Quit)
            }
            _ => Ok(()),
        }
    }

    /// After the guest's last word: lets the emulator end, so that its files are whole, or ends it. A line
    /// that is damaged even now spoils the run.
    fn power_off(&mut self, watch: &mut dyn FnMut(&Event)) -> Result<(), Ending> {
        let deadline = Instant::now() + POWER_OFF;
        while let Some(event) = self.next_event(deadline.saturating_duration_since(Instant::now())) {
            watch(&event);
            match event {
                Event::Ended { .. } => return Ok(()),
                Event::Garbled { complaint } => {
                    self.child.kill();
                    return Err(Ending::Lost { complaint });
                }
                _ => {}
            }
        }
        self.child.kill();
        Ok(())
    }

    /// The next event; `None` at `wake`. At `limit`, or the machine's total limit, the run is over.
    fn wait_event(&mut self, limit: Option<Limit>, wake: Option<Instant>) -> Result<Option<Event>, Ending> {
        let total = self.spec.limits.total.map(|total| Limit {
            at: self.started + total,
            complaint: format!("the guest did not end within {} s", total.as_secs()),
        });
        let limit = [limit, total].into_iter().flatten().min_by_key(|limit| limit.at);
        let now = Instant::now();
        if let Some(Limit { complaint, .. }) = limit.as_ref().filter(|limit| limit.at <= now) {
            let hangs = self.spec.emulator == Emulator::Qemu && qemu::hangs(self.folder.path(), ANSWER);
            self.child.kill();
            if hangs {
                let complaint = format!("{complaint}: the emulator itself hangs");
                return Err(Ending::Stuck { complaint: self.with_last_line(&complaint) });
            }
            return Err(Ending::Lost { complaint: self.with_last_line(complaint) });
        }
        let received = match limit.map(|limit| limit.at).into_iter().chain(wake).min() {
            Some(until) => self.events.recv_timeout(until.saturating_duration_since(now)),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(event) => {
                if let Event::Ended { code } = &event {
                    self.exit_code = *code;
                }
                Ok(Some(event))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            // Whoever waits after the emulator's end.
            Err(RecvTimeoutError::Disconnected) => {
                Err(Ending::Lost { complaint: self.explain_end(self.exit_code) })
            }
        }
    }

    /// How a run ended that nobody waited for: after the kernel has begun, QEMU's status is the kernel's word.
    fn left_alone(&self, code: Option<i32>) -> Ending {
        let begun = self.spec.emulator == Emulator::Qemu && self.console().contains("anax: ready: ");
        match (self.last_words(code), code) {
            (Ending::Lost { .. }, Some(code)) if begun && code % 2 == 1 => {
                Ending::Exited { status: u8::try_from(code / 2).unwrap_or(u8::MAX) }
            }
            (Ending::Lost { .. }, code) => Ending::Ended { code },
            (said, _) => said,
        }
    }

    /// How a run ended that ended without a word on the control line: a kernel without one says its last word on the console.
    fn last_words(&self, code: Option<i32>) -> Ending {
        let console = self.console();
        let said = |what: &str| console.lines().rev().find_map(|line| line.strip_prefix(what));
        if code == Some(PANIC_EXIT)
            && let Some(reason) = said("anax: panic: ")
        {
            return Ending::Panicked { reason: reason.trim_end().to_owned() };
        }
        if code == Some(REFUSED_EXIT)
            && let Some(reason) = said("anax: refused: ")
        {
            return Ending::Refused { status: 3, reason: reason.trim_end().to_owned() };
        }
        Ending::Lost { complaint: self.explain_end(code) }
    }

    /// One line about an emulator that ended before the guest said how.
    fn explain_end(&self, code: Option<i32>) -> String {
        let how = code.map_or_else(|| "by a signal".to_owned(), |code| format!("with status {code}"));
        let complaint = format!("the emulator ended {how} and the guest did not say how its commands ended");
        let words = std::fs::read(wiring::emulator_log(self.folder.path())).unwrap_or_default();
        // QEMU says what is wrong on its last line; Bochs prints banners.
        match String::from_utf8_lossy(&words).trim().lines().next_back() {
            Some(line) if self.spec.emulator == Emulator::Qemu => format!("{complaint}: {line}"),
            _ => self.with_last_line(&complaint),
        }
    }

    fn with_last_line(&self, complaint: &str) -> String {
        match self.console().trim_end().lines().next_back() {
            Some(line) => format!("{complaint}; the console's last line: {line}"),
            None => format!("{complaint}; the console said nothing"),
        }
    }
}
