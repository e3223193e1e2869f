//! `cargo xtask swap`: drivers that were changed, or are new, go into a guest that a person uses, while a client is at work; and all that can be
//! wrong with them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::context::{Context, Need, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "swap-command.under-load",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(100),
        run: under_load,
    },
    SystemTest {
        name: "swap-command.what-starts-again",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(60),
        run: what_starts_again,
    },
    SystemTest {
        name: "swap-command.on-bochs",
        tier: Tier::Plain,
        needs: &[Need::Bochs, Need::Grub],
        processors: 1,
        estimate: Duration::from_secs(240),
        run: on_bochs,
    },
];

/// How long the console may be silent where something is awaited.
const PATIENCE: Duration = Duration::from_secs(400);

const PROMPT: &str = "anax> ";

/// A guest with a person at its console.
struct Guest<'a> {
    context: &'a Context<'a>,
    name: String,
    child: Child,
    keys: ChildStdin,
    shown: Receiver<String>,
    text: String,
    /// What of it nobody has looked at.
    unseen: String,
}

impl<'a> Guest<'a> {
    /// `cargo xtask run` with these options.
    fn start(context: &'a Context<'a>, options: &[&str]) -> anyhow::Result<Self> {
        // Nobody uses it; but two guests would want the same one.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port().to_string();
        let name = format!("test-{port}");
        let mut command = Command::new(&context.artefacts.xtask);
        command
            .current_dir(&context.artefacts.root)
            .args(["run", "--all", "--without", "net", "--name", &name])
            .args(options);
        command.env("ANAX_PORT", port).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (keys, mut screen) =
            (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
            }
        });
        let mut guest =
            Self { context, name, child, keys, shown, text: String::new(), unseen: String::new() };
        guest.until(PROMPT)?;
        Ok(guest)
    }

    /// What is shown up to and with the next `expected`.
    fn until(&mut self, expected: &str) -> anyhow::Result<String> {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.unseen.find(expected) {
                return Ok(self.unseen.drain(..place + expected.len()).collect());
            }
            let Ok(more) = self.shown.recv_timeout(limit.saturating_duration_since(Instant::now())) else {
                bail!("there is no {expected:?} on the console: {}", self.text);
            };
            self.text.push_str(&more);
            self.unseen.push_str(&more);
        }
    }

    fn begin(&mut self, line: &str) -> anyhow::Result<()> {
        self.keys.write_all(format!("{line}\r").as_bytes()).context("the guest has ended")
    }

    /// A line, and all that is shown until it is done.
    fn does(&mut self, line: &str) -> anyhow::Result<String> {
        self.begin(line)?;
        // The echo ends with the line.
        self.until("\r\n")?;
        self.until(PROMPT)
    }

    /// `cargo xtask swap`.
    fn swap(&self, words: &str) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.context.artefacts.xtask);
        command.current_dir(&self.context.artefacts.root).args(["swap", "--guest", &self.name]);
        Ok(command.args(words.split(' ')).stdin(Stdio::null()).output()?)
    }

    /// One that is to succeed.
    fn swaps(&self, words: &str) -> anyhow::Result<()> {
        self.says(words, 0, "swapped, pause ")
    }

    /// One that is to end with a status, and some words.
    fn says(&self, words: &str, status: i32, expected: &str) -> anyhow::Result<()> {
        let output = self.swap(words)?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(status) && said.contains(expected),
            "swap {words}: {} and not {status} {expected:?}: {said}\n{}",
            output.status,
            self.text
        );
        Ok(())
    }

    /// What the load says at the end is that it has lost nothing.
    fn account(&mut self) -> anyhow::Result<()> {
        let mut said = self.until("cycle: ")?;
        said += &self.until(PROMPT)?;
        let is_whole = [" 0 new epochs, ", " 0 failed, pause", "client 0x0, device works"];
        ensure!(is_whole.iter().all(|part| said.contains(part)), "something was lost: {said}");
        Ok(())
    }

    fn power_off(mut self) -> anyhow::Result<()> {
        self.begin("power-off")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}: {}", self.text);
        Ok(())
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::write(self.context.folder.join("console.log"), &self.text);
    }
}

/// A program as the build tool leaves it.
fn built(root: &Path, program: &str) -> PathBuf {
    root.join("target/programs/x86_64-unknown-linux-gnu/release").join(program)
}

