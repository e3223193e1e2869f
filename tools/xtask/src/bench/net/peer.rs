//! `cargo xtask bench net --peer FOLDER`: the same client against a Linux guest in the same minutes, by turns.
//!
//! FOLDER has `vmlinuz` and `full.cpio`, whose init takes `nic=virtio gip=ADDRESS`, offers `peerd`'s services, prints `@READY` on its console, and runs lines
//! of its second serial line: `gt offload eth0 tso=0 ...` there switches off what the guest's stack would do for many segments at once. Nothing of it is a
//! part of this project, and where it is not there nothing is compared.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::BENCH_CPU;
use anyhow::{Context as _, ensure};
use netpeer::network;
use system_tests::{Artefacts, Context, Effort};

use super::exercises::{self, Exercise, Run};
use super::guest::{self, Guest, Kind, Offload};

/// Boots of each, by turns: this, that, that, this.
const PAIRS: usize = 2;
const WORDS: &str = "console=ttyS0 mitigations=off tsc=reliable quiet loglevel=0 nic=virtio blk=0 gip=";
/// As frames on a wire.
const NO_OFFLOAD: &str = "gt offload eth0 tso=0 gso=0 gro=0 tx=0 rx=0 sg=0\n";
const PATIENCE: Duration = Duration::from_secs(120);

/// Compares, and prints what came of it.
pub(in super::super) fn compare(artefacts: &Artefacts, logs: &Path, folder: &Path) -> anyhow::Result<()> {
    let files = ["vmlinuz", "full.cpio"].map(|name| folder.join(name));
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        println!("no Linux guest is measured: there is no {}", missing.display());
        return Ok(());
    }
    let context = Context { artefacts, folder: logs, effort: Effort::Long };
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let log = format!("beside-linux-{pair}");
        let kind = Kind { log: &log, cpus: 1, offload: Offload::None, plugin: &[], archive: None };
        let anax = || guest::within(&context, &kind, "", measure).map(|(run, _)| run);
        if pair % 2 == 0 {
            own.push(anax()?);
            theirs.push(linux(&context, &files)?);
        } else {
            theirs.push(linux(&context, &files)?);
            own.push(anax()?);
        }
    }
    print!("{}", table(&own, &theirs)?);
    Ok(())
}

fn measure(guest: &Guest) -> anyhow::Result<Run> {
    exercises::run(guest, &Exercise::ALL, Effort::Long)
}

/// Of each exercise, the mean of both, and the mean of what it was in each pair.
fn table(own: &[Run], theirs: &[Run]) -> anyhow::Result<String> {
    let mut text = format!(
        "{:12}  {:>12}  {:>12}  {:>6}  {:>12}  {:>12}  {:>6}\n",
        "", "instructions", "of Linux", "ratio", "a second", "of Linux", "ratio"
    );
    for exercise in Exercise::ALL {
        let mut sums = [0.0; 6];
        for (own, theirs) in own.iter().zip(theirs) {
            let (own, theirs) = (own.of(exercise)?, theirs.of(exercise)?);
            let [each, speed] = [[own.each(), theirs.each()], [own.per_second(), theirs.per_second()]];
            let all = [each[0], each[1], each[0] / each[1], speed[0], speed[1], speed[0] / speed[1]];
            sums.iter_mut().zip(all).for_each(|(sum, value)| *sum += value);
        }
        let [a, b, ratio, c, d, faster] = sums.map(|sum| sum / own.len().max(1) as f64);
        text += &format!(
            "{:12}  {a:12.0}  {b:12.0}  {ratio:6.2}  {c:12.1}  {d:12.1}  {faster:6.2}\n",
            format!("{exercise:?}")
        );
    }
    Ok(text)
}

/// Boots it and measures.
fn linux(context: &Context<'_>, files: &[std::path::PathBuf; 2]) -> anyhow::Result<Run> {
    let sockets = tempfile::Builder::new().prefix("anax-").tempdir()?;
    network::within(|| {
        guest::plug()?;
        let guest = Guest::new(sockets.path().join("counts"))?;
        let console = context.folder.join("linux.log");
        // What an earlier one said is no news.
        File::create(&console)?;
        let line = sockets.path().join("line");
        let mut emulator = Emulator(start(context, files, [&guest.socket, &line, &console])?);
        let begin = Instant::now();
        while !fs::read_to_string(&console).is_ok_and(|text| text.contains("@READY")) {
            ensure!(begin.elapsed() < PATIENCE, "Linux does not come up: {}", console.display());
            ensure!(emulator.0.try_wait()?.is_none(), "its emulator has ended: {}", console.display());
            thread::sleep(Duration::from_millis(100));
        }
        let mut line = UnixStream::connect(&line).context("its second serial line")?;
        line.write_all(NO_OFFLOAD.as_bytes())?;
        guest.target.wait_until_up(PATIENCE)?;
        measure(&guest).context("Linux")
    })
}

/// An emulator, which ends with this.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(
    context: &Context<'_>,
    [kernel, archive]: &[std::path::PathBuf; 2],
    [counts, line, console]: [&Path; 3],
) -> anyhow::Result<Child> {
    let out = context.folder.join("linux-counts");
    let plugin =
        format!("{},out={},ask={}", context.artefacts.plugin.display(), out.display(), counts.display());
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-M", "q35", "-cpu", BENCH_CPU, "-smp", "1", "-m", "512", "-accel", "tcg,thread=multi"]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    command.arg("-serial").arg(format!("file:{}", console.display()));
    command.arg("-serial").arg(format!("unix:{},server=on,wait=off", line.display()));
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(archive);
    command.args(["-append", &format!("{WORDS}{}", guest::GUEST)]);
    command
        .args(["-netdev", &format!("tap,id=net,ifname={},script=no,downscript=no,vnet_hdr=off", guest::TAP)]);
    command.args(["-device", "virtio-net-pci,netdev=net,romfile="]).args(["-plugin", &plugin]);
    let said = File::create(context.folder.join("linux-emulator.log"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().context("qemu-system-x86_64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let run = || Run { idle: 0.0, costs: Vec::new() };
        assert!(table(&[run()], &[run()]).is_err());
    }
}
