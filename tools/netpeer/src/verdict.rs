//! What a client has seen: figures, complaints, and one line of both that a program can read.

use std::fmt;
use std::time::Duration;

use anyhow::bail;

/// How many complaints are kept; more are counted.
const KEPT: usize = 20;

/// The outcome of one exercise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    figures: Vec<(&'static str, f64)>,
    complaints: Vec<String>,
    others: usize,
}

impl Verdict {
    pub(crate) fn with(mut self, name: &'static str, figure: impl Into<f64>) -> Self {
        self.figures.push((name, figure.into()));
        self
    }

    /// A number of things: exact below 2^53.
    pub(crate) fn count(self, name: &'static str, count: u64) -> Self {
        self.with(name, count as f64)
    }

    pub(crate) fn seconds(self, elapsed: Duration) -> Self {
        self.with("seconds", elapsed.as_secs_f64())
    }

    pub(crate) fn complain(&mut self, complaint: impl Into<String>) {
        if self.complaints.len() < KEPT {
            self.complaints.push(complaint.into());
        } else {
            self.others += 1;
        }
    }

    /// Median and 99th percentile of times, in microseconds.
    pub(crate) fn times(self, times: &mut [Duration]) -> Self {
        if times.is_empty() {
            return self;
        }
        times.sort_unstable();
        let micros = |at: usize| times[at].as_secs_f64() * 1e6;
        let (half, last) = (micros(times.len() / 2), micros(times.len() * 99 / 100));
        self.with("p50_us", half).with("p99_us", last)
    }

    /// A figure by its name.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, figure)| *figure)
    }

    /// What was wrong, the first few of it.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The verdict, if nothing was wrong.
    ///
    /// # Errors
    /// What was.
    pub fn expect_good(self) -> anyhow::Result<Self> {
        if !self.is_good() {
            bail!("{self}\n{}", self.complaints.join("\n"));
        }
        Ok(self)
    }
}

impl fmt::Display for Verdict {
    /// `netpeer: ok NAME NUMBER...`, or `netpeer: failed COMPLAINTS NAME NUMBER...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.complaints.len() + self.others {
            0 => write!(f, "netpeer: ok")?,
            wrong => write!(f, "netpeer: failed {wrong}")?,
        }
        for (name, figure) in &self.figures {
            if figure.fract() == 0.0 {
                write!(f, " {name} {figure:.0}")?;
            } else {
                write!(f, " {name} {figure:.3}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_programs() {
        let mut verdict = Verdict::default().count("streams", 64).seconds(Duration::from_millis(1234));
        assert_eq!(verdict.to_string(), "netpeer: ok streams 64 seconds 1.234");
        assert_eq!(verdict.figure("streams"), Some(64.0));
        for stream in 0..30 {
            verdict.complain(format!("stream {stream}"));
        }
        assert_eq!(verdict.to_string(), "netpeer: failed 30 streams 64 seconds 1.234");
        assert_eq!(verdict.complaints().len(), KEPT);
        assert!(verdict.expect_good().is_err_and(|error| error.to_string().contains("stream 0")));
    }
}
