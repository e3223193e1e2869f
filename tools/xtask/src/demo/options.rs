//! The command line of `cargo xtask demo`.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use anax_vm::{Boot, Emulator, Nic};
use anyhow::ensure;
use netpeer::client;
use system_tests::disk_image::Files;

use crate::build;

const EXAMPLES: &str = "\
Example, as root:
  cargo xtask demo
  cargo xtask demo --seconds 60 --connections 200 --nic e1000
  cargo xtask demo --files 1000 --bytes 512M --largest 64M
  cargo xtask demo --emulator bochs
  cargo xtask demo --memory-pages

Exit status: 0: no request failed, no byte was wrong and every swap was made. 1: something was not right, and is said. 2: the command line or the host is at fault.";

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where it runs.
    #[arg(long, value_name = "EMULATOR", default_value = "qemu")]
    emulator: Program,
    /// For how long [default: 30].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(3..=3600))]
    seconds: Option<u64>,
    /// Connections at a time [default: 64, on Bochs 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3000))]
    connections: Option<u16>,
    /// Milliseconds in which the driver of each device is replaced once, beside what that takes [default: 1000, on Bochs 4000].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(50..))]
    every: Option<u64>,
    /// Swaps of each device's driver that there have to be at least: it goes on until there were.
    #[arg(long, value_name = "N", default_value_t = 1)]
    swaps: usize,
    /// The network card [default: virtio-net, on Bochs e1000].
    #[arg(long, value_name = "CARD")]
    nic: Option<Card>,
    /// The guest's CPUs [default: 2, on Bochs 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    smp: Option<u32>,
    /// Files on the disk [default: 200, on Bochs 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    files: Option<u32>,
    /// Bytes of all files together, at most; K, M and G are units [default: 64M, on Bochs 512K].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    bytes: Option<u64>,
    /// Bytes of the largest file [default: 16M, on Bochs 128K].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    largest: Option<u64>,
    /// What sizes and bytes follow from [default: another one each time].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Pages that the server makes, and no disk.
    #[arg(long, conflicts_with_all = ["files", "bytes", "largest", "seed"])]
    pub(super) memory_pages: bool,
    /// No wrk beside the client that verifies all bytes.
    #[arg(long)]
    without_wrk: bool,
    /// The page that is left behind [default: demo.html in the folder].
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// For the disk, the guest's console and the page [default: target].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// What is to be done, with all that the command line leaves open.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) emulator: Emulator,
    pub(super) time: Duration,
    pub(super) connections: usize,
    pub(super) every: Duration,
    pub(super) swaps: usize,
    pub(super) nic: Card,
    pub(super) cpus: u32,
    pub(super) files: Files,
    pub(super) has_disk: bool,
    pub(super) uses_wrk: bool,
    pub(super) folder: PathBuf,
    /// How many times as long as on QEMU anything may take.
    pub(super) slowness: u32,
}

impl Args {
    pub(super) fn scale(&self) -> anyhow::Result<Scale> {
        let is_bochs = self.emulator == Program::Bochs;
        let pick =
            |given: Option<u64>, qemu: u64, bochs: u64| given.unwrap_or(if is_bochs { bochs } else { qemu });
        let nic = self.nic.unwrap_or(if is_bochs { Card::E1000 } else { Card::VirtioNet });
        ensure!(!is_bochs || nic == Card::E1000, "--nic: Bochs has no virtio-net: use --nic e1000");
        let files = Files {
            count: pick(self.files.map(u64::from), 200, 20) as usize,
            bytes: pick(self.bytes, 64 << 20, 512 << 10),
            largest: pick(self.largest, 16 << 20, 128 << 10),
            seed: self.seed.unwrap_or_else(|| UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u64)),
        };
        Ok(Scale {
            emulator: if is_bochs { Emulator::Bochs } else { Emulator::Qemu },
            time: Duration::from_secs(pick(self.seconds, 30, 30)),
            connections: pick(self.connections.map(u64::from), 64, 4) as usize,
            every: Duration::from_millis(pick(self.every, 1000, 4000)),
            swaps: self.swaps,
            nic,
            cpus: pick(self.smp.map(u64::from), 2, 1) as u32,
            files,
            has_disk: !self.memory_pages,
            uses_wrk: !self.without_wrk && client::has_wrk(),
            folder: self.folder.clone().unwrap_or_else(build::target),
            slowness: if is_bochs { 5 } else { 1 },
        })
    }
}

/// Values of `--emulator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Program {
    /// Fast; with KVM where it works
    Qemu,
    /// Slow and strict
    Bochs,
}

/// A number of bytes, in units of 1,024 each if it says so.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: Option<u64> = digits.parse().ok();
    // More than a FAT can hold is no use, and less than that does not overflow.
    number.filter(|number| *number <= (64 << 30) >> shift).map_or_else(
        || Err("not a number of bytes up to 64G, such as 65536, 64K or 16M".to_owned()),
        |number| Ok(number << shift),
    )
}

/// The cards that there are drivers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Card {
    VirtioNet,
    E1000,
}

impl Card {
    pub(super) const fn nic(self) -> Nic {
        match self {
            Self::VirtioNet => Nic::VirtioNet,
            Self::E1000 => Nic::E1000,
        }
    }

    /// The drivers that take turns.
    pub(super) const fn drivers(self) -> [&'static str; 2] {
        match self {
            Self::VirtioNet => ["virtio-net-polling", "virtio-net"],
            Self::E1000 => ["e1000", "e1000"],
        }
    }
}

impl Scale {
    pub(super) const fn boot(&self) -> Boot {
        match self.emulator {
            Emulator::Qemu => Boot::Pvh,
            Emulator::Bochs => Boot::Iso,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("100"), Ok(100));
        assert_eq!(bytes("64K"), Ok(65_536));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        for none in ["", "K", "-1", "65G", "1T", "99999999999999999999"] {
            assert!(bytes(none).is_err(), "{none}");
        }
    }
}
