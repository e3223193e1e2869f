//! `cargo xtask demo`: a web server in a guest serves files from a FAT32 disk, under load from the host, while the drivers of its network card and of the disk are replaced again and
//! again.
//!
//! All that comes is verified; where the host has wrk, that is a client beside ours. A live line says how it goes, and a page with a plot is left behind, with every swap marked in it.

mod live;
mod options;
mod report;
mod script;

use std::fs;
use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Console, ControlLine, Emulator, Event, Limits, Machine, Net, Spec};
use anyhow::{Context as _, anyhow, bail, ensure};
use netpeer::client::{self, Load, Page, Reuse, Seen, Until};
use netpeer::network::{self, Dhcp, DhcpServer, HOST};
use netpeer::{Ports, Target};
use system_tests::disk_image::Files;

use crate::build::{self, Choice, KernelBuild, KernelVariant};
use crate::setup::{self, Part};
use live::{Swap, Timeline};
pub(crate) use options::Args;
use options::Scale;
use script::{Device, Note, Site};

/// The TAP, and who the guest is behind it.
const TAP: &str = "demo";
const GUEST: &str = "10.0.0.2";
const WEB: u16 = 80;
/// Sizes of the pages that are asked for in turn, if there is no disk.
const PAGES: [u32; 6] = [128, 1000, 4096, 16_384, 65_536, 1_048_576];
/// The guest boots, gets an address and starts the server, and the host may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a swap may go on after the load has ended.
const LAST_SWAP: Duration = Duration::from_secs(20);
/// How many times as long as it should it may take until there were as many swaps as there have to be.
const TIMES: u32 = 10;
const SAMPLE: Duration = Duration::from_millis(250);
/// How many files are fetched at a time before there is any load.
const AT_FIRST: usize = 4;

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(reason) = network::missing() {
        bail!("the demo needs a network of its own: {reason}");
    }
    let scale = args.scale()?;
    let emulator = if scale.emulator == Emulator::Bochs { Part::Bochs } else { Part::Qemu };
    setup::need(if emulator == Part::Bochs { &[Part::Bochs, Part::Image] } else { &[Part::Qemu] })?;
    let show = prepared(&scale)?;
    let with = if args.memory_pages { vec!["httpd-memory".to_owned()] } else { Vec::new() };
    let choice = Choice { with, ..Choice::for_network_tests() };
    let bootable = build::bootable(&KernelBuild::release(KernelVariant::Plain), &choice)?;
    let log = scale.folder.join("demo.log");
    let (ready, boot) = (PATIENCE * scale.slowness, scale.boot());
    let spec = Spec {
        emulator: scale.emulator,
        boot,
        cpus: scale.cpus,
        memory_mib: 512,
        nic: scale.nic.nic(),
        net: Net::Tap(TAP.to_owned()),
        disk: show.disk.clone(),
        console: Console::Quiet,
        log: Some(log.clone()),
        control: ControlLine::Both,
        cache: Some(build::target()),
        limits: Limits { ready, silence: Duration::from_secs(3600), total: None },
        ..Spec::new(&bootable.kernel, &bootable.archive)
    };
    let outcome = network::within(|| {
        network::plug(TAP, &HOST)?;
        let _dhcp = DhcpServer::start(Dhcp::of_host())?;
        show.run(&spec)
    });
    let outcome = outcome.with_context(|| format!("the guest's console is in {}", log.display()))?;
    let path = args.report.clone().unwrap_or_else(|| show.scale.folder.join("demo.html"));
    fs::write(&path, report::page(&outcome)).with_context(|| path.display().to_string())?;
    println!("{}", outcome.summary());
    for complaint in outcome.complaints() {
        println!("  {complaint}");
    }
    println!("report: {}", path.display());
    if !outcome.is_good() {
        return Ok(ExitCode::FAILURE);
    }
    // It is large, and follows from the seed.
    if let Some(disk) = &show.disk {
        let _ = fs::remove_file(disk);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be shown.
#[derive(Debug)]
struct Show {
    scale: Scale,
    /// What is asked for.
    pages: Vec<Page>,
    disk: Option<PathBuf>,
    /// What the guest runs.
    line: String,
    /// Whose drivers are swapped.
    devices: Vec<Device>,
    title: String,
}

/// Makes the disk, if there is to be one.
fn prepared(scale: &Scale) -> anyhow::Result<Show> {
    let [other, usual] = scale.nic.drivers().map(|driver| (Device::Net, driver));
    let place = if scale.emulator == Emulator::Bochs { " in Bochs" } else { "" };
    let wrk = if scale.uses_wrk { ", most of them of wrk" } else { "" };
    let (cpus, connections) = (scale.cpus, scale.connections);
    let common = format!("{}{place} on {cpus} CPUs, {connections} connections{wrk}", usual.1);
    let (every, scale) = (scale.every, scale.clone());
    if !scale.has_disk {
        return Ok(Show {
            scale,
            pages: PAGES.into_iter().map(Page::pattern).collect(),
            disk: None,
            line: script::line(Site::Memory, &[other, usual], every),
            devices: vec![Device::Net],
            title: format!("{common}, pages of {} to {} bytes", PAGES[0], PAGES[PAGES.len() - 1]),
        });
    }
    let disk = scale.folder.join("demo.disk");
    let Files { count, seed, largest, .. } = scale.files;
    let pages = scale.files.image(&disk).context("the disk")?;
    let size = |page: &Page| page.size;
    let (sum, least) =
        (pages.iter().map(size).sum::<u64>(), pages.iter().map(size).min().unwrap_or_default());
    let of_disk = format!("{count} files of {least} to {largest} bytes, {sum} together, --seed {seed}");
    println!("disk: FAT32, {of_disk}");
    let of_disk_driver = match scale.emulator {
        Emulator::Qemu => (Device::Disk, "virtio-blk"),
        Emulator::Bochs => (Device::AtaDisk, "ata"),
    };
    let site = Site::Disk(of_disk_driver.0);
    // One of each in that time.
    let every = every / 2;
    Ok(Show {
        scale,
        pages,
        disk: Some(disk),
        line: script::line(site, &[other, of_disk_driver, usual, of_disk_driver], every),
        devices: vec![Device::Net, of_disk_driver.0],
        title: format!("{common}, {of_disk}"),
    })
}

/// What there was to see.
#[derive(Debug)]
struct Outcome {
    title: String,
    clients: Vec<Client>,
    timeline: Timeline,
    /// Whose drivers were to be swapped.
    devices: Vec<Device>,
    /// How often at least.
    swaps_wanted: usize,
    /// What was said of swaps that came to nothing.
    swaps_failed: Vec<String>,
}

/// What a client has seen.
#[derive(Debug)]
struct Client {
    name: &'static str,
    /// What its requests are.
    unit: &'static str,
    verdict: netpeer::Verdict,
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.complaints().next().is_none()
    }

    /// All that was not right.
    fn complaints(&self) -> impl Iterator<Item = String> {
        let swaps = self.devices.iter().map(|device| (device.name(), self.timeline.swaps_of(*device)));
        let few = swaps.filter(|(_, count)| *count < self.swaps_wanted);
        let few = few.map(|(name, count)| {
            format!("the driver of {name} was swapped {count} times and not {}", self.swaps_wanted)
        });
        let of_clients = self.clients.iter().flat_map(|client| client.verdict.complaints());
        of_clients.chain(&self.swaps_failed).cloned().chain(few)
    }

    fn summary(&self) -> String {
        let figure =
            |name| -> f64 { self.clients.iter().filter_map(|client| client.verdict.figure(name)).sum() };
        let each = self.devices.iter().map(|device| {
            let count = self.timeline.swaps_of(*device);
            let pause = self.timeline.longest_pause(*device).as_secs_f64() * 1e3;
            format!("{count} of {}, longest pause {pause:.1} ms", device.name())
        });
        format!(
            "{} requests, {:.0} a second, {:.1} MB/s; {} failed or wrong; {} swaps ({}), {} of them failed",
            figure("requests"),
            figure("per_s"),
            figure("mb_per_s"),
            figure("failed"),
            self.timeline.swaps.len(),
            each.collect::<Vec<_>>().join("; "),
            self.swaps_failed.len()
        )
    }
}

