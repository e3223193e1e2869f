//! `cargo xtask swap`: builds a driver and lets it take another's place in a guest that runs.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anax_vm::{Errand, Guest, LOST, News, Stream, guests};
use anyhow::{Context as _, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::build;

const EXAMPLES: &str = "\
Example, in two terminals:
  cargo xtask run                        boot, with the console on this terminal
  cargo xtask swap net0 virtio-net       after a change in drivers/virtio-net/src

The driver is built, sent to the guest on its control line, and takes the device over while clients go on: they see a \
pause. It may be one that the guest's boot archive does not have. If it does not come up, or does not go on with what \
the old driver left, the old one goes on. From then on it is what starts again when the driver dies, until another \
takes its place or the machine is started anew. The guest lists its devices: drvctl list.

Exit status: 0: the new driver works. 1: it does not, for the reason that is printed. 2: the command line or the host \
is at fault, or no guest runs. 125: nobody knows what it came to.";

/// Options of `cargo xtask swap`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device, by its name in the guest, such as net0, blk0 or ata1.
    device: String,
    /// The driver: a program below drivers/.
    driver: String,
    /// The guest, by the name that `cargo xtask run` has printed, or was given with --name [default: the one that was
    /// started last].
    #[arg(long, value_name = "NAME")]
    guest: Option<String>,
    /// Build nothing, and send this ELF file as the driver.
    #[arg(long, value_name = "ELF")]
    file: Option<PathBuf>,
}

/// The folder where guests can be found.
pub(crate) fn folder() -> PathBuf {
    build::target().join("guests")
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        is_device(&args.device),
        "{:?} is no device's name: use one such as net0; `drvctl list` in the guest lists them",
        args.device
    );
    // Nothing is built for nobody.
    drop(choose(args.guest.as_deref())?);
    let (manifest, path) = build::driver(&args.driver, args.file.is_some())?;
    let path = args.file.as_ref().unwrap_or(&path);
    let elf = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = build::parcel(&manifest, elf).with_context(|| path.display().to_string())?;
    ensure!(
        u32::try_from(file.len()).is_ok_and(|bytes| bytes <= anax_control::MAX_FILE),
        "{}: {} bytes are too many: the guest takes {} at most",
        path.display(),
        file.len(),
        anax_control::MAX_FILE
    );
    let errand = Errand { commands: format!("drvctl swap-file {} {}", args.device, args.driver), file };
    // It may have ended meanwhile.
    send(choose(args.guest.as_deref())?, &errand)
}

fn is_device(name: &str) -> bool {
    let is_part_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=24).contains(&name.len()) && name.bytes().all(is_part_of_name)
}

/// The guest that is meant.
fn choose(name: Option<&str>) -> anyhow::Result<Guest> {
    let mut all = guests(&folder());
    let names: Vec<_> = all.iter().map(|guest| guest.name.clone()).collect();
    let Some(name) = name else {
        ensure!(
            !all.is_empty(),
            "no guest runs: start one in another terminal with `cargo xtask run` (one with --exec does not listen)"
        );
        if names.len() > 1 {
            eprintln!("guest {}, which was started last of {}", names[0], names.join(", "));
        }
        return Ok(all.remove(0));
    };
    match names.iter().position(|other| other == name) {
        Some(place) => Ok(all.remove(place)),
        None if all.is_empty() => {
            bail!("--guest {name}: no guest runs: start it with `cargo xtask run --name {name}`")
        }
        None => bail!("--guest {name}: there is none of that name; there are {}", names.join(", ")),
    }
}

/// Runs the errand and shows what becomes of it.
fn send(guest: Guest, errand: &Errand) -> anyhow::Result<ExitCode> {
    let progress = ProgressBar::new(errand.file.len() as u64);
    progress
        .set_style(ProgressStyle::with_template("sending {bar:30} {bytes} of {total_bytes} [{elapsed}]")?);
    let mut broken = None;
    let ended = guest.run(errand, &mut |news| match news {
        News::Waits => progress.println("the guest is still starting"),
        News::Sent(here, all) if here == all => progress.finish_and_clear(),
        News::Sent(here, _) => progress.set_position((*here).into()),
        News::Output(stream, bytes) => {
            let written = match stream {
                Stream::Out => std::io::stdout().write_all(bytes),
                Stream::Err => std::io::stderr().write_all(bytes),
            };
            broken = broken.take().or(written.err());
        }
        News::Done(_) | News::Failed(_) => {}
    });
    progress.finish_and_clear();
    if let Some(error) = broken {
        return Err(anyhow!(error)).context("cannot pass on what the guest says");
    }
    Ok(match ended {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::from(LOST)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        assert!(["net0", "ata1", "edu-device0"].into_iter().all(is_device));
        // Nothing else becomes a part of a command line.
        assert!(!["", "net0; power-off", "Net0", "a b", "../x", "'"].into_iter().any(is_device));
    }
}
