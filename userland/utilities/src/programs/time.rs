//! `date`, `sleep`, `uptime`.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use anax::Error;
use anax::process::list;
use anax_calendar::{Date, SERVICE, WallClockClient};
use anax_system::Condition;
use utilities::{Options, duration, seconds};

use crate::{Done, Stop, out, usage};

pub(super) const DATE: &str = "\
Prints the date and the time, UTC.

  date [-d @SECONDS] [+FORMAT]

-d of so many seconds since 1970 began, instead of now. FORMAT: %Y %m %d %H %M %S %y %e %j %b %a %F %T %s %Z %n %t %%.
";

const FORMAT: &str = "%a %b %e %T UTC %Y";

pub(super) fn date(words: &[String]) -> Done {
    let options = Options::of(words, "ud:")?;
    let at = match options.value('d') {
        Some(text) => text
            .strip_prefix('@')
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Stop::Usage(format!("'{text}' is no time, as @86400 is")))?,
        None => {
            let mut clock: WallClockClient<_> = anax::client(SERVICE)?;
            let now = clock.now().map_err(|error| match error {
                Error::BadArgument => Stop::Failed("the machine's clock says no time".into()),
                other => other.into(),
            })?;
            now / 1_000_000_000
        }
    };
    let format = match &options.words[..] {
        [] => FORMAT,
        [format] if format.starts_with('+') => &format[1..],
        _ => return usage("[-d @SECONDS] [+FORMAT]"),
    };
    let text = Date::of(at).format(format).map_err(|wrong| Stop::Usage(wrong.to_string()))?;
    out(format!("{text}\n").as_bytes())?;
    Ok(0)
}

pub(super) const SLEEP: &str = "\
Waits.

  sleep TIME...

TIME is a number of seconds, with a fraction or without, or of minutes, hours, days: 0.5, 2m, 1h, 1d. Several are added.
";

pub(super) fn sleep(words: &[String]) -> Done {
    if words.is_empty() {
        return usage("TIME...");
    }
    let mut all = Duration::ZERO;
    for word in words {
        let time = seconds(word).ok_or_else(|| Stop::Usage(format!("'{word}' is no time")))?;
        all = all.saturating_add(time);
    }
    anax::time::sleep(all);
    Ok(0)
}

pub(super) const UPTIME: &str = "\
Shows how long the machine has run, and how many programs run.

  uptime
";

pub(super) fn uptime(words: &[String]) -> Done {
    if !words.is_empty() {
        return usage("");
    }
    let up = Duration::from_nanos(anax::time::now().nanoseconds());
    let all = list()?;
    let runs = all.iter().filter(|report| report.condition == Condition::Runs).count();
    let busy: u64 = all.iter().map(|report| report.time_ns).sum();
    let text = format!(
        "up {}, {runs} programs, which had the CPU for {}\n",
        duration(up),
        duration(Duration::from_nanos(busy))
    );
    out(text.as_bytes())?;
    Ok(0)
}