impl Show {
    /// Boots the guest, has it swap under load, and ends it, whatever happens.
    fn run(&self, spec: &Spec) -> anyhow::Result<Outcome> {
        let mut machine = Machine::start(spec)?;
        let (courier, told) = machine.courier();
        let (noted, notes) = channel();
        let is_over = &AtomicBool::new(false);
        thread::scope(|scope| {
            let judged = scope.spawn(move || {
                let outcome = self.judge(&notes);
                is_over.store(true, Ordering::Relaxed);
                outcome
            });
            scope.spawn(move || script::run(courier, &self.line, &noted));
            // What the guest says is passed on to whoever asks it something.
            let mut ended = None;
            while !is_over.load(Ordering::Relaxed) {
                if let Some(event) = machine.next_event(Duration::from_millis(100)) {
                    told.tell(&event);
                    if let Event::Ended { code } = event {
                        ended = Some(code);
                        break;
                    }
                }
            }
            // Nothing more is to be expected: so the line ends, too.
            drop(told);
            let outcome = judged.join().map_err(|_| anyhow!("the judge panicked"))?;
            match ended {
                Some(code) => Err(anyhow!("the guest ended by itself: {code:?}")),
                None => outcome,
            }
        })
    }

    fn judge(&self, notes: &Receiver<(Instant, Note)>) -> anyhow::Result<Outcome> {
        let scale = &self.scale;
        let target = Target::new(GUEST.parse()?);
        let ports = Ports { close: WEB, ..Ports::STANDARD };
        let target = Target { ports, patience: target.patience * scale.slowness, ..target };
        println!("booting; the guest is to answer at http://{GUEST}/");
        target
            .wait_until_up(PATIENCE * scale.slowness)
            .with_context(|| format!("the guest said: {}", said(notes)))?;
        // First each page once.
        let once = Load {
            port: WEB,
            connections: AT_FIRST,
            reuse: Reuse::Stay,
            until: Until::Requests(self.pages.len() as u64),
            pages: self.pages.clone(),
        };
        let first =
            client::http(&target, &once, &Seen::default()).expect_good().context("before any load")?;
        let count = first.figure("requests").unwrap_or_default();
        ensure!(
            count == self.pages.len() as f64,
            "{count} of {} pages came before any load",
            self.pages.len()
        );
        println!("each of {count} pages came once and is right; now there is load, and swaps");
        // wrk looks at no byte: so ours has some connections in any case.
        let ours = if scale.uses_wrk { scale.connections.div_ceil(4) } else { scale.connections };
        let load = Load { connections: ours, until: Until::Time(scale.time * (TIMES + 1)), ..once };
        let others = Load { connections: (scale.connections - ours).max(1), ..load.clone() };
        let seen = [Seen::default(), Seen::default()];
        let begin = Instant::now();
        let is_loaded = AtomicBool::new(true);
        thread::scope(|scope| {
            let begun = scope.spawn(|| let_begin(PATIENCE * scale.slowness));
            let wrk = scale
                .uses_wrk
                .then(|| scope.spawn(|| client::wrk(&target, &others, &seen[1], &scale.folder)));
            let loader = scope.spawn(|| {
                let verdict = client::http(&target, &load, &seen[0]);
                is_loaded.store(false, Ordering::Relaxed);
                verdict
            });
            let (timeline, mut swaps_failed) = self.follow(begin, &seen, &is_loaded, notes);
            let verdict = loader.join().map_err(|_| anyhow!("the client panicked"))?;
            let unit = "requests, each verified: status, length, CRC-32";
            let mut clients = vec![Client { name: "netpeer http-load", unit, verdict }];
            if let Some(wrk) = wrk {
                let verdict = wrk.join().map_err(|_| anyhow!("wrk's caller panicked"))?;
                clients.push(Client {
                    name: "wrk",
                    unit: "requests; statuses and lengths are looked at",
                    verdict,
                });
            }
            if let Err(why) = begun.join().map_err(|_| anyhow!("the caller panicked"))? {
                swaps_failed.push(format!("the guest could not be told to begin: {why:#}"));
            }
            let (title, devices) = (self.title.clone(), self.devices.clone());
            Ok(Outcome { title, clients, timeline, devices, swaps_wanted: scale.swaps, swaps_failed })
        })
    }

