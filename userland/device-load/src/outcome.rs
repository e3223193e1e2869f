//! What became of drivers that went wrong, counted by what was wrong.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use core::fmt;

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It did not come up.
    NotUp,
    /// A fault ended it.
    Faulted,
    /// It noticed by itself that it was wrong.
    Panicked,
    /// It ended: the device was past help.
    Ended,
    /// It had work and the CPU, and did not get on: init ended it.
    Hung,
    /// Its client caught it lying.
    Lied,
    /// Its client waited for it in vain.
    Silent,
    /// It noticed, and has reset its device.
    Reset,
    /// Nothing was to be seen.
    Works,
    /// Its client gets on, in time each time, but far more slowly.
    Slow,
    /// Its client waits in vain, and nobody has done anything.
    Unnoticed,
}

impl Outcome {
    const ALL: [(Self, &str); 11] = [
        (Self::NotUp, "not up"),
        (Self::Faulted, "fault"),
        (Self::Panicked, "panic"),
        (Self::Ended, "ended"),
        (Self::Hung, "hang"),
        (Self::Lied, "lied"),
        (Self::Silent, "silent"),
        (Self::Reset, "reset"),
        (Self::Works, "works"),
        (Self::Slow, "slow"),
        (Self::Unnoticed, "UNNOTICED"),
    ];
}

/// Counts by kinds, and how many things were wrong meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: BTreeMap<String, ([u64; Outcome::ALL.len()], u64)>,
}

impl Table {
    /// One more of that kind, and so many things that its client got wrong.
    pub fn note(&mut self, kind: &str, outcome: Outcome, wrong: u64) {
        let (counts, sum) = self.rows.entry(kind.to_string()).or_default();
        *sum += wrong;
        for ((known, _), count) in Outcome::ALL.iter().zip(counts) {
            *count += u64::from(*known == outcome);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn trials(&self) -> u64 {
        self.rows.values().flat_map(|(counts, _)| counts).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10} {:>6}", "kind", "trials")?;
        Outcome::ALL.iter().try_for_each(|(_, name)| write!(f, " {name:>9}"))?;
        write!(f, " {:>9}", "wrong")?;
        for (kind, (counts, wrong)) in &self.rows {
            write!(f, "\n{kind:10} {:>6}", counts.iter().sum::<u64>())?;
            counts.iter().try_for_each(|count| write!(f, " {count:>9}"))?;
            write!(f, " {wrong:>9}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_by_kind() {
        let mut table = Table::default();
        table.note("text", Outcome::Faulted, 0);
        table.note("text", Outcome::Hung, 2);
        table.note("data", Outcome::Works, 1);
        assert_eq!(table.trials(), 3);
        let text = table.to_string();
        let rows: alloc::vec::Vec<&str> = text.lines().collect();
        let is = |row: &str, words: [&str; 14]| row.split_whitespace().eq(words);
        assert!(is(rows[1], ["data", "1", "0", "0", "0", "0", "0", "0", "0", "0", "1", "0", "0", "1"]));
        assert!(is(rows[2], ["text", "2", "0", "1", "0", "0", "1", "0", "0", "0", "0", "0", "0", "2"]));
    }
}
