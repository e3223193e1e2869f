//! Connects a new machine: serial lines to threads that read them, the emulator's end to the event queue.

use std::fs::File;
use std::io::PipeReader;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context, bail};

use crate::child::Child;
use crate::console::Text;
use crate::control::ControlWriter;
use crate::endpoint::{Address, Endpoint};
use crate::{Console, Emulator, Event, Spec, bochs, console, control, qemu, terminal};

/// A started emulator and the tool's ends of its lines.
pub(crate) struct Wired {
    pub(crate) child: Child,
    pub(crate) events: Receiver<Event>,
    pub(crate) control: ControlWriter,
    pub(crate) text: Text,
}

/// Starts the emulator for `spec`, with its files in `folder`.
pub(crate) fn start(spec: &Spec, folder: &Path) -> anyhow::Result<Wired> {
    let log = spec
        .log
        .as_ref()
        .map(|path| File::create(path).with_context(|| format!("cannot write {}", path.display())))
        .transpose()?;
    let (sender, events) = channel();
    let (text, control) = (Text::default(), ControlWriter::default());
    let (console_end, console_at) = listen(spec, &folder.join("console"))?;
    let (control_end, control_at) = listen(spec, &folder.join("control"))?;
    let command = match (&console_at, &control_at) {
        (Address::Unix(console), Address::Unix(control)) => qemu::command(spec, folder, console, control)?,
        (Address::Tcp(console), Address::Tcp(control)) => bochs::command(spec, folder, *console, *control)?,
        _ => bail!("the serial lines are of different kinds"),
    };

    // Closed when the emulator has ended: an end of a line that it never connected to must not wait for ever.
    let (stopped, stop) = std::io::pipe()?;
    let readers = [
        read_console(console_end, stopped.try_clone()?, spec.console, log, &text, &sender),
        read_control(control_end, stopped, &control, &sender),
    ];
    let child = Child::start(&command, &emulator_log(folder), move |code| {
        // First all that it said, then that it ended.
        drop(stop);
        for reader in readers {
            let _ = reader.join();
        }
        let _ = sender.send(Event::Ended { code });
    })?;
    Ok(Wired { child, events, control, text })
}

/// Where the emulator's own messages go.
pub(crate) fn emulator_log(folder: &Path) -> std::path::PathBuf {
    folder.join("emulator.log")
}

fn listen(spec: &Spec, path: &Path) -> anyhow::Result<(Endpoint, Address)> {
    match spec.emulator {
        Emulator::Qemu => Endpoint::unix(path),
        Emulator::Bochs => Endpoint::tcp(),
    }
    .with_context(|| format!("cannot listen at {}", path.display()))
}

fn read_console(
    end: Endpoint,
    stopped: PipeReader,
    shown: Console,
    log: Option<File>,
    text: &Text,
    events: &Sender<Event>,
) -> thread::JoinHandle<()> {
    let (text, events, keys) = (text.clone(), events.clone(), events.clone());
    thread::spawn(move || {
        let Ok((reader, writer)) = end.accept(&stopped) else { return };
        // Without a terminal the writing half is kept, unused, until the emulator has hung up.
        let mut writer = Some(writer);
        if shown == Console::Terminal
            && let Some(writer) = writer.take()
        {
            // Ends with the process: a read of standard input cannot be called off.
            thread::spawn(move || terminal::forward(std::io::stdin(), writer, &keys));
        }
        console::read(reader, shown, log, &text, &events);
    })
}

fn read_control(
    end: Endpoint,
    stopped: PipeReader,
    control: &ControlWriter,
    events: &Sender<Event>,
) -> thread::JoinHandle<()> {
    let (control, events) = (control.clone(), events.clone());
    thread::spawn(move || {
        let Ok((reader, writer)) = end.accept(&stopped) else { return };
        control.connect(writer);
        control::read(reader, &events);
    })
}
