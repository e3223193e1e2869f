//! Every server but init, and every driver, is killed, faults and hangs again and again while clients go on: each of these gets what it asks for, or is
//! told that its peer has died, and nothing is lost over it. The work is done by `userland/mishaps`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anax_vm::{Chipset, Ending, Machine, Nic, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, Effort, SystemTest, Tier};
use crate::disk_files;
use crate::guest::{self, Seen};

const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    SystemTest { name, tier, needs: &[], processors: 2, estimate: Duration::from_secs(seconds), run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("mishaps.names", Tier::Quick, 10, |context| server(context, "names")),
    test("mishaps.loader", Tier::Plain, 70, |context| server(context, "loader")).sleepy(),
    test("mishaps.devmgr", Tier::Quick, 12, |context| server(context, "devmgr")),
    test("mishaps.disks", Tier::Plain, 45, disks).sleepy(),
    test("mishaps.serial", Tier::Quick, 12, serial),
    test("mishaps.control", Tier::Quick, 12, control),
    test("mishaps.visitor-count", Tier::Plain, 75, visitor_count).sleepy(),
    test("mishaps.virtio-net", Tier::Plain, 40, |context| net(context, Nic::VirtioNet, "virtio-net")),
    test("mishaps.virtio-net-polling", Tier::Plain, 40, |context| {
        net(context, Nic::VirtioNet, "virtio-net-polling")
    }),
    test("mishaps.e1000", Tier::Plain, 40, |context| net(context, Nic::E1000, "e1000")),
    test("mishaps.virtio-blk", Tier::Plain, 40, virtio_blk),
    test("mishaps.ata", Tier::Plain, 40, ata),
    test("mishaps.edu-device", Tier::Plain, 75, edu_device).sleepy(),
    test("mishaps.vfs", Tier::Plain, 45, |context| file_server(context, "vfs")).sleepy(),
    test("mishaps.tmpfs", Tier::Plain, 45, |context| file_server(context, "tmpfs")).sleepy(),
    test("mishaps.bootfs", Tier::Plain, 20, |context| file_server(context, "bootfs")).sleepy(),
    test("mishaps.devfs", Tier::Plain, 20, |context| file_server(context, "devfs")).sleepy(),
    test("mishaps.sysfs", Tier::Plain, 20, |context| file_server(context, "sysfs")).sleepy(),
    test("mishaps.rtc", Tier::Plain, 40, |context| server(context, "rtc")).sleepy(),
    test("mishaps.who-has-no-cpu-does-not-hang", Tier::Quick, 10, who_has_no_cpu_does_not_hang),
];

const HOWS: [&str; 3] = ["kill", "fault", "hang"];
const CPUS: [u32; 2] = [1, 2];
const DISK_BYTES: usize = 8 << 20;
/// Lines that are printed at most while the line's driver dies: far more than there is time for.
const LINES: u32 = 1_000_000;

/// How often each, on each number of CPUs: ten times in all, of the hundred that are stated, in a plain run.
const fn times(effort: Effort) -> u32 {
    match effort {
        Effort::Quick => 2,
        Effort::Plain => 5,
        Effort::Long => 100,
    }
}

fn spec(context: &Context<'_>, cpus: u32, how: &str) -> Spec {
    let spec = guest::user_spec(context, &format!("{how}-{cpus}"));
    let total = spec.limits.total.map(|total| total * times(context.effort).div_ceil(10));
    let limits = anax_vm::Limits { total, ..spec.limits };
    Spec { cpus, memory_mib: 256, limits, ..spec }
}

/// All three kinds, on one CPU and on two, each in a system of its own.
fn all(
    context: &Context<'_>,
    (machine, before): (impl Fn(Spec) -> Spec, &str),
    (program, loads): (&str, &str),
    judge: impl Fn(&Seen) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let times = times(context.effort);
    for cpus in CPUS {
        for how in HOWS {
            let spec = machine(spec(context, cpus, how));
            let commands = format!("{before}mishaps {program} {times} {how} {loads}");
            let seen = guest::run(&spec, &commands)?;
            let out = String::from_utf8_lossy(&seen.result.out);
            fs::write(context.folder.join(format!("{how}-{cpus}.out")), &seen.result.out)?;
            let said: Vec<_> =
                out.lines().filter(|line| line.contains("mishap") || line.contains("load:")).collect();
            let said = format!("{how} on {cpus} CPUs: {:?}: {}", seen.result.ending, said.join("\n"));
            ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{said}");
            judge(&seen).context(said)?;
        }
    }
    Ok(())
}

fn good(_: &Seen) -> anyhow::Result<()> {
    Ok(())
}

const HELLO: &str = "'run,hello from user mode,hello'";

fn server(context: &Context<'_>, program: &str) -> anyhow::Result<()> {
    let machine = |spec| Spec { nic: Nic::VirtioNet, ..spec };
    let loads = format!("names devices clock {HELLO}");
    all(context, (machine, ""), (program, &loads), good)
}

/// The VFS server, and those whose file systems every machine has: what was open is gone, and by their paths all clients go on.
fn file_server(context: &Context<'_>, program: &str) -> anyhow::Result<()> {
    let loads = "names files,/tmp/mishaps reads,/,/boot,/boot/kernel.sym reads,/sys,/sys/version reads,/dev,/dev/zero";
    all(context, (|spec| spec, ""), (program, loads), good)
}

