//! `top`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use anax::object::Machine;
use anax::process::list;
use anax::{Error, handle, handles};
use anax_system::{Condition, Report};
use utilities::{Options, duration, human, seconds, table};

use crate::{Done, Stop, out, usage};

pub(super) const TOP: &str = "\
Shows again and again who has the CPU, and who sends messages.

  top [-n TIMES] [-d TIME] [-b] [-l LINES]

2 seconds between two pictures, or TIME; for ever, or so many TIMES; -b one behind the other instead of over each
other; LINES of programs, 20 if nothing is said. Ctrl-C ends it.
";

const PAUSE: Duration = Duration::from_secs(2);
const LINES: usize = 20;

/// What there is at a time.
struct Picture {
    at: u64,
    all: Vec<Report>,
}

fn look() -> Result<Picture, Error> {
    Ok(Picture { at: anax::time::now().nanoseconds(), all: list()? })
}

pub(super) fn top(words: &[String]) -> Done {
    let options = Options::of(words, "n:d:bl:")?;
    if !options.words.is_empty() {
        return usage("[-n TIMES] [-d TIME] [-b] [-l LINES]");
    }
    let times: Option<u64> = options.number('n')?;
    let lines = options.number('l')?.unwrap_or(LINES);
    let pause = match options.value('d') {
        Some(text) => seconds(text).ok_or_else(|| Stop::Usage(format!("'{text}' is no time")))?,
        None => PAUSE,
    };
    let machine = Machine::from_handle(handle(handles::LOG).ok_or(Error::BadHandle)?);
    let mut before = Picture { at: 0, all: Vec::new() };
    let mut time = 0;
    loop {
        let now = look()?;
        let text = picture(&before, &now, machine, lines)?;
        let text = if options.has('b') { format!("{text}\n") } else { format!("\u{1b}[H\u{1b}[J{text}") };
        out(text.as_bytes())?;
        if anax::stdout().flush() == Err(Error::PeerDied) {
            return Err(Stop::Gone);
        }
        time += 1;
        if times.is_some_and(|times| time >= times) {
            return Ok(0);
        }
        before = now;
        anax::time::sleep(pause);
    }
}

fn picture(before: &Picture, now: &Picture, machine: Machine, lines: usize) -> Result<String, Error> {
    let cpus = machine.cpus()?;
    let (total, free) = machine.memory()?;
    let passed = (now.at - before.at).max(1);
    let earlier: BTreeMap<u64, &Report> = before.all.iter().map(|report| (report.process, report)).collect();
    let since = |report: &Report, of: fn(&Report) -> u64| {
        of(report).saturating_sub(earlier.get(&report.process).map_or(0, |earlier| of(earlier)))
    };
    let used = |report: &Report| since(report, |report| report.time_ns);
    let rate = |sent: u64| (u128::from(sent) * 1_000_000_000 / u128::from(passed)).to_string();
    let percent = |time: u64| format!("{}.{}", time * 100 / passed, time * 1000 / passed % 10);
    let mut all: Vec<&Report> = now.all.iter().filter(|report| report.condition == Condition::Runs).collect();
    all.sort_by_key(|report| core::cmp::Reverse((used(report), report.time_ns)));
    let busy: u64 = all.iter().map(|report| used(report)).sum();
    let handles: u64 = all.iter().map(|report| report.handles).sum();
    let threads: u64 = all.iter().map(|report| report.threads).sum();
    let sent = |report: &Report| since(report, |report| report.sent);
    let messages = rate(all.iter().map(|report| sent(report)).sum());
    let mut text = format!(
        "up {}, {cpus} CPUs, {} % of {} in use; memory {} of {} free\n\
         {} programs, {threads} threads, {handles} handles, {messages} messages a second\n\n",
        duration(Duration::from_nanos(now.at)),
        percent(busy),
        cpus * 100,
        human(free),
        human(total),
        all.len(),
    );
    let mut rows: Vec<Vec<String>> =
        [["-process", "program", "-threads", "-CPU %", "-messages/s", "-memory", "-handles", "-waiting"]
            .map(String::from)
            .to_vec()]
        .into();
    for report in all.into_iter().take(lines) {
        rows.push(
            [
                report.process.to_string(),
                report.name.clone(),
                report.threads.to_string(),
                percent(used(report)),
                rate(sent(report)),
                human(report.pages * 4096),
                report.handles.to_string(),
                report.waiting.to_string(),
            ]
            .to_vec(),
        );
    }
    text.push_str(&table(&rows));
    Ok(text)
}
