//! The names of handles that mean the same in every program.

/// The machine, with the right to send only: for lines of the kernel's log.
pub const LOG: &str = "log";
/// The boot archive, a region that can be read.
pub const ARCHIVE: &str = "archive";
/// Where names are looked up and registered.
pub const NAMES: &str = "names";
/// Who started the program, and is told how it fares.
pub const INIT: &str = "init";
/// The port that this program serves, made for it by who started it: owned by its first thread.
pub const PORT: &str = "port";
/// What the program reads, a byte stream.
pub const STDIN: &str = "stdin";
/// Where it prints, a byte stream.
pub const STDOUT: &str = "stdout";
/// Where it says what is wrong, a byte stream.
pub const STDERR: &str = "stderr";
/// What keeps the ends of these three open, if anything has to: each goes where its stream goes.
pub const HOLDS: [&str; 3] = ["stdin-hold", "stdout-hold", "stderr-hold"];
