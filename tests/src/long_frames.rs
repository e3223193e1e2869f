//! TCP from the host's kernel into the guest, over TAP: it hands over frames of up to 64 KiB to who says that they are welcome.
//!
//! The guest's `net-stream` judges each frame and each byte, and what it acknowledges the host's kernel judges: a connection that ends as it should has
//! had all its data taken.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Ending, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, bail, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;
use crate::wire;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "long-frames.virtio-net",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: |context| streams(context, "net-stream net0 0", 0),
    },
    SystemTest {
        name: "long-frames.virtio-net-under-changes",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(20),
        run: |context| {
            streams(context, "swap-cycle net0 20 swap net-stream virtio-net-polling virtio-net", 20)
        },
    },
];

/// What is written at a time, how often for each connection, and the pause after it, so that drivers are changed meanwhile.
const PIECE: usize = 256 << 10;
const PIECES: usize = 24;
const PAUSE: Duration = Duration::from_millis(25);
/// Where the guest is said to be.
const GUESTS: [&str; 2] = ["10.0.0.2:7", "[fd00::2]:7"];
/// The guest boots, and the host is busy.
const PATIENCE: Duration = Duration::from_secs(180);

fn streams(context: &Context<'_>, commands: &str, changes: u32) -> anyhow::Result<()> {
    if !wire::has_taps() {
        eprintln!("no TAP here: nothing that is longer than a frame comes");
        return Ok(());
    }
    let commands = format!("{commands} && drvctl info net0");
    // A thread of its own, which leaves the host's network.
    let (seen, sent) = thread::scope(|scope| {
        let judged = scope.spawn(|| -> anyhow::Result<_> {
            wire::to_host()?;
            let net = Net::Tap("guest".to_owned());
            let spec = Spec {
                cpus: 2,
                memory_mib: 256,
                nic: Nic::VirtioNet,
                net,
                ..guest::user_spec(context, "boot")
            };
            Ok(thread::scope(|scope| {
                let sent = scope.spawn(|| GUESTS.iter().try_for_each(|guest| send(guest)));
                let seen = guest::run(&spec, &commands);
                (seen, sent.join().unwrap_or_else(|_| Err(anyhow!("the sender panicked"))))
            }))
        });
        judged.join().unwrap_or_else(|_| Err(anyhow!("the test panicked")))
    })?;
    let seen = seen?;
    let printed = seen.printed();
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    sent.with_context(|| printed.to_string())?;
    let line = printed.lines().find_map(|line| line.strip_prefix("net-stream: ")).context("no line")?;
    let numbers: Vec<usize> =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [bytes, _, coalesced, parts, longest, ..] = numbers[..] else { bail!("{line}") };
    ensure!(bytes == GUESTS.len() * PIECES * PIECE, "not all data: {line}");
    // However busy the host is: its kernel makes them longer than this as soon as the first bytes are acknowledged.
    ensure!(coalesced > 0 && parts > coalesced && longest > 16_000, "no long frames: {line}");
    ensure!(changes == 0 || printed.contains(" 0 failed, pause"), "{printed}");
    Ok(())
}

/// A connection's data, each byte by its place as `userland/frame-echo` has it. The guest takes all of it and says so.
fn send(guest: &str) -> anyhow::Result<()> {
    let guest: SocketAddr = guest.parse()?;
    let begin = Instant::now();
    let mut stream = loop {
        match TcpStream::connect_timeout(&guest, Duration::from_secs(5)) {
            Ok(stream) => break stream,
            Err(error) => ensure!(begin.elapsed() < PATIENCE, "no connection: {error}"),
        }
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let byte = |at: u32| (at.wrapping_mul(31) ^ (at / 251)) as u8;
    for piece in 0..PIECES {
        let bytes: Vec<u8> = (0..PIECE).map(|at| byte((piece * PIECE + at) as u32)).collect();
        stream.write_all(&bytes).context("the guest takes no more")?;
        thread::sleep(PAUSE);
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    let answered = stream.read(&mut [0]).context("the guest has not taken all")?;
    ensure!(answered == 0, "data from the guest");
    Ok(())
}
