//! A cable that is pulled and put in again, by QEMU's machine protocol: a client that has asked for it is told, by whichever driver.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anax_vm::{Ending, Event, Nic, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

const fn test(name: &'static str, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest { name, tier: Tier::Plain, needs: &[], processors: 2, estimate: Duration::from_secs(8), run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("links.virtio-net", |context| links(context, Nic::VirtioNet, "")),
    test("links.virtio-net-polling", |context| {
        links(context, Nic::VirtioNet, "drvctl swap net0 virtio-net-polling && ")
    }),
    test("links.e1000", |context| links(context, Nic::E1000, "")),
    test("links.virtio-net-under-changes", |context| {
        under_changes(context, Nic::VirtioNet, "virtio-net-polling virtio-net")
    }),
    test("links.e1000-under-changes", |context| under_changes(context, Nic::E1000, "e1000")),
];

/// What `net-link` says.
const UP: &str = "net-link: up";
const DOWN: &str = "net-link: down";

/// Told as it is at first, then of each change.
fn links(context: &Context<'_>, nic: Nic, before: &str) -> anyhow::Result<()> {
    pulled(context, nic, &format!("{before}net-link net0 0 4 && drvctl info net0")).map(drop)
}

/// The same while drivers take each other's place all the time.
fn under_changes(context: &Context<'_>, nic: Nic, drivers: &str) -> anyhow::Result<()> {
    const CHANGES: u32 = 60;
    let printed = pulled(
        context,
        nic,
        &format!("swap-cycle net0 {CHANGES} swap net-link {drivers} && drvctl info net0"),
    )?;
    ensure!(printed.contains(" 0 failed, pause"), "{printed}");
    Ok(())
}

/// Runs `commands` in a guest whose cable is pulled when it says that the link is up, and put in again when it says that it is down; it says four
/// times how it is.
fn pulled(context: &Context<'_>, nic: Nic, commands: &str) -> anyhow::Result<String> {
    // A socket's path is short, and tests run at the same time.
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("anax-link-{}-{run}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = (|| {
        let path = folder.join("qmp");
        let extra =
            vec!["-qmp".into(), OsString::from(format!("unix:{},server=on,wait=off", path.display()))];
        let spec = Spec { cpus: 2, memory_mib: 256, nic, extra, ..guest::user_spec(context, "boot") };
        let (mut printed, mut told, mut failed) = (String::new(), 0, None);
        let mut monitor = None;
        let seen = guest::run_observed(&spec, commands, |event| {
            if let Event::Output { bytes, .. } = event {
                printed.push_str(&String::from_utf8_lossy(bytes));
            }
            let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("net-link: ")).collect();
            while told < lines.len() && printed.ends_with('\n') {
                told += 1;
                let is_up = lines[told - 1] == UP;
                // The last one stays as it is.
                if told < 4
                    && let Err(error) = set_link(&mut monitor, &path, !is_up)
                {
                    failed.get_or_insert(error);
                }
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
        let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("net-link: ")).collect();
        ensure!(lines == [UP, DOWN, UP, DOWN], "told: {printed}");
        ensure!(printed.contains("link       down"), "no word of it: {printed}");
        Ok(printed)
    })();
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

/// Pulls the cable, or puts it in.
fn set_link(monitor: &mut Option<BufReader<UnixStream>>, path: &Path, up: bool) -> anyhow::Result<()> {
    if monitor.is_none() {
        let mut stream = BufReader::new(UnixStream::connect(path).context("QEMU's monitor")?);
        stream.get_ref().set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.read_line(&mut String::new())?;
        *monitor = Some(stream);
        ask(monitor, r#"{"execute":"qmp_capabilities"}"#)?;
    }
    ask(monitor, &format!(r#"{{"execute":"set_link","arguments":{{"name":"net","up":{up}}}}}"#))
}

fn ask(monitor: &mut Option<BufReader<UnixStream>>, question: &str) -> anyhow::Result<()> {
    let stream = monitor.as_mut().context("no monitor")?;
    writeln!(stream.get_mut(), "{question}")?;
    loop {
        let mut answer = String::new();
        ensure!(stream.read_line(&mut answer)? > 0, "the monitor is gone");
        // Whatever else happens is told in between.
        if answer.contains(r#""event""#) {
            continue;
        }
        ensure!(answer.contains(r#""return""#), "{question}: {answer}");
        return Ok(());
    }
}
