//! A machine whose guest is a thread of the test and whose emulator is `sleep`: every way a run can end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anax_control::{Decoder, MAX_FRAME, Sequence, ToHost, VERSION, encode};

use super::*;
use crate::{Limits, control};

/// The guest's end of the control line, and its power switch.
struct Guest {
    line: UnixStream,
    sequence: Sequence,
    reader: thread::JoinHandle<()>,
    events: Sender<Event>,
}

impl Guest {
    fn say(&mut self, message: &ToHost<'_>) {
        let frame = encode(self.sequence.take(), message, &mut [0; MAX_FRAME]).expect("fits").to_vec();
        self.line.write_all(&frame).expect("sent");
    }

    fn boot(&mut self) {
        self.say(&ToHost::Hello { version: VERSION });
        self.say(&ToHost::Ready { cpus: 1, memory_kib: 1, entry_tsc: 0, ready_tsc: 1, tsc_hz: 1 });
    }

    /// Waits for the next command line.
    fn listen(&mut self) -> (u32, String) {
        let mut decoder = Decoder::new();
        let mut byte = [0];
        loop {
            self.line.read_exact(&mut byte).expect("the host is there");
            if let Some(frame) = decoder.push(byte[0]) {
                let Ok(ToGuest::Exec { id, commands }) = frame.expect("whole").message() else {
                    panic!("no command line")
                };
                return (id, commands.to_owned());
            }
        }
    }

    /// The line closes, then the emulator ends.
    fn power_off(self, code: i32) {
        drop(self.line);
        self.reader.join().expect("the host's reader ends");
        self.events.send(Event::Ended { code: Some(code) }).expect("the machine is there");
    }
}

/// A machine whose guest does what `life` says.
fn machine(life: impl FnOnce(Guest) + Send + 'static) -> Machine {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ours, line) = UnixStream::pair().expect("a socket pair");
    let (sender, events) = channel();
    let control = ControlWriter::default();
    control.connect(Box::new(ours.try_clone().expect("a copy")));
    let reports = sender.clone();
    let reader = thread::spawn(move || control::read(ours, &reports));
    thread::spawn(move || life(Guest { line, sequence: Sequence::new(), reader, events: sender }));
    let mut sleep = Command::new("sleep");
    sleep.arg("1000");
    let spec = Spec::new(Path::new("/kernel"), Path::new("/archive"));
    Machine {
        child: Child::start(&sleep, &wiring::emulator_log(folder.path()), |_| {}).expect("sleep runs"),
        _terminal: None,
        folder,
        events,
        control,
        text: Text::default(),
        spec,
        started: Instant::now(),
        ready: None,
        next_id: 1,
        exit_code: None,
    }
}

fn exec(life: impl FnOnce(Guest) + Send + 'static) -> ExecResult {
    machine(life).exec("command", &mut |_| {})
}

fn complaint(result: &ExecResult) -> String {
    assert_eq!(result.status(), crate::LOST, "{result:?}");
    result.ending.complaint().expect("a complaint")
}

#[test]
fn output_and_status_come_back() {
    let result = exec(|mut guest| {
        guest.boot();
        let (id, commands) = guest.listen();
        assert_eq!(commands, "command");
        guest.say(&ToHost::Accepted { id });
        guest.say(&ToHost::Output { id, stream: Stream::Out, bytes: b"one\n" });
        guest.say(&ToHost::Output { id, stream: Stream::Err, bytes: b"two\n" });
        guest.say(&ToHost::Output { id, stream: Stream::Out, bytes: b"three" });
        guest.say(&ToHost::Exit { id, status: 42 });
        guest.power_off(1);
    });
    assert_eq!(result.ending, Ending::Exited { status: 42 });
    assert_eq!((&result.out[..], &result.err[..]), (&b"one\nthree"[..], &b"two\n"[..]));
}

#[test]
fn a_command_line_that_was_lost_is_sent_again() {
    let result = exec(|mut guest| {
        guest.boot();
        let first = guest.listen();
        assert_eq!(first, guest.listen());
        guest.say(&ToHost::Accepted { id: first.0 });
        guest.say(&ToHost::Exit { id: first.0, status: 0 });
        guest.power_off(1);
    });
    assert_eq!(result.status(), 0);
}

#[test]
fn a_gap_spoils_the_run() {
    let result = exec(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        guest.say(&ToHost::Accepted { id });
        guest.sequence.take();
        guest.say(&ToHost::Exit { id, status: 0 });
        guest.power_off(1);
    });
    assert!(complaint(&result).contains("lost something"), "{result:?}");
}

