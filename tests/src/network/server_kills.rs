//! The network server itself is killed while programs have sockets: each is told that its peer has died, finds the next one by its name, and goes on. The work
//! is done by `userland/mishaps`.

use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Ending, Nic};
use anyhow::{Context as _, ensure};
use netpeer::Ports;
use netpeer::serve::Server;

use super::behind::{GUESTS, HOSTS, Plan, Servers, call_at, with_guest};
use super::guests::test;
use crate::context::{Context, Effort, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest { needs: &[], ..test("network.server-killed", Tier::Plain, 15, among_themselves) },
    test("network.server-killed-beside-host", Tier::Long, 60, beside_host),
    SystemTest { needs: &[], ..test("mishaps.net", Tier::Plain, 30, faults_and_hangs) }.sleepy(),
];

/// Who has sockets, and the names of what each says.
const LOADS: &str = "sockets,{} waits,{}";
const TALLIES: [&str; 5] = ["stream", "datagrams", "accept", "receive", "waits"];
/// How soon there is to be a new connection, by the guest's clock.
const SOON: Duration = Duration::from_secs(1);

/// A port where the guest waits for a call behind the kills: another one than where it waits for the next, so that none is taken for the other.
const OVER: u16 = 10;
/// How long all of that may take.
const LONGEST: Duration = Duration::from_secs(4 * 60);

const fn kills(effort: Effort) -> u64 {
    match effort {
        Effort::Quick | Effort::Plain => 5,
        Effort::Long => 20,
    }
}

fn commands(times: u64, how: &str, host: &str) -> String {
    format!("mishaps net {times} {how} {}", LOADS.replace("{}", host))
}

/// As all servers have them: `crate::mishaps`.
fn faults_and_hangs(context: &Context<'_>) -> anyhow::Result<()> {
    const TIMES: u32 = 100;
    // Ten in all in a plain run.
    let times = u64::from(context.effort.repetitions(TIMES)).div_ceil(2);
    let times = if context.effort == Effort::Long { TIMES.into() } else { times };
    for (cpus, how) in [(1, "fault"), (1, "hang"), (2, "fault"), (2, "hang")] {
        let mut spec = Plan::new(context, Nic::None, cpus).spec;
        spec.log = Some(context.folder.join(format!("{how}-{cpus}.log")));
        spec.limits.total = spec.limits.total.map(|total| total * times.div_ceil(10) as u32);
        let seen = guest::run(&spec, &commands(times, how, "127.0.0.1"))?;
        let told = String::from_utf8_lossy(&seen.result.out);
        let ending = &seen.result.ending;
        ensure!(*ending == Ending::Exited { status: 0 }, "{how} on {cpus} CPUs: {ending:?}: {told}");
    }
    Ok(())
}

/// With each other, over the loopback interface.
fn among_themselves(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let mut spec = Plan::new(context, Nic::None, cpus).spec;
        spec.log = Some(context.folder.join(format!("boot-{cpus}.log")));
        let seen = guest::run(&spec, &commands(kills(context.effort), "kill", "127.0.0.1"))?;
        let told = String::from_utf8_lossy(&seen.result.out);
        ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {told}", seen.result.ending);
        judge(&told, kills(context.effort)).with_context(|| told.clone().into_owned())?;
    }
    Ok(())
}

/// With the host, for which the card has to be had again and its address to be lent again.
fn beside_host(context: &Context<'_>) -> anyhow::Result<()> {
    let commands = commands(kills(context.effort), "kill", HOSTS[0]);
    let commands = format!("{commands} && echo all kills went well ; nc -l {OVER} ;");
    let plan = Plan { commands, servers: Servers::MayEnd, ..Plan::new(context, Nic::VirtioNet, 2) };
    let told = with_guest(context, plan, || {
        let _server = Server::start(Ports::STANDARD)?;
        let begin = Instant::now();
        while !call_at(GUESTS[0], OVER) {
            ensure!(begin.elapsed() < LONGEST, "the kills do not end");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    })?
    .told;
    ensure!(told.contains("\nall kills went well"), "{told}");
    judge(&told, kills(context.effort)).with_context(|| told.clone())
}

/// Each was told of each kill, was back each time, and most of the times soon. Time is the guest's, which stands still for nobody: a host that has other things
/// to do is allowed to be late sometimes.
fn judge(told: &str, kills: u64) -> anyhow::Result<()> {
    for name in TALLIES {
        let start = format!("mishap-sockets: {name} ");
        let line = told
            .lines()
            .find(|line| line.starts_with(&start))
            .with_context(|| format!("no word of {name}"))?;
        eprintln!("{line}");
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [died, back, median, _most] = numbers[..] else { anyhow::bail!("{line}") };
        ensure!(died == kills && back == kills, "{kills} kills: {line}");
        ensure!(Duration::from_micros(median) <= SOON, "it took longer than {SOON:?}: {line}");
    }
    Ok(())
}
