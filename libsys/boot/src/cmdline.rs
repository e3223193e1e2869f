//! The kernel's command line: words separated by blanks, in any order.
//!
//! | word | meaning |
//! |---|---|
//! | `log=error\|warn\|info\|debug\|trace` | least severe level mirrored to the console; default `info` |
//! | `control=com2` | talk to the build tool on COM2 |
//! | `control=both` | talk to a person at the console, and to the build tool on COM2 |
//! | `test.memmap=overlap` | test feature: add an overlapping region to the memory map |
//! | `test.acpi=archive` | test feature: take the ACPI tables from archive member `test/acpi` |
//!
//! A mistyped word must not stop a machine from booting, so parsing never fails: the kernel warns of the words it
//! does not know. Of repeated words the last counts. The line is bytes, since boot loaders promise no encoding.

use log::LevelFilter;

/// Bytes of the line that are looked at; the rest is ignored.
pub const MAX_BYTES: usize = 4096;

/// Who speaks on COM2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// Nobody; commands are read from the console.
    #[default]
    None,
    /// The build tool's control protocol.
    Com2,
    /// The build tool, beside a person whose commands are read from the console.
    Both,
}

/// Where the memory map comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryMapSource {
    /// The boot loader.
    #[default]
    Boot,
    /// The boot loader, plus a region that overlaps another (test feature).
    Overlapping,
}

/// Where the ACPI tables come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcpiSource {
    /// The firmware.
    #[default]
    Firmware,
    /// Member `test/acpi` of the boot archive (test feature).
    Archive,
}

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Least severe level mirrored to the console.
    pub log: LevelFilter,
    /// Who speaks on COM2.
    pub control: Control,
    /// `test.memmap=`
    pub memory_map: MemoryMapSource,
    /// `test.acpi=`
    pub acpi: AcpiSource,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log: LevelFilter::Info,
            control: Control::default(),
            memory_map: MemoryMapSource::default(),
            acpi: AcpiSource::default(),
        }
    }
}

impl Options {
    /// Reads the command line. Words it does not know leave the options as they are; see [`unknown_words`].
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        let mut options = Self::default();
        for word in words(line) {
            options.take(word);
        }
        options
    }

    /// Applies one word; `None` if it is unknown.
    fn take(&mut self, word: &[u8]) -> Option<()> {
        match word {
            b"log=error" => self.log = LevelFilter::Error,
            b"log=warn" => self.log = LevelFilter::Warn,
            b"log=info" => self.log = LevelFilter::Info,
            b"log=debug" => self.log = LevelFilter::Debug,
            b"log=trace" => self.log = LevelFilter::Trace,
            b"control=com2" => self.control = Control::Com2,
            b"control=both" => self.control = Control::Both,
            b"test.memmap=overlap" => self.memory_map = MemoryMapSource::Overlapping,
            b"test.acpi=archive" => self.acpi = AcpiSource::Archive,
            _ => return None,
        }
        Some(())
    }
}

/// The words of the line that mean nothing to this kernel, in order. Print them with
/// [`escape_ascii`](slice::escape_ascii).
pub fn unknown_words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    words(line).filter(|word| Options::default().take(word).is_none())
}

/// The words of the line, up to its first NUL or [`MAX_BYTES`].
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = &line[..line.len().min(MAX_BYTES)];
    let end = line.iter().position(|byte| *byte == 0).unwrap_or(line.len());
    line[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