/// One that the archive lacks, one that it has, and what is refused in between costs nothing.
fn under_load(context: &Context<'_>) -> anyhow::Result<()> {
    let mut guest = Guest::start(context, &["--without", "virtio-net-polling"])?;
    guest.begin("swap-cycle net0 2 watch load")?;
    guest.swaps("net0 virtio-net-polling")?;
    let text = context.folder.join("text");
    std::fs::write(&text, "no program")?;
    let other = built(&context.artefacts.root, "hello");
    for (words, status, expected) in [
        ("net9 virtio-net".into(), 1, "there is no such device"),
        (
            "net0 e1000".into(),
            1,
            "refused: the old driver goes on; the manifest of the new one does not name",
        ),
        ("serial0 virtio-net".into(), 1, "the device has no driver"),
        ("net0 hello".into(), 2, "hello is no driver"),
        ("net0 no-such-driver".into(), 2, "no-such-driver is no program; there are ata, "),
        ("../net0 virtio-net".into(), 2, "is no device's name"),
        (format!("net0 virtio-net --file {}", text.display()), 2, "no ELF file"),
        (format!("net0 virtio-net --file {}", other.display()), 1, "the new one ended, or hung"),
        // The host's own programs are ELF files, too.
        (
            "net0 virtio-net --file /bin/true".into(),
            1,
            "the file of the new one is no program for this system",
        ),
    ] {
        guest.says(&words, status, expected)?;
    }
    guest.swaps("net0 virtio-net")?;
    guest.account()?;
    let told = guest.does("drvctl history net0")?;
    let took_over = told.matches("took over, pause").count();
    ensure!(took_over == 2 && !told.contains(" ended with "), "{told}");
    let name = format!("--guest {}", guest.name);
    guest.power_off()?;
    let mut swap = Command::new(&context.artefacts.xtask);
    swap.current_dir(&context.artefacts.root).arg("swap").args(name.split(' ')).args(["net0", "virtio-net"]);
    let output = swap.output()?;
    ensure!(output.status.code() == Some(2), "there is a guest that has ended: {output:?}");
    Ok(())
}

/// After a driver's death, what was sent last starts again, also when the manager has died over it.
fn what_starts_again(context: &Context<'_>) -> anyhow::Result<()> {
    let mut guest = Guest::start(context, &["--without", "virtio-net-polling"])?;
    // A driver that was changed: that name, but one that waits for no interrupt.
    let changed = built(&context.artefacts.root, "virtio-net-polling");
    let interrupts = |guest: &mut Guest<'_>| -> anyhow::Result<u64> {
        let told = guest.does("swap-cycle net0 3 kill load; drvctl info net0")?;
        ensure!(told.contains("works      virtio-net "), "{told}");
        let count = told.lines().find_map(|line| line.trim().strip_prefix("interrupts "));
        count.and_then(|count| count.trim().parse().ok()).with_context(|| told.clone())
    };
    ensure!(interrupts(&mut guest)? > 0, "it is not by interrupts that this can be seen");
    guest.swaps(&format!("net0 virtio-net --file {}", changed.display()))?;
    ensure!(interrupts(&mut guest)? == 0, "another program was started again");
    guest.swaps("net0 virtio-net-polling")?;
    let told = guest.does(
        "kill devmgr; sleep 0.5; drvctl kill net0; sleep 0.5; drvctl kill net0; sleep 1; drvctl info net0",
    )?;
    ensure!(told.contains("works      virtio-net-polling "), "it is not started again: {told}");
    guest.power_off()
}

/// Both of Bochs's devices that have drivers.
fn on_bochs(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = context.folder.join("disk");
    std::fs::write(&disk, vec![0; 8 << 20])?;
    let disk = disk.to_str().context("a folder's name")?;
    let mut guest = Guest::start(context, &["--emulator", "bochs", "--smp", "1", "--disk", disk])?;
    // Frames leave at once there: that client never rests.
    for (device, driver) in [("net0", "e1000"), ("ata1", "ata")] {
        guest.begin(&format!("swap-cycle {device} 1 watch load"))?;
        guest.swaps(&format!("{device} {driver}"))?;
        guest.account()?;
    }
    guest.says("ata1 e1000", 1, "does not name this device")?;
    let told = guest.does("swap-cycle net0 2 kill load")?;
    ensure!(told.contains("2 times kill, 0 failed") && told.contains("client 0x0, device works"), "{told}");
    // Bochs has no status for a machine that was switched off.
    guest.begin("power-off")?;
    let _ = guest.child.wait()?;
    Ok(())
}