    /// Looks at the figures now and then, and shows them, until the clients are done: that they are told when it is enough. Also what was said of swaps that came to nothing.
    fn follow(
        &self,
        begin: Instant,
        seen: &[Seen],
        goes_on: &AtomicBool,
        notes: &Receiver<(Instant, Note)>,
    ) -> (Timeline, Vec<String>) {
        let mut timeline = Timeline::default();
        let mut swaps = Swaps::default();
        let shows = std::io::stdout().is_terminal();
        let mut next = begin;
        let before = live::wire_bytes(TAP);
        while goes_on.load(Ordering::Relaxed) {
            next += SAMPLE;
            thread::sleep(next.saturating_duration_since(Instant::now()));
            notes
                .try_iter()
                .for_each(|(at, note)| swaps.note(&mut timeline, at.saturating_duration_since(begin), note));
            let bytes = live::wire_bytes(TAP).saturating_sub(before);
            timeline.sample(begin.elapsed(), seen, bytes);
            if self.is_enough(&timeline, begin.elapsed()) {
                seen.iter().for_each(|seen| seen.stop.store(true, Ordering::Relaxed));
            }
            if shows {
                eprint!("\r{}\x1b[K", timeline.line());
            }
        }
        if shows {
            eprintln!();
        }
        swaps.end(&mut timeline, begin, (notes, LAST_SWAP * self.scale.slowness));
        (timeline, swaps.failed)
    }

