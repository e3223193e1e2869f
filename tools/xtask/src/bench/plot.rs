//! The figures that have one of a Linux guest beside them, drawn: a bar for each, as a share of that one's. The same figures make the same picture.

use std::fmt::Write as _;

use super::report::{Judged, grouped};
use super::row::Better;

/// Room for names, for bars up to 100 %, and for the figures behind them; the height of a line.
const NAMES: f64 = 250.0;
const BARS: f64 = 440.0;
const FIGURES: f64 = 270.0;
const LINE: f64 = 22.0;
const ABOVE: f64 = 34.0;
/// Bars that are longer are cut there.
const MOST: f64 = 1.2;

const STYLE: &str = "text{font:13px sans-serif;fill:#333}.value{fill:#777}.good{fill:#2a7}.fair{fill:#7ac}.bad{fill:#d73}\
    .mark{stroke:#999;stroke-dasharray:3 3}.scale{fill:#777;text-anchor:middle}";

/// The picture of those rows that have a peer and are costs.
pub(super) fn svg(rows: &[Judged]) -> String {
    let compared: Vec<_> = rows
        .iter()
        .map(|judged| &judged.row)
        .filter(|row| row.better == Better::Less)
        .filter_map(|row| row.peer.map(|peer| (row, peer)))
        .collect();
    let (width, height) = (NAMES + BARS + FIGURES, ABOVE + LINE * compared.len() as f64 + 8.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"20\">Of what a Linux guest takes: less is better</text>\n"
    );
    for share in [0.5, 1.0] {
        let x = NAMES + BARS / MOST * share;
        let _ = writeln!(text, "<text class=\"scale\" x=\"{x:.0}\" y=\"20\">{:.0} %</text>", share * 100.0);
        let _ =
            writeln!(text, "<line class=\"mark\" x1=\"{x:.0}\" y1=\"26\" x2=\"{x:.0}\" y2=\"{height}\"/>");
    }
    for (number, (row, peer)) in compared.into_iter().enumerate() {
        let (y, share) = (ABOVE + LINE * number as f64, row.value / peer);
        let class = match share {
            ..=0.5 => "good",
            ..=1.0 => "fair",
            _ => "bad",
        };
        let length = BARS / MOST * share.min(MOST);
        let _ = writeln!(text, "<text x=\"8\" y=\"{:.0}\">{}</text>", y + 15.0, row.name);
        let _ = writeln!(
            text,
            "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"16\"/>",
            y + 2.0
        );
        let _ = writeln!(
            text,
            "<text class=\"value\" x=\"{:.0}\" y=\"{:.0}\">{} of {} {}</text>",
            NAMES + BARS + 8.0,
            y + 15.0,
            grouped(row.value.round()),
            grouped(peer.round()),
            row.unit
        );
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::super::baseline::Growth;
    use super::super::row::{Counted, Row};
    use super::*;

    #[test]
    fn a_bar_for_each_that_can_be_compared() {
        let row = |name, value, peer| Row { peer, ..Row::new(name, value, "instructions", Counted::Icount) };
        let rows = [
            row("a.half", 50.0, Some(100.0)),
            row("a.much", 1e6, Some(100.0)),
            row("a.alone", 5.0, None),
            Row { better: Better::More, ..row("a.share", 5.0, Some(7.0)) },
        ];
        let judged = rows.map(|row| Judged { row, baseline: None, growth: Growth::Within });
        let drawn = svg(&judged);
        assert_eq!(drawn.matches("<rect class=").count(), 2, "{drawn}");
        assert!(drawn.contains("class=\"good\" x=\"250\" y=\"36\" width=\"183.3\""), "{drawn}");
        assert!(drawn.contains("class=\"bad\" x=\"250\" y=\"58\" width=\"440.0\""), "{drawn}");
        assert!(drawn.contains("50 of 100 instructions") && !drawn.contains("alone"), "{drawn}");
        assert_eq!(drawn, svg(&judged));
    }
}
