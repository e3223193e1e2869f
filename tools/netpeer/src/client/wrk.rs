//! Load by a client that is not ours, where the host has it: [wrk](https://github.com/wg/wrk). It reads statuses and lengths and looks at no byte, so it is to run beside
//! [`client::http`](super::http), which verifies all of them.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::http::{Load, Seen, Until, host};
use crate::{Target, Verdict};

/// Longer than any load: it is told when it is enough.
const LONGEST: &str = "1h";
/// How often is looked whether it is.
const ROUND: Duration = Duration::from_millis(20);
/// How long its end may take.
const LAST: Duration = Duration::from_secs(20);
/// Before what it has counted.
const SUM: &str = "sum:";

/// Whether this host has it.
#[must_use]
pub fn is_there() -> bool {
    Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Asks for the pages in turn, on connections that stay. `seen` counts requests as they begin, less those that are under way. Its script is put into `folder`.
///
/// Failed is what has another status than a good one, could not be read or written, or took longer than the target's patience.
pub fn wrk(target: &Target, load: &Load, seen: &Seen, folder: &Path) -> Verdict {
    let mut verdict = Verdict::default();
    match run(target, load, seen, folder) {
        Ok(sum) => sum.judge(),
        Err(error) => {
            verdict.complain(format!("wrk: {error:#}"));
            verdict
        }
    }
}

fn run(target: &Target, load: &Load, seen: &Seen, folder: &Path) -> anyhow::Result<Sum> {
    let script = folder.join("wrk.lua");
    fs::write(&script, text(load)).with_context(|| script.display().to_string())?;
    let connections = load.connections.to_string();
    let patience = format!("{}s", target.patience.as_secs().max(1));
    let mut child = Command::new("wrk")
        .args(["-t", "1", "-c", &connections, "-d", LONGEST, "--timeout", &patience, "-s"])
        .arg(&script)
        .arg(format!("http://{}:{}/", host(target.address), load.port))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("it does not start")?;
    let begin = Instant::now();
    let (Some(mut out), Some(err)) = (child.stdout.take(), child.stderr.take()) else { bail!("no pipes") };
    thread::scope(|scope| {
        let counter = scope.spawn(|| count(err, load.connections as u64, seen));
        let printed = scope.spawn(move || {
            let mut printed = String::new();
            out.read_to_string(&mut printed).map(|_| printed)
        });
        let ended = until_enough(&mut child, load, seen, begin);
        let printed = printed.join().map_err(|_| anyhow!("its reader panicked"))??;
        let said = counter.join().map_err(|_| anyhow!("its counter panicked"))?;
        ended.with_context(|| said.trim().to_owned())?;
        Sum::parse(&printed).with_context(|| format!("{} {}", said.trim(), printed.trim()))
    })
}

/// Lets it run until it is enough, and then tells it, as a person would by the keyboard.
fn until_enough(child: &mut Child, load: &Load, seen: &Seen, begin: Instant) -> anyhow::Result<()> {
    let is_enough = || {
        let is_over = match load.until {
            Until::Time(time) => begin.elapsed() >= time,
            Until::Requests(count) => seen.requests.load(Ordering::Relaxed) >= count,
        };
        is_over || seen.stop.load(Ordering::Relaxed)
    };
    while !is_enough() {
        if let Some(status) = child.try_wait()? {
            bail!("it ended by itself: {status}");
        }
        thread::sleep(ROUND);
    }
    let pid = Pid::from_raw(child.id().cast_signed()).context("no process")?;
    kill_process(pid, Signal::INT)?;
    let told = Instant::now();
    while told.elapsed() < LAST {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(ROUND);
    }
    child.kill()?;
    child.wait()?;
    bail!("it does not end")
}

/// Counts its points, one for each request that begins; what else it says.
fn count(mut from: ChildStderr, connections: u64, seen: &Seen) -> String {
    let (mut said, mut begun) = (String::new(), 0);
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let points = bytes[..length].iter().filter(|byte| **byte == b'.').count() as u64;
        let before = connections.max(begun);
        begun += points;
        // One of each connection is under way.
        seen.requests.fetch_add(begun.saturating_sub(before), Ordering::Relaxed);
        if points < length as u64 {
            said.extend(bytes[..length].iter().filter(|byte| **byte != b'.').map(|byte| char::from(*byte)));
        }
    }
    said
}

/// What it runs: Lua (its SCRIPTING file). The points go out at once; its sum is a line for this program.
fn text(load: &Load) -> String {
    let mut text = String::from("local pages = {\n");
    for page in &load.pages {
        let _ = writeln!(text, "  {:?},", page.path);
    }
    text.push_str(
        "}\nlocal at = 0\n\
         function request()\n  at = at % #pages + 1\n  io.stderr:write('.')\n  return wrk.format('GET', pages[at])\nend\n\
         function done(summary, latency)\n  local e = summary.errors\n",
    );
    let _ = writeln!(
        text,
        "  print(string.format('{SUM} %d %d %d %d %d %d %d %d %d %d', summary.requests, summary.bytes, summary.duration, \
         e.connect, e.read, e.write, e.status, e.timeout, latency:percentile(50), latency:percentile(99)))\nend"
    );
    text
}

/// What it has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    requests: u64,
    bytes: u64,
    micros: u64,
    /// To connect, to read, to write, wrong statuses, too late.
    errors: [u64; 5],
    /// Microseconds: half of all requests, 99 of 100.
    times: [u64; 2],
}

impl Sum {
    fn parse(printed: &str) -> anyhow::Result<Self> {
        let line = printed.lines().find_map(|line| line.strip_prefix(SUM)).context("it has no sum")?;
        let words: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [requests, bytes, micros, connect, read, write, status, timeout, half, last] = words[..] else {
            bail!("it is another sum: {line}")
        };
        let errors = [connect, read, write, status, timeout];
        Ok(Self { requests, bytes, micros, errors, times: [half, last] })
    }

    fn judge(self) -> Verdict {
        let mut verdict = Verdict::default();
        let kinds = ["connecting", "reading", "writing", "another status than a good one", "too late"];
        for (kind, count) in kinds.into_iter().zip(self.errors).filter(|(_, count)| *count > 0) {
            verdict.complain(format!("wrk: {kind}: {count} times"));
        }
        let seconds = Duration::from_micros(self.micros);
        let per_second = |amount: f64| amount / seconds.as_secs_f64().max(1e-9);
        verdict
            .count("requests", self.requests)
            .count("failed", self.errors.iter().sum())
            .count("bytes", self.bytes)
            .seconds(seconds)
            .with("per_s", per_second(self.requests as f64))
            .with("mb_per_s", per_second(self.bytes as f64 / 1e6))
            .count("p50_us", self.times[0])
            .count("p99_us", self.times[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let printed = "Running 1h test\n  2 requests in 1.00s\nsum: 20 3000 2000000 0 1 0 2 0 50 99\n";
        let verdict = Sum::parse(printed).unwrap().judge();
        assert_eq!(verdict.figure("per_s"), Some(10.0));
        assert_eq!((verdict.figure("failed"), verdict.complaints().len()), (Some(3.0), 2));
        assert!(Sum::parse("sum: 20\n").is_err() && Sum::parse("").is_err());
        assert!(Sum::parse("sum: 20 3000 2000000 0 0 0 0 0 50 99").unwrap().judge().is_good());
    }
}
