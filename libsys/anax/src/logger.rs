//! The `log` crate's lines go to the system's log, with the program's name before them.

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let how = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug => "debug: ",
            Level::Trace => "trace: ",
        };
        anax_sys::log::line(format_args!("{}: {how}{}", crate::name(), record.args()));
    }

    fn flush(&self) {}
}

/// From now on. Debugging lines are left out.
pub(crate) fn begin() {
    static LINES: Lines = Lines;
    // It was set already if this is a test.
    if log::set_logger(&LINES).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
