//! The guest's end of the control line: frames on COM2.

use alloc::string::String;
use core::sync::atomic::{AtomicU32, Ordering};

use anax_control::{Decoder, MAX_FRAME, MAX_OUTPUT, Outcome, Stream, ToGuest, ToHost, VERSION, encode};

use crate::arch::serial::{self, Line};
use crate::percpu;
use crate::start::Machine;
use crate::time::clock;

static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// Sends one message; one that cannot be encoded is a bug of this file and is dropped, which the tool sees as a gap.
fn send(message: &ToHost<'_>) {
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let mut buffer = [0; MAX_FRAME];
    if let Ok(frame) = encode(sequence, message, &mut buffer) {
        serial::write(Line::Com2, frame);
    }
}

/// Says that the kernel is ready and waits for a command line, which it accepts.
pub(super) fn wait_for_commands(machine: &Machine) -> (u32, String) {
    send(&ToHost::Hello { version: VERSION });
    send(&ToHost::Ready {
        cpus: percpu::count() as u32,
        memory_kib: machine.usable >> 10,
        entry_tsc: crate::arch::boot::entry_timestamp(),
        ready_tsc: machine.ready_timestamp,
        tsc_hz: clock::hertz(),
    });
    let mut decoder = Decoder::new();
    let mut bytes = [0; 64];
    loop {
        let count = serial::read(Line::Com2, &mut bytes);
        for byte in &bytes[..count] {
            match decoder.push(*byte) {
                Some(Ok(frame)) => {
                    if let Ok(ToGuest::Exec { id, commands }) = frame.message() {
                        send(&ToHost::Accepted { id });
                        return (id, String::from(commands));
                    }
                    log::warn!("control line: a message that this kernel does not know");
                }
                Some(Err(error)) => log::warn!("control line: {error}"),
                None => {}
            }
        }
        if count == 0 {
            super::wait_a_little();
        }
    }
}

/// Sends what a command printed.
pub(super) fn output(id: u32, stream: Stream, bytes: &[u8]) {
    for bytes in bytes.chunks(MAX_OUTPUT) {
        send(&ToHost::Output { id, stream, bytes });
    }
}

/// Says how the command line ended.
pub(super) fn exit(id: u32, status: u8) {
    send(&ToHost::Exit { id, status });
}

/// Says that a kernel test begins.
pub(crate) fn test_started(name: &str) {
    send(&ToHost::TestStarted { name });
}

/// Says how a kernel test ended.
pub(crate) fn test_ended(name: &str, outcome: Outcome, detail: &str) {
    send(&ToHost::TestEnded { name, outcome, detail });
}

/// The kernel's last word: it broke an invariant. A frame may have been cut off: the zero ends it.
pub(crate) fn panicked(reason: &str) {
    serial::write(Line::Com2, &[0]);
    send(&ToHost::Panicked { reason });
}

/// The kernel's last word: it does not believe its boot information.
pub(crate) fn refused(reason: &str) {
    send(&ToHost::Refused { status: 3, reason });
}
