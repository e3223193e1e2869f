//! `cargo xtask peer`: the rest of the network for a guest that was started with `cargo xtask run --datagrams`.

use std::ops::RangeInclusive;
use std::process::ExitCode;

use system_tests::peer::{Continue, LONGEST, Peer, Plan, Report, SHORTEST};

const EXAMPLES: &str = "\
Example, in two terminals:
  cargo xtask run --datagrams 5001:5002
  cargo xtask peer --guest 5001 --port 5002

Each frame has the ethertype 0x88b5, a number and a pattern. The guest is to send it back as it came, but with source and \
destination swapped. Exit status: 0 if each came back once, whole and in order; 1 if not; 2 if the guest never answered.";

/// Options of `cargo xtask peer`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The guest's UDP port on 127.0.0.1.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    guest: u16,
    /// The peer's own.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// How many frames to send.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    frames: u64,
    /// How many may be under way.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    window: u16,
    /// Bytes of a frame, or from least to most.
    #[arg(long, value_name = "BYTES", default_value = "60-1514", value_parser = sizes)]
    size: RangeInclusive<usize>,
    /// Frames may be lost or come twice, as when a driver is killed; what comes is to be whole.
    #[arg(long)]
    lossy: bool,
}

/// Reads `--size`.
fn sizes(text: &str) -> Result<RangeInclusive<usize>, String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if SHORTEST <= least && least <= most && most <= LONGEST => Ok(least..=most),
        _ => Err(format!("use sizes from {SHORTEST} to {LONGEST}, such as 60 or 60-1514")),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let plan = Plan { sizes: args.size.clone(), window: args.window.into(), ..Plan::new(args.frames) };
    let report = Peer::bind(args.port)?.run(args.guest, &plan, |_| Continue::Go)?;
    let judged = if args.lossy { report.expect_whole() } else { report.expect_perfect() };
    Ok(conclude(&report, judged))
}

/// Prints a report and what is wrong with it; the status to end with.
pub(crate) fn conclude(report: &Report, judged: anyhow::Result<()>) -> ExitCode {
    println!("{report}");
    match judged {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_frames() {
        assert_eq!(sizes("60"), Ok(60..=60));
        assert_eq!(sizes("60-1514"), Ok(60..=1514));
        for wrong in ["", "59", "1515", "100-99", "60-", "-60", "a-b", "60-70-80"] {
            assert!(sizes(wrong).is_err(), "{wrong}");
        }
    }
}
