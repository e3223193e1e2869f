//! The words after the plugin's name on QEMU's command line.

use std::ops::Range;
use std::path::PathBuf;

/// How finely instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grain {
    /// A whole block when it is entered. A block that a fault leaves half-way counts in full.
    Block,
    /// Each instruction when it is reached. A faulting instruction counts again when it is retried.
    Instruction,
}

/// Whether accesses to device memory are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mmio {
    /// No: memory accesses run at full speed.
    Ignored,
    /// Yes: every memory access calls the plugin.
    Counted,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) out: PathBuf,
    pub(crate) grain: Grain,
    pub(crate) mmio: Mmio,
    /// The socket at which it is told what has been counted so far.
    pub(crate) ask: Option<PathBuf>,
    /// Where it is written how often each block was executed.
    pub(crate) profile: Option<PathBuf>,
    /// Code that waits: it does not count.
    pub(crate) idle: Range<u64>,
}

impl Options {
    /// Reads `out=PATH`, `grain=block|instruction`, `mmio=off|on`, `ask=PATH`, `profile=PATH` and `idle=START-END` (hexadecimal addresses, without END
    /// itself); the error is the offending word.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut out, mut ask, mut profile, mut idle) = (None, None, None, 0..0);
        let (mut grain, mut mmio) = (Grain::Block, Mmio::Ignored);
        let address = |text: &str| u64::from_str_radix(text, 16).ok();
        for word in words {
            let unknown = || format!("unknown option '{word}'");
            match word.split_once('=') {
                Some(("out", path)) => out = Some(PathBuf::from(path)),
                Some(("grain", "block")) => grain = Grain::Block,
                Some(("grain", "instruction")) => grain = Grain::Instruction,
                Some(("mmio", "off")) => mmio = Mmio::Ignored,
                Some(("mmio", "on")) => mmio = Mmio::Counted,
                Some(("ask", path)) => ask = Some(PathBuf::from(path)),
                Some(("profile", path)) => profile = Some(PathBuf::from(path)),
                Some(("idle", range)) => {
                    let (start, end) = range.split_once('-').ok_or_else(unknown)?;
                    idle = address(start)
                        .zip(address(end))
                        .map(|(start, end)| start..end)
                        .ok_or_else(unknown)?;
                }
                _ => return Err(unknown()),
            }
        }
        Ok(Self { out: out.ok_or("out=PATH is missing")?, grain, mmio, ask, profile, idle })
    }
}
