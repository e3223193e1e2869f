//! The results of a bench: a table for people, JSON for programs.

use std::fmt::Write;

use count_format::{Counter, Counts};
use serde_json::{Value, json};

use super::baseline::Growth;
use super::row::{Better, Row};

/// A row and what the baseline says to it.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) row: Row,
    pub(super) baseline: Option<f64>,
    pub(super) growth: Growth,
}

impl Judged {
    /// Why the row fails, if it does.
    pub(super) fn failure(&self) -> Option<String> {
        if let Some(limit) = self.row.limit.filter(|&limit| self.row.is_worse_than(limit)) {
            let bound = if self.row.better == Better::Less { "most" } else { "least" };
            return Some(format!("{} is {}, at {bound} {limit} is allowed", self.row.name, self.row.value));
        }
        match &self.growth {
            Growth::TooMuch(text) => Some(text.clone()),
            Growth::Within | Growth::OtherVersions(_) => None,
        }
    }

    /// What is worth a look though it fails nothing.
    pub(super) fn warning(&self) -> Option<String> {
        match &self.growth {
            Growth::OtherVersions(text) => Some(text.clone()),
            Growth::Within | Growth::TooMuch(_) => None,
        }
    }
}

/// The counters that the JSON reports as expensive.
const EXPENSIVE: [Counter; 5] =
    [Counter::Cr3, Counter::Wrmsr, Counter::Syscall, Counter::Swapgs, Counter::Xsave];

/// The table: name, value, spread, unit, baseline, limit, aim, peer, and the expensive instructions.
pub(super) fn table(rows: &[Judged]) -> String {
    let mut text = String::new();
    let head = ["benchmark", "value", "spread", "baseline", "limit", "aim", "peer"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for Judged { row, baseline, .. } in rows {
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), grouped);
        let mut line = vec![row.name.to_owned()];
        line.push(figure(Some(row.value)));
        line.push(
            row.spread.map_or_else(
                || "-".to_owned(),
                |(least, most)| format!("{}-{}", grouped(least), grouped(most)),
            ),
        );
        line.extend([*baseline, row.limit, row.aim, row.peer].map(figure));
        lines.push(line);
    }
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0))
        .collect();
    for (index, line) in lines.iter().enumerate() {
        let _ = write!(text, "{:<width$}", line[0], width = widths[0]);
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        let judged = index.checked_sub(1).and_then(|index| rows.get(index));
        let _ = writeln!(text, "  {}", judged.map_or("unit", |judged| judged.row.unit));
    }
    for judged in rows {
        if let Some(counts) = &judged.row.expensive {
            let list: Vec<_> =
                Counter::ALL.iter().skip(2).map(|&c| format!("{} {}", counts[c], c.name())).collect();
            let _ = writeln!(text, "{}: {}", judged.row.name, list.join(", "));
        }
        for problem in [judged.failure().map(|text| format!("FAILED {text}")), judged.warning()] {
            let _ = problem.map(|problem| writeln!(text, "{problem}"));
        }
    }
    text
}

/// The JSON document.
pub(super) fn json(rows: &[Judged]) -> Value {
    let rows: Vec<_> = rows
        .iter()
        .map(|Judged { row, baseline, .. }| {
            let mut told = json!({
                "name": row.name,
                "value": number(row.value),
                "unit": row.unit,
                // A figure whose work was not checked never becomes a row.
                "verified": true,
                "expensive": row.expensive.as_ref().map(expensive),
                "baseline": baseline.map(number),
                "limit": row.limit.map(number),
                "peer": row.peer.map(number),
            });
            if let Some((least, most)) = row.spread {
                told["spread"] = json!([number(least), number(most)]);
            }
            told
        })
        .collect();
    json!({ "benchmarks": rows })
}

fn expensive(counts: &Counts) -> Value {
    EXPENSIVE.iter().map(|&counter| (counter.name().to_owned(), Value::from(counts[counter]))).collect()
}

/// A whole number without a decimal point.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && (0.0..9e15).contains(&value) { (value as u64).into() } else { value.into() }
}

/// A figure with its digits in groups of three.
pub(super) fn grouped(value: f64) -> String {
    let text = number(value).to_string();
    let (whole, fraction) = text.split_once('.').map_or((&*text, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    fraction.into_iter().for_each(|fraction| out.extend([".", fraction]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::Counted;

    fn judged(value: f64, growth: Growth) -> Judged {
        let mut counts = Counts::default();
        counts[Counter::Cr3] = 3;
        let known = Row::new("boot.entry_to_ready", value, "instructions", Counted::Icount);
        let row = Row { expensive: Some(counts), limit: Some(100.0), aim: Some(20.0), ..known };
        Judged { row, baseline: Some(40.0), growth }
    }

    #[test]
    fn the_documented_json() {
        let value = json(&[judged(41.0, Growth::Within)]);
        let expected = r#"{"benchmarks":[{"name":"boot.entry_to_ready","value":41,"unit":"instructions",
            "verified":true,"expensive":{"cr3":3,"wrmsr":0,"syscall":0,"swapgs":0,"xsave":0},
            "baseline":40,"limit":100,"peer":null}]}"#;
        assert_eq!(value, serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn limits_and_growth_fail_other_versions_warn() {
        assert_eq!(judged(100.0, Growth::Within).failure(), None);
        assert!(judged(101.0, Growth::Within).failure().is_some());
        assert!(judged(1.0, Growth::TooMuch("x".into())).failure().is_some());
        let warned = judged(1.0, Growth::OtherVersions("x".into()));
        assert_eq!((warned.failure(), warned.warning()), (None, Some("x".into())));
    }

    #[test]
    fn the_table_lines_up() {
        let text = table(&[judged(41.0, Growth::Within)]);
        let ends: Vec<_> = text.lines().take(2).map(|line| line.find("  ").is_some()).collect();
        assert_eq!(ends, [true, true], "{text}");
        assert!(text.contains("3 cr3"), "{text}");
        assert_eq!(grouped(1234567.5), "1,234,567.5");
        assert_eq!(grouped(100.0), "100");
    }
}
