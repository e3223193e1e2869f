//! Whether two CPUs' time stamp counters can serve as one clock.
//!
//! The home CPU reads its TSC, asks the remote CPU for its own, and reads again when the answer is there. A remote
//! value outside the two home reads proves that time would run backwards for somebody who moves between the CPUs;
//! a value inside proves nothing by itself, which is why many exchanges are made and the bounds intersected.

/// One question and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Home TSC before the question.
    pub before: u64,
    /// Remote TSC when it answered.
    pub remote: u64,
    /// Home TSC after the answer arrived.
    pub after: u64,
}

/// What a series of exchanges shows about one pair of CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// By how many ticks time was seen to go back; 0 if never. Only 0 makes the TSC a clock for both CPUs without
    /// correction.
    pub max_backward_ticks: u64,
    /// The remote counter's lead over the home one is at least this.
    pub least_lead: i64,
    /// The remote counter's lead over the home one is at most this. Less than [`least_lead`](Self::least_lead) if
    /// the counters run at different speeds.
    pub most_lead: i64,
}

impl Skew {
    /// Judges a series; `None` if it has no usable exchange (the home counter itself went back in all of them).
    #[must_use]
    pub fn evaluate(exchanges: impl IntoIterator<Item = Exchange>) -> Option<Self> {
        exchanges.into_iter().filter(|exchange| exchange.before <= exchange.after).map(Self::of).reduce(
            |all, one| Self {
                max_backward_ticks: all.max_backward_ticks.max(one.max_backward_ticks),
                least_lead: all.least_lead.max(one.least_lead),
                most_lead: all.most_lead.min(one.most_lead),
            },
        )
    }

    fn of(exchange: Exchange) -> Self {
        let Exchange { before, remote, after } = exchange;
        Self {
            max_backward_ticks: before.saturating_sub(remote).max(remote.saturating_sub(after)),
            least_lead: difference(remote, after),
            most_lead: difference(remote, before),
        }
    }

    /// What to add to the remote counter so that it agrees with the home one as well as the exchanges can tell.
    #[must_use]
    pub fn correction(&self) -> i64 {
        let middle = (i128::from(self.least_lead) + i128::from(self.most_lead)) / 2;
        i64::try_from(-middle).unwrap_or(i64::MAX)
    }
}

/// `a - b`, saturated.
fn difference(a: u64, b: u64) -> i64 {
    let exact = i128::from(a) - i128::from(b);
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}
