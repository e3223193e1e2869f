//! One measured figure.

use count_format::Counts;

/// How a figure was counted, which decides how much it may grow unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// By the emulator's instruction counter: the same on every run.
    Icount,
    /// By the plugin: other CPUs and the host's timing have their part in it.
    Plugin,
    /// It depends on chance: who of many finds what together.
    Crowd,
    /// How long the host takes for a device is part of it: a tenth on an idle host of what it is on a busy one.
    Host,
    /// It is told and never judged by its baseline: the host's own speed is in it, or it is an experiment.
    Reported,
}

/// Which figures are the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Costs: the limit is a most.
    Less,
    /// What comes of them: the limit is a least.
    More,
}

impl Counted {
    /// By what factor a figure may exceed its baseline.
    pub(super) fn allowance(self) -> f64 {
        match self {
            Self::Icount => 1.01,
            Self::Plugin => 1.05,
            Self::Crowd => 1.25,
            Self::Host => 10.0,
            Self::Reported => f64::INFINITY,
        }
    }
}

/// One measured figure. Whoever makes a row has checked that the work it measures was done.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Group and name: `boot.entry_to_ready`.
    pub(crate) name: &'static str,
    /// The figure.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: &'static str,
    /// How it was counted.
    pub(crate) counted: Counted,
    /// Whether less of it is better.
    pub(crate) better: Better,
    /// The least and the most of the runs of which it is the median, where there were several.
    pub(crate) spread: Option<(f64, f64)>,
    /// The instructions that are dear on real hardware, where they were counted.
    pub(crate) expensive: Option<Counts>,
    /// More than this fails, or less where more is better.
    pub(crate) limit: Option<f64>,
    /// What to aim for.
    pub(crate) aim: Option<f64>,
    /// The same figure of the system to compare with.
    pub(crate) peer: Option<f64>,
}

impl Row {
    /// A cost of which nothing else is known.
    pub(crate) const fn new(name: &'static str, value: f64, unit: &'static str, counted: Counted) -> Self {
        let (better, spread, expensive) = (Better::Less, None, None);
        Self { name, value, unit, counted, better, spread, expensive, limit: None, aim: None, peer: None }
    }

    /// Whether it is worse than `bound`.
    pub(crate) fn is_worse_than(&self, bound: f64) -> bool {
        match self.better {
            Better::Less => self.value > bound,
            Better::More => self.value < bound,
        }
    }
}
