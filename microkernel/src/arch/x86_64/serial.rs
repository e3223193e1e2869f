//! The two serial lines: COM1, the console, and COM2, the control line to the build tool.
//!
//! Both are polled: the kernel writes little, and must be able to from a panic.

use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::{BaudRate, Config, Uart16550};

/// One of the two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The console.
    Com1,
    /// The control line.
    Com2,
}

struct Port {
    uart: Uart16550<PioBackend>,
    present: bool,
}

/// Cold locks: console and control line only. A panic breaks them, see [`seize`].
static PORTS: [Mutex<Option<Port>>; 2] = [Mutex::new(None), Mutex::new(None)];

/// Bounds the wait for a line that takes nothing: about a second on slow hardware.
const PATIENCE: u32 = 1_000_000;

/// The lines' first ports, of eight each.
const BASES: [u16; 2] = [0x3f8, 0x2f8];

/// Whether the kernel uses one of these ports itself. The control line is its own only while it runs command lines.
pub(crate) fn is_kernels(first: u64, last: u64) -> bool {
    let own = if cfg!(feature = "test") { &BASES[..] } else { &BASES[..1] };
    own.iter().any(|base| first <= u64::from(base + 7) && u64::from(*base) <= last)
}

/// Prepares a line, 115,200 baud, 8N1. A line that does not exist stays silent. Boot CPU, once.
pub(crate) fn open(line: Line) {
    let base = BASES[line as usize];
    let config = Config { baud_rate: BaudRate::Baud115200, ..Config::DEFAULT };
    // SAFETY: the standard ports of the PC's serial lines, which nobody else in the kernel uses.
    let port = unsafe { Uart16550::new_port(base) }.ok().map(|mut uart| {
        let present = uart.init(config).is_ok();
        Port { uart, present }
    });
    *PORTS[line as usize].lock() = port;
}

/// Writes all of `bytes`, waiting for the line; gives up on a line that is stuck. Interrupts are off meanwhile.
pub(crate) fn write(line: Line, bytes: &[u8]) {
    let _off = super::cpu::InterruptsOff::new();
    let mut guard = PORTS[line as usize].lock();
    let Some(port) = guard.as_mut().filter(|port| port.present) else { return };
    let mut rest = bytes;
    let mut patience = PATIENCE;
    while !rest.is_empty() {
        match port.uart.send_bytes(rest) {
            0 if patience == 0 => {
                port.present = false;
                return;
            }
            0 => {
                patience -= 1;
                super::cpu::pause();
            }
            sent => {
                rest = &rest[sent..];
                patience = PATIENCE;
            }
        }
    }
}

/// Waits, within bounds, until the last byte has left the line: emulators lose what is still under way at power-off.
pub(crate) fn flush(line: Line) {
    let _off = super::cpu::InterruptsOff::new();
    let mut guard = PORTS[line as usize].lock();
    let Some(port) = guard.as_mut().filter(|port| port.present) else { return };
    for _ in 0..PATIENCE {
        if port.uart.lsr().contains(uart_16550::spec::registers::LSR::TRANSMITTER_EMPTY) {
            return;
        }
        super::cpu::pause();
    }
}

/// Takes what has arrived, without waiting; the number of bytes stored.
pub(crate) fn read(line: Line, buffer: &mut [u8]) -> usize {
    let _off = super::cpu::InterruptsOff::new();
    let mut guard = PORTS[line as usize].lock();
    guard.as_mut().filter(|port| port.present).map_or(0, |port| port.uart.receive_bytes(buffer))
}

/// Breaks both locks: whoever held them is stopped and never comes back.
///
/// # Safety
/// All other CPUs are stopped, and this one will not return to what it was doing.
pub(crate) unsafe fn seize() {
    for port in &PORTS {
        // SAFETY: by the caller's promise nobody uses what the lock protects.
        unsafe { port.force_unlock() };
    }
}