#[test]
fn damage_after_the_exit_status_spoils_the_run_too() {
    let result = exec(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        guest.say(&ToHost::Exit { id, status: 0 });
        guest.line.write_all(b"noise\0").expect("sent");
        guest.power_off(1);
    });
    assert!(complaint(&result).contains("damaged"), "{result:?}");
}

#[test]
fn an_exit_of_another_command_line_does_not_count() {
    let result = exec(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        guest.say(&ToHost::Exit { id: id + 1, status: 0 });
        guest.power_off(1);
    });
    assert!(complaint(&result).contains("did not say"), "{result:?}");
}

#[test]
fn a_dead_emulator_is_noticed_before_and_after_ready() {
    let result = exec(|guest| guest.power_off(0));
    assert!(complaint(&result).contains("status 0"), "{result:?}");
    let result = exec(|mut guest| {
        guest.boot();
        guest.listen();
        guest.power_off(7);
    });
    assert!(complaint(&result).contains("status 7"), "{result:?}");
}

#[test]
fn a_silent_guest_is_given_up() {
    let patience = Duration::from_secs(1);
    let limits = Limits { ready: patience, silence: patience, total: None };
    // Silent from the start; then silent once it has its command line.
    let mut quiet = machine(|mut guest| drop(guest.listen()));
    quiet.spec.limits = limits;
    let result = quiet.exec("command", &mut |_| {});
    assert!(complaint(&result).contains("ready within 1 s"), "{result:?}");
    let mut quiet = machine(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        guest.say(&ToHost::Accepted { id });
        let _ = guest.line.read(&mut [0]);
    });
    quiet.wait_ready(&mut |_| {}).expect("ready");
    quiet.spec.limits = limits;
    let result = quiet.exec("command", &mut |_| {});
    assert!(complaint(&result).contains("nothing for 1 s"), "{result:?}");
}

#[test]
fn a_guest_that_talks_for_ever_is_given_up() {
    let mut machine = machine(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        let mut talk = || -> std::io::Result<()> {
            loop {
                let message = ToHost::Output { id, stream: Stream::Err, bytes: b"." };
                let frame =
                    encode(guest.sequence.take(), &message, &mut [0; MAX_FRAME]).expect("fits").to_vec();
                guest.line.write_all(&frame)?;
                // Slowly, so that the host's queue stays short.
                thread::sleep(Duration::from_millis(20));
            }
        };
        // Ends when nobody listens any more.
        let _ = talk();
    });
    machine.spec.limits.total = Some(Duration::from_millis(500));
    let result = machine.exec("command", &mut |_| {});
    assert!(complaint(&result).contains("did not end within"), "{result:?}");
}

#[test]
fn refusal_and_panic_have_their_own_statuses() {
    let result = exec(|mut guest| {
        guest.say(&ToHost::Hello { version: VERSION });
        guest.say(&ToHost::Refused { status: 3, reason: "damaged archive" });
        guest.power_off(3);
    });
    assert_eq!(result.status(), 3);
    assert!(result.ending.complaint().is_some_and(|line| line.contains("damaged archive")));
    let result = exec(|mut guest| {
        guest.boot();
        guest.listen();
        guest.say(&ToHost::Panicked { reason: "a bug" });
        guest.power_off(3);
    });
    assert_eq!(result.status(), crate::PANICKED);
}

#[test]
fn another_protocol_version_is_refused() {
    let result = exec(|mut guest| {
        guest.say(&ToHost::Hello { version: VERSION + 1 });
        drop(guest.listen());
    });
    assert!(complaint(&result).contains("version"), "{result:?}");
}

#[test]
fn every_event_is_watched_in_order() {
    let mut watched = Vec::new();
    let result = machine(|mut guest| {
        guest.boot();
        let (id, _) = guest.listen();
        guest.say(&ToHost::TestStarted { name: "a" });
        guest.say(&ToHost::Exit { id, status: 1 });
        guest.power_off(1);
    })
    .exec("command", &mut |event| watched.push(event.clone()));
    assert_eq!(result.status(), 1);
    assert!(matches!(
        &watched[..],
        [
            Event::Hello { .. },
            Event::Ready(_),
            Event::TestStarted { .. },
            Event::Exit { .. },
            Event::Ended { .. }
        ]
    ));
}

#[test]
fn dropping_a_machine_ends_its_emulator() {
    let machine = machine(|mut guest| guest.boot());
    let pid = machine.child.id().expect("running");
    drop(machine);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}
