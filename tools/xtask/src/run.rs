//! `cargo xtask run`: builds Anax, boots it, and gives the user its console or its commands' output.

mod options;
mod peer;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anax_vm::{
    Boot, Console, ControlLine, Debugger, Emulator, Ending, Event, Limits, Machine, Net, Nic, Rendezvous,
    Spec, Stream,
};
use anyhow::{Context, bail};

use crate::build::{self, KernelBuild, KernelVariant, Profile};
use crate::setup::{self, Part};
use crate::swap;

pub(crate) use options::Args;

/// A day: as good as no limit where a person is at the keyboard or at the debugger.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // First all that can be wrong with the command line, before anything is installed or built.
    args.check()?;
    setup::need(&needs(args))?;
    let profile = if args.dev { Profile::Dev } else { Profile::Release };
    let variant = args.variant();
    let bootable = build::bootable(&KernelBuild { variant, profile, bite: None }, &args.choice())?;
    let base = Spec { cache: Some(build::target()), ..Spec::new(&bootable.kernel, &bootable.archive) };
    if let Some(frames) = args.peer {
        return peer::run(args, base, frames);
    }
    let spec = args.spec(base, None)?;
    if let Debugger::Port(port) = spec.debugger {
        eprintln!(
            "anax: stopped before the first instruction; in another terminal: gdb {} -ex 'target remote :{port}'",
            bootable.kernel.display()
        );
    }
    match &args.exec {
        Some(commands) => exec(&spec, commands, &args.input()?),
        None => interact(&spec, args),
    }
}

/// What the host must have for this machine.
fn needs(args: &Args) -> Vec<Part> {
    let mut parts = vec![match args.emulator() {
        Emulator::Qemu => Part::Qemu,
        Emulator::Bochs => Part::Bochs,
    }];
    match args.boot() {
        Boot::Pvh => {}
        Boot::Iso => parts.push(Part::Image),
        Boot::Uefi => parts.extend([Part::Image, Part::Uefi]),
    }
    parts
}

/// The console on this terminal, until the guest powers off or the user quits.
fn interact(spec: &Spec, args: &Args) -> anyhow::Result<ExitCode> {
    // The test kernel alone runs no programs that could be replaced.
    let control = match args.variant() {
        KernelVariant::Plain => ControlLine::Both,
        KernelVariant::Test => ControlLine::Unused,
    };
    let spec = Spec { console: Console::Terminal, control, ..spec.clone() };
    eprintln!("{}", banner(&spec));
    let mut machine = Machine::start(&spec)?;
    let (courier, told) = machine.courier();
    let name = args.name.clone().unwrap_or_else(|| std::process::id().to_string());
    let rendezvous =
        (control == ControlLine::Both).then(|| Rendezvous::open(&swap::folder(), &name, courier));
    match &rendezvous {
        Some(Ok(_)) => eprintln!("anax: guest {name}, for cargo xtask swap"),
        Some(Err(error)) if args.name.is_some() => {
            bail!("--name {name}: {}: {error}", swap::folder().display())
        }
        Some(Err(error)) => eprintln!("anax: cargo xtask swap does not find this guest: {error}"),
        None => {}
    }
    let ending = machine.wait(&mut |event| told.tell(event));
    drop(rendezvous);
    // Brings the terminal's mode back before anything else is printed.
    drop(machine);
    eprintln!();
    finish(&ending)
}

/// Runs commands on that input, passing on what they print; the kernel's log goes to standard error.
fn exec(spec: &Spec, commands: &str, input: &[u8]) -> anyhow::Result<ExitCode> {
    let mut spec = Spec { console: Console::Stderr, ..spec.clone() };
    if spec.debugger != Debugger::None {
        spec.limits = Limits { ready: FOREVER, silence: FOREVER, total: None };
    }
    let mut machine = Machine::start(&spec)?;
    let mut broken = None;
    let result = machine.exec_with(commands, input, &mut |event| {
        if let Event::Output { stream, bytes, .. } = event {
            let written = match stream {
                Stream::Out => pass_on(std::io::stdout(), bytes),
                Stream::Err => pass_on(std::io::stderr(), bytes),
            };
            broken = broken.take().or(written.err());
        }
    });
    if let Some(error) = broken {
        return Err(error).context("cannot pass on what the commands print");
    }
    finish(&result.ending)
}

fn pass_on(mut to: impl Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

fn finish(ending: &Ending) -> anyhow::Result<ExitCode> {
    if let Some(complaint) = ending.complaint() {
        eprintln!("xtask: {complaint}");
    }
    Ok(ExitCode::from(ending.status()))
}

/// What an interactive user should know, on one line.
fn banner(spec: &Spec) -> String {
    let emulator = match spec.emulator {
        Emulator::Qemu => "QEMU",
        Emulator::Bochs => "Bochs",
    };
    let cpus = if spec.cpus == 1 { "1 CPU".to_owned() } else { format!("{} CPUs", spec.cpus) };
    let network = match (&spec.nic, &spec.net) {
        (Nic::None, _) => String::new(),
        (_, Net::User(forwards)) => forwards
            .iter()
            .map(|forward| format!(", 127.0.0.1:{} leads to its port {}", forward.host, forward.guest))
            .collect(),
        (_, Net::Datagrams(ports)) => format!(
            ", frames as datagrams; for a peer: cargo xtask peer --guest {} --port {}",
            ports.guest, ports.peer
        ),
        (_, Net::Tap(interface) | Net::BareTap(interface)) => format!(", network on {interface}"),
    };
    format!(
        "anax: {emulator}, {cpus}, {} MiB{network}. Ctrl-A X quits; all other keys go to Anax.",
        spec.memory_mib
    )
}
