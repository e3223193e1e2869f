//! `cargo xtask demo` itself, at its full size with each card, and on the other emulator: a web server with a thousand files from a disk, whose drivers are replaced under load.
//!
//! The demo judges by itself: each file's bytes before any load, each response of its own client, wrk's account where the host has that, and each swap.

use std::fs::File;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::guests::test;
use crate::context::{Context, Need, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("web.demo", Tier::Long, 180, |context| full(context, "virtio-net")),
    test("web.demo-e1000", Tier::Long, 180, |context| full(context, "e1000")),
    SystemTest {
        needs: &[Need::Taps, Need::Bochs, Need::Grub],
        ..test("web.demo-on-bochs", Tier::Long, 300, |context| {
            demo(context, &["--emulator", "bochs", "--swaps", "3"])
        })
    },
];

/// It ends by itself before, whatever happens.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A thousand files of 512 MiB together, and half a minute of load with at least twenty swaps of each driver.
fn full(context: &Context<'_>, nic: &str) -> anyhow::Result<()> {
    let size = ["--files", "1000", "--bytes", "512M", "--largest", "64M"];
    demo(context, &[&size[..], &["--nic", nic, "--seconds", "30", "--swaps", "20"]].concat())
}

fn demo(context: &Context<'_>, options: &[&str]) -> anyhow::Result<()> {
    let folder = std::path::absolute(context.folder)?;
    let told = folder.join("told.txt");
    let out = File::create(&told)?;
    let mut child = Command::new(&context.artefacts.xtask)
        .current_dir(&context.artefacts.root)
        .arg("demo")
        .args(options)
        .arg("--folder")
        .arg(&folder)
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out)
        .spawn()
        .context("the demo does not start")?;
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > LONGEST {
            child.kill()?;
            child.wait()?;
            bail!("it does not end: {}", std::fs::read_to_string(&told)?);
        }
        thread::sleep(Duration::from_millis(100));
    };
    let told = std::fs::read_to_string(&told)?;
    // Its seed, and its figures.
    eprintln!("{told}");
    ensure!(status.success(), "{status}: {told}");
    ensure!(told.contains("; 0 failed or wrong; ") && told.contains(" 0 of them failed"), "{told}");
    let page = std::fs::read_to_string(folder.join("demo.html"))?;
    let marked = page.matches("class=\"swap net\"").count().min(page.matches("class=\"swap disk\"").count());
    ensure!(marked > 0, "no swaps are marked in the plot");
    Ok(())
}