/// The disk server dies under two file systems on one disk, which do not notice.
fn disks(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = disk_files::in_two(context)?;
    let machine = |spec| Spec { disk: Some(disk.clone()), ..spec };
    let before = "mkdir /one /two && mount fat blk0p1 /one && mount fat blk0p2 /two && ";
    all(context, (machine, before), ("disks", "names files,/one/mishaps files,/two/mishaps"), good)
}

/// Whatever is printed meanwhile arrives, once and in order.
fn serial(context: &Context<'_>) -> anyhow::Result<()> {
    let loads = format!("names devices print,{LINES}");
    all(context, (|spec| spec, ""), ("serial", &loads), |seen| {
        let out = String::from_utf8_lossy(&seen.result.out);
        let mut lines = out.lines().filter_map(|line| line.strip_prefix("line "));
        let whole = (0..).zip(&mut lines).take_while(|(number, line)| {
            *line == format!("{number} of what is printed while the line's driver dies")
        });
        let whole = whole.count();
        ensure!(whole > 0 && lines.next().is_none(), "only {whole} lines are whole and in order");
        Ok(())
    })
}

/// The host is told that its command line is lost, and gives the next one.
fn control(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in CPUS {
        for how in HOWS {
            let mut machine = Machine::start(&spec(context, cpus, how))?;
            let (mut before, mut last) = (None, String::new());
            for time in 0..times(context.effort) {
                let commands = format!("echo {time}; mishaps control 1 {how} names print,{LINES}");
                let result = machine.exec(&commands, &mut |_| {});
                let out = String::from_utf8_lossy(&result.out);
                ensure!(result.ending == Ending::Forgotten, "{how} {time}: {:?}: {out}", result.ending);
                ensure!(out.starts_with(&format!("{time}\n")), "{how} {time}: {out}");
                let has = out.lines().find(|line| line.starts_with("mishaps: control has"));
                last = has.with_context(|| format!("{how} {time}: {out}"))?.to_owned();
                if time >= 3 {
                    before.get_or_insert_with(|| last.clone());
                }
            }
            ensure!(before.is_none_or(|before| before == last), "accounts differ: {last}");
            let result = machine.exec("hello", &mut |_| {});
            let out = String::from_utf8_lossy(&result.out);
            ensure!(
                result.ending == Ending::Exited { status: 0 } && out == "hello from user mode\n",
                "{how}: {:?}: {out}",
                result.ending
            );
        }
    }
    Ok(())
}

/// A server as anybody writes it, with the policy that most have.
fn visitor_count(context: &Context<'_>) -> anyhow::Result<()> {
    let times = times(context.effort);
    // Each is a build of its own: one CPU is for long runs.
    let machines = if context.effort == Effort::Long { &CPUS[..] } else { &CPUS[1..] };
    for how in HOWS {
        for &cpus in machines {
            let commands =
                format!("mishaps visitor-count {times} {how} names run,number,visitor-count-client,1");
            let mut command = Command::new(&context.artefacts.xtask);
            command.current_dir(&context.artefacts.root).stdin(Stdio::null());
            command.args(["run", "--nic", "none", "--with", "visitor-count", "--smp", &cpus.to_string()]);
            let output = command.args(["--exec", &commands]).output()?;
            let out = String::from_utf8_lossy(&output.stdout);
            let err = String::from_utf8_lossy(&output.stderr);
            fs::write(context.folder.join(format!("{how}-{cpus}.log")), format!("{out}{err}"))?;
            ensure!(output.status.success(), "{how} on {cpus} CPUs: {}: {out}", output.status);
        }
    }
    Ok(())
}

fn net(context: &Context<'_>, nic: Nic, program: &str) -> anyhow::Result<()> {
    let before = format!("drvctl swap net0 {program} && ");
    all(context, (|spec| Spec { nic, ..spec }, &before), (program, "names devices net0"), good)
}

fn empty_disk(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(folder.join("disk"))?;
    fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn virtio_blk(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    let machine = |spec| Spec { disk: Some(disk.clone()), ..spec };
    all(context, (machine, ""), ("virtio-blk", "names devices blk0"), good)
}

fn ata(context: &Context<'_>) -> anyhow::Result<()> {
    let drive = format!("file={},if=ide,format=raw", empty_disk(context.folder)?.display());
    let extra = vec![OsString::from("-drive"), drive.into()];
    let machine = |spec| Spec { chipset: Chipset::Pc, extra: extra.clone(), ..spec };
    all(context, (machine, ""), ("ata", "names devices ata0"), good)
}

/// A driver with an interface of its own, which its clients find again by themselves.
fn edu_device(context: &Context<'_>) -> anyhow::Result<()> {
    let extra = ["-device", "edu"].map(OsString::from).to_vec();
    let machine = |spec| Spec { extra: extra.clone(), ..spec };
    all(context, (machine, ""), ("edu-device", "names devices run,120,edu-device-client,5"), good)
}

/// A server has work and no CPU for seconds, since somebody more urgent has it. It is not ended for that.
fn who_has_no_cpu_does_not_hang(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in CPUS {
        let seen = guest::run(&spec(context, cpus, "starved"), "mishap-hog")?;
        seen.expect_success("the server has answered\n").with_context(|| format!("on {cpus} CPUs"))?;
        ensure!(!seen.console().contains(" hangs"), "on {cpus} CPUs somebody was taken for hanging");
    }
    Ok(())
}
