//! The kernel's log: a ring on each CPU, mirrored to the console (COM1) by level; and the console's last words.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use log::{LevelFilter, Log, Metadata, Record};
use microkernel_core::logring::{LastWords, LogRing, line};

use crate::arch::serial::{self, Line};
use crate::percpu;
use crate::time::clock;

/// Records that a CPU's ring holds.
pub(crate) const RING_SLOTS: usize = 128;
/// Longest line on the console; the ring keeps less of it.
const LINE: usize = 256;

/// A CPU's log ring.
pub(crate) type Ring = LogRing<RING_SLOTS>;

struct Logger;

static LOGGER: Logger = Logger;
/// The least severe level that reaches the console, as a number.
static MIRROR: AtomicUsize = AtomicUsize::new(LevelFilter::Info as usize);
/// Whether CPU data is installed, so that rings can be found.
static RINGS: AtomicBool = AtomicBool::new(false);

/// Starts logging, to the boot CPU's ring and to the console. Boot CPU, once, when its data is installed.
pub(crate) fn start() {
    RINGS.store(true, Ordering::Release);
    // An error would mean that a logger is set already.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Debug);
}

/// Sets the least severe level that reaches the console; the rings take down to debug, or that level if it is lower.
pub(crate) fn mirror(level: LevelFilter) {
    MIRROR.store(level as usize, Ordering::Relaxed);
    log::set_max_level(level.max(LevelFilter::Debug));
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let time = clock::now();
        if RINGS.load(Ordering::Acquire) {
            let _off = crate::arch::cpu::InterruptsOff::new();
            let cpu = percpu::this();
            let target = record.target().strip_prefix("microkernel::").unwrap_or(record.target());
            cpu.log.write(time.0, record.level(), cpu.id().index() as u16, target, *record.args());
        }
        if record.level() as usize <= MIRROR.load(Ordering::Relaxed) {
            serial::write(Line::Com1, line::<LINE>(time.0, record.level(), *record.args()).as_bytes());
        }
    }

    fn flush(&self) {
        serial::flush(Line::Com1);
    }
}

/// Writes straight to the console, taking no lock that a stopped CPU could hold, and remembers the first line.
pub(crate) type PanicWriter = LastWords<fn(&[u8]), LINE>;

/// Whoever stops the machine begins to say why.
pub(crate) fn last_words() -> PanicWriter {
    LastWords::new(|bytes| serial::write(Line::Com1, bytes))
}

/// What they say first, without `anax: panic: ` or `anax: refused: `.
#[cfg(feature = "test")]
pub(crate) fn reason(words: &PanicWriter) -> &str {
    let line = words.first_line();
    let line = line.strip_prefix("anax: ").unwrap_or(line);
    line.strip_prefix("panic: ").or_else(|| line.strip_prefix("refused: ")).unwrap_or(line)
}
