//! Shows how far a run is: a line that is redrawn on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::{Outcome, Verdict};

/// The display; shared by all that run jobs.
pub(crate) struct Progress {
    bar: ProgressBar,
    running: Mutex<Vec<String>>,
}

impl Progress {
    /// Results are printed on stdout; the line that is redrawn, if any, on stderr.
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        Self { bar, running: Mutex::default() }
    }

    /// A display that redraws nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { bar: ProgressBar::hidden(), running: Mutex::default() }
    }

    /// There are `total` steps in all.
    pub(crate) fn expect(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    /// Prints a line above the display.
    pub(crate) fn line(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    /// A step begins.
    pub(crate) fn started(&self, name: &str) {
        self.change(|running| running.push(name.to_owned()));
    }

    /// A step has ended, with these outcomes.
    pub(crate) fn ended(&self, name: &str, outcomes: &[Outcome]) {
        self.change(|running| running.retain(|other| other != name));
        self.bar.inc(1);
        for outcome in outcomes {
            self.line(&describe(outcome));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        self.bar.set_message(running.join(", "));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn describe(outcome: &Outcome) -> String {
    let mut line = match &outcome.verdict {
        Verdict::Passed => format!("ok       {}", outcome.name),
        Verdict::Failed(reason) => format!("FAILED   {}: {}", outcome.name, reason.trim_end()),
        // Whether it ran on another machine is known at the end only.
        Verdict::Skipped(reason) if outcome.kernel_test().is_some() => {
            format!("not here {}: {reason}", outcome.name)
        }
        Verdict::Skipped(reason) => format!("SKIPPED  {}: {reason}", outcome.name),
    };
    if outcome.took >= Duration::from_secs(1) {
        line += &format!(" ({} s)", outcome.took.as_secs());
    }
    line
}
