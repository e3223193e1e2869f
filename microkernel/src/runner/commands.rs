//! The runner's commands.

use core::fmt::Write;

use anax_control::Stream;
use microkernel_core::logring::{LogRecord, Read};

use super::{Out, Sink, fault};
use crate::arch::power;
use crate::mm::{frames, heap};
use crate::time::clock::{self, Nanos};
use crate::{ktest, percpu, start};

/// A command: its name, a line of help, what it does with its words (the name first), its exit status.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&[&str], &mut Sink) -> u8,
}

const COMMANDS: &[Command] = &[
    Command { name: "cpus", help: "list the CPUs", run: cpus },
    Command { name: "dmesg", help: "print the log of all CPUs", run: dmesg },
    Command { name: "echo", help: "print the arguments", run: echo },
    Command { name: "false", help: "end with status 1", run: |_, _| 1 },
    Command {
        name: "fault",
        help: "fault KIND: provoke a fault of the kernel, to see its report",
        run: fault::run,
    },
    Command { name: "help", help: "print this list", run: help },
    Command {
        name: "ktest",
        help: "ktest [--list] [--rounds PERCENT] [FILTER]: run the kernel's tests",
        run: ktest::run,
    },
    Command { name: "mem", help: "print who has the memory", run: mem },
    Command {
        name: "panic",
        help: "make the kernel panic",
        run: |_, _| panic!("asked for by the command 'panic'"),
    },
    Command {
        name: "program",
        help: "program NAME [NUMBER]: run bin/NAME of the boot archive in user mode; its exit status",
        run: program,
    },
    Command { name: "poweroff", help: "switch the machine off", run: |_, _| power::off(0) },
    Command { name: "ps", help: "list the threads and what each waits for", run: ps },
    Command { name: "true", help: "end with status 0", run: |_, _| 0 },
    Command { name: "uptime", help: "print the time since the kernel's entry", run: uptime },
];

/// Runs the command that `words` begin with; 127 if there is none.
pub(super) fn run(words: &[&str], sink: &mut Sink) -> u8 {
    let Some(name) = words.first() else { return 0 };
    match COMMANDS.iter().find(|command| command.name == *name) {
        Some(command) => (command.run)(words, sink),
        None => {
            let _ = writeln!(Out(sink, Stream::Err), "{name}: not found");
            127
        }
    }
}

/// Runs a program as its supervisor: waits for its end, and takes faults for its end, too.
fn program(words: &[&str], sink: &mut Sink) -> u8 {
    let argument = words.get(2).and_then(|word| word.parse().ok()).unwrap_or(0);
    let Some(name) = words.get(1) else {
        let _ = writeln!(Out(sink, Stream::Err), "program: which one?");
        return 2;
    };
    match crate::user::run_program(name, argument) {
        Ok(status) if status < 128 => status as u8,
        Ok(status) => {
            let _ = writeln!(Out(sink, Stream::Err), "{name}: ended with {status:#x}");
            128
        }
        Err(error) => {
            let _ = writeln!(Out(sink, Stream::Err), "{name}: {error}");
            126
        }
    }
}

fn ps(_: &[&str], sink: &mut Sink) -> u8 {
    u8::from(crate::dump::write(&mut Out(sink, Stream::Out)).is_err())
}

fn help(_: &[&str], sink: &mut Sink) -> u8 {
    for command in COMMANDS {
        let _ = writeln!(Out(sink, Stream::Out), "{:10} {}", command.name, command.help);
    }
    0
}

fn echo(words: &[&str], sink: &mut Sink) -> u8 {
    let mut out = alloc::string::String::new();
    for (index, word) in words[1..].iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.push('\n');
    sink.print(Stream::Out, &out);
    0
}

fn uptime(_: &[&str], sink: &mut Sink) -> u8 {
    let _ = writeln!(Out(sink, Stream::Out), "{} seconds by {:?}", clock::now(), clock::source());
    0
}

fn cpus(_: &[&str], sink: &mut Sink) -> u8 {
    for cpu in percpu::all() {
        let (id, apic) = (cpu.id().index(), cpu.apic_id());
        let node = cpu.node().index();
        let (taken, unexpected) = (cpu.interrupts.handled(), cpu.interrupts.unexpected());
        let mut out = Out(sink, Stream::Out);
        let _ = writeln!(
            out,
            "CPU {id}: APIC ID {apic}, node {node}, {taken} interrupts, {unexpected} unexpected"
        );
    }
    0
}

fn mem(_: &[&str], sink: &mut Sink) -> u8 {
    let (total, free) = frames::usage();
    let (heap_used, heap_total) = heap::usage();
    let mut out = Out(sink, Stream::Out);
    let usable = start::machine().map_or(0, |machine| machine.usable);
    let _ = writeln!(out, "usable  {:>9} KiB", usable >> 10);
    let _ = writeln!(out, "frames  {:>9} KiB, {} KiB free", total >> 10, free >> 10);
    let _ = writeln!(out, "heap    {:>9} KiB, {} KiB in use", heap_total >> 10, heap_used >> 10);
    0
}

/// All rings, merged by time.
fn dmesg(_: &[&str], sink: &mut Sink) -> u8 {
    let mut readers: alloc::vec::Vec<_> =
        percpu::all().map(|cpu| (cpu, cpu.log.reader(), LogRecord::empty(), Pending::Unread)).collect();
    // Bounded by what the rings hold now: later records are for the next call.
    let limit = readers.len() * crate::console::RING_SLOTS;
    for _ in 0..limit {
        for (cpu, reader, record, pending) in &mut readers {
            while *pending == Pending::Unread {
                *pending = match reader.read(cpu.log, record) {
                    Read::Record => Pending::Ready,
                    Read::Nothing => Pending::End,
                    Read::Lost(count) => {
                        let _ = writeln!(
                            Out(sink, Stream::Out),
                            "({count} older lines of CPU {} lost)",
                            cpu.id().index()
                        );
                        Pending::Unread
                    }
                };
            }
        }
        let ready = readers.iter_mut().filter(|(.., pending)| *pending == Pending::Ready);
        let Some((_, _, record, pending)) = ready.min_by_key(|(_, _, record, _)| record.time) else { break };
        *pending = Pending::Unread;
        let (time, level, cpu) = (Nanos(record.time), record.level(), record.cpu());
        let _ = writeln!(
            Out(sink, Stream::Out),
            "[{time}] CPU {cpu} {level:5} {}: {}",
            record.target(),
            record.message()
        );
    }
    0
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Unread,
    Ready,
    End,
}
