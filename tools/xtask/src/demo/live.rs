//! What is seen while it goes on: a line, and what the plot is made of.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use netpeer::client::Seen;

use super::script::Device;

/// The figures at some points in time, counted from the beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    pub(super) samples: Vec<Sample>,
    /// When drivers were swapped.
    pub(super) swaps: Vec<Swap>,
}

/// A driver was swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swap {
    /// When it began.
    pub(super) at: Duration,
    /// Whose.
    pub(super) device: Device,
    /// How long nothing was done for its clients, as the guest has measured it; nothing if it came to nothing.
    pub(super) pause: Option<Duration>,
}

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) failures: u64,
}

/// Between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) at: Duration,
    /// Requests a second.
    pub(super) requests: f64,
    /// MB a second.
    pub(super) megabytes: f64,
    pub(super) failures: u64,
}

impl Timeline {
    /// What clients have seen, and bytes that have come over the wire.
    pub(super) fn sample(&mut self, at: Duration, seen: &[Seen], bytes: u64) {
        let sum =
            |of: fn(&Seen) -> &AtomicU64| seen.iter().map(|seen| of(seen).load(Ordering::Relaxed)).sum();
        let (requests, failures) = (sum(|seen| &seen.requests), sum(|seen| &seen.failures));
        self.samples.push(Sample { at, requests, bytes, failures });
    }

    /// How many swaps there were of one's drivers.
    pub(super) fn swaps_of(&self, device: Device) -> usize {
        self.swaps.iter().filter(|swap| swap.device == device).count()
    }

    /// The longest pause of one's.
    pub(super) fn longest_pause(&self, device: Device) -> Duration {
        let pauses = self.swaps.iter().filter(|swap| swap.device == device).filter_map(|swap| swap.pause);
        pauses.max().unwrap_or_default()
    }

    /// What came between each look and the one before.
    pub(super) fn rates(&self) -> Vec<Rate> {
        let first = Sample::default();
        let before = [first].into_iter().chain(self.samples.iter().copied());
        let rate = |(before, now): (Sample, &Sample)| {
            let seconds = (now.at.saturating_sub(before.at)).as_secs_f64().max(1e-6);
            Rate {
                at: now.at,
                requests: (now.requests - before.requests) as f64 / seconds,
                megabytes: (now.bytes - before.bytes) as f64 / 1e6 / seconds,
                failures: now.failures - before.failures,
            }
        };
        before.zip(&self.samples).map(rate).collect()
    }

    /// For a terminal.
    pub(super) fn line(&self) -> String {
        let (rates, last) = (self.rates(), self.samples.last().copied().unwrap_or_default());
        // The last second.
        let recent = &rates[rates.len().saturating_sub(4)..];
        let mean = |of: fn(&Rate) -> f64| recent.iter().map(of).sum::<f64>() / recent.len().max(1) as f64;
        format!(
            "{:5.1} s  {:6.0} requests/s  {:6.1} MB/s  {} swaps  {} errors",
            last.at.as_secs_f64(),
            mean(|rate| rate.requests),
            mean(|rate| rate.megabytes),
            self.swaps.len(),
            last.failures
        )
    }
}

/// Bytes of frames that have come out of an interface of this network, as its kernel counts them; 0 if it does not say.
pub(super) fn wire_bytes(interface: &str) -> u64 {
    let all = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    let line = all.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between() {
        let sample =
            |at, requests, bytes| Sample { at: Duration::from_secs(at), requests, bytes, failures: 0 };
        let samples = vec![sample(1, 100, 1_000_000), sample(3, 500, 9_000_000)];
        let pause = Some(Duration::from_millis(3));
        let swap = Swap { at: Duration::from_secs(2), device: Device::Net, pause };
        let timeline = Timeline { samples, swaps: vec![swap] };
        let rates: Vec<_> = timeline.rates().iter().map(|rate| (rate.requests, rate.megabytes)).collect();
        assert_eq!(rates, [(100.0, 1.0), (200.0, 4.0)]);
        assert_eq!(timeline.longest_pause(Device::Net), Duration::from_millis(3));
        assert_eq!(timeline.longest_pause(Device::Disk), Duration::ZERO);
        assert!(timeline.line().contains("1 swaps"), "{}", timeline.line());
    }
}