    /// The time is over, and there were as many swaps as there have to be. If those don't come, it is no more than so many times as long.
    fn is_enough(&self, timeline: &Timeline, elapsed: Duration) -> bool {
        let are_made = self.devices.iter().all(|device| timeline.swaps_of(*device) >= self.scale.swaps);
        elapsed >= self.scale.time && (are_made || elapsed >= self.scale.time * TIMES)
    }
}

/// Tells the guest that swaps may begin. Its shell may not listen yet when its server does.
fn let_begin(patience: Duration) -> anyhow::Result<()> {
    let at = SocketAddr::new(GUEST.parse()?, script::BEGIN);
    let begin = Instant::now();
    loop {
        match TcpStream::connect_timeout(&at, patience) {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > patience => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// What the guest has said so far.
fn said(notes: &Receiver<(Instant, Note)>) -> String {
    let lines = notes.try_iter().filter_map(|(_, note)| match note {
        Note::Said(line) => Some(line),
        Note::Over(how) => Some(format!("(its command line is over: {how})")),
        Note::Begins { .. } | Note::Ended(_) => None,
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// What has become of swaps.
#[derive(Debug, Default)]
struct Swaps {
    /// The one that is under way.
    current: Option<(Swap, String)>,
    failed: Vec<String>,
}

impl Swaps {
    fn note(&mut self, timeline: &mut Timeline, at: Duration, note: Note) {
        match note {
            Note::Begins { device, driver } => {
                self.current = Some((Swap { at, device, pause: None }, driver));
            }
            Note::Ended(how) => {
                let Some((swap, driver)) = self.current.take() else { return };
                let swap = Swap { pause: how.as_ref().ok().copied(), ..swap };
                timeline.swaps.push(swap);
                if let Err(why) = how {
                    self.fail(timeline, swap, &driver, &why);
                }
            }
            Note::Over(how) => self.failed.push(format!("the guest swaps no more: {how}")),
            // Over the live line, which comes anew.
            Note::Said(line) if std::io::stderr().is_terminal() => eprintln!("\r\x1b[Kguest: {line}"),
            Note::Said(line) => eprintln!("guest: {line}"),
        }
    }

    fn fail(&mut self, timeline: &Timeline, swap: Swap, driver: &str, why: &str) {
        let (number, seconds) = (timeline.swaps.len(), swap.at.as_secs_f64());
        self.failed
            .push(format!("swap {number} at {seconds:.1} s, of {} to {driver}: {why}", swap.device.name()));
    }

    /// One that is under way when the load ends is waited for; those that begin later are of no interest.
    fn end(
        &mut self,
        timeline: &mut Timeline,
        begin: Instant,
        (notes, last): (&Receiver<(Instant, Note)>, Duration),
    ) {
        let limit = Instant::now() + last;
        while self.current.is_some() {
            match notes.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok((at, note)) => self.note(timeline, at.saturating_duration_since(begin), note),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let Some((swap, driver)) = self.current.take() else { return };
                    timeline.swaps.push(swap);
                    self.fail(timeline, swap, &driver, "it does not end");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swaps_are_noted_and_one_without_an_end_fails() {
        let (mut timeline, mut swaps) = (Timeline::default(), Swaps::default());
        let (sender, notes) = channel();
        let begins = |device| Note::Begins { device, driver: "e1000".to_owned() };
        let at = Duration::from_secs;
        swaps.note(&mut timeline, at(1), begins(Device::Net));
        swaps.note(&mut timeline, at(2), Note::Ended(Ok(Duration::from_millis(2))));
        swaps.note(&mut timeline, at(3), begins(Device::Disk));
        swaps.note(&mut timeline, at(4), Note::Ended(Err("no".to_owned())));
        swaps.note(&mut timeline, at(5), begins(Device::Net));
        drop(sender);
        swaps.end(&mut timeline, Instant::now(), (&notes, LAST_SWAP));
        assert_eq!(timeline.longest_pause(Device::Net), Duration::from_millis(2));
        assert_eq!((timeline.swaps_of(Device::Net), timeline.swaps_of(Device::Disk)), (2, 1));
        assert_eq!(swaps.failed.len(), 2, "{:?}", swaps.failed);
        assert!(swaps.failed[0].contains("at 3.0 s, of blk0 to e1000: no"), "{:?}", swaps.failed);
    }
}
