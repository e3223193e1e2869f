//! The page that is left behind: the figures, and a plot of requests a second with every swap marked. It needs nothing but itself.

use std::fmt::Write as _;

use super::live::Rate;
use super::script::Device;
use super::{Client, Outcome};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
/// Room for the scales.
const LEFT: f64 = 60.0;
const BELOW: f64 = 30.0;

const STYLE: &str = "body{font:16px sans-serif;margin:2em;max-width:64em}svg{width:100%;border:1px solid #ccc}\
    td,th{text-align:left;padding:.2em 1.5em .2em 0}.good{color:#070}.bad{color:#b00}\
    .swap{stroke-width:1}.net{stroke:#d80;color:#d80}.disk{stroke:#a3c;color:#a3c;stroke-dasharray:4 2}.line{fill:none;stroke:#06c;stroke-width:2}.error{fill:#b00}\
    text{font-size:12px;fill:#555}.axis{stroke:#999}";

/// The page.
pub(super) fn page(outcome: &Outcome) -> String {
    let class = if outcome.is_good() { "good" } else { "bad" };
    let mut page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Anax: drivers swapped under load</title>\n<style>{STYLE}</style>\n\
         <h1>Drivers swapped under load</h1>\n<p>{}</p>\n<p class=\"{class}\">{}</p>\n",
        escaped(&outcome.title),
        escaped(&outcome.summary()),
    );
    page.push_str(&plot(outcome));
    page.push_str("<p>Requests a second; each upright line is a swap of a driver:");
    for device in &outcome.devices {
        let (count, name) = (outcome.timeline.swaps_of(*device), device.name());
        let pause = outcome.timeline.longest_pause(*device).as_secs_f64() * 1e3;
        let _ = write!(
            page,
            " <span class=\"{}\">{count} of {name}, longest pause {pause:.1} ms</span>,",
            class_of(*device)
        );
    }
    page.push_str(" each dot below an error.</p>\n");
    for client in &outcome.clients {
        table(&mut page, client);
    }
    page.push_str("<ul>\n");
    for complaint in outcome.complaints() {
        let _ = writeln!(page, "<li class=\"bad\">{}</li>", escaped(&complaint));
    }
    page.push_str("</ul>\n");
    page
}

/// The figures of one client.
fn table(page: &mut String, client: &Client) {
    let _ = writeln!(page, "<h2>{}</h2>\n<table>", escaped(client.name));
    for (name, unit) in [
        ("requests", client.unit),
        ("failed", "that failed, or were wrong"),
        ("bytes", "bytes of bodies"),
        ("seconds", "seconds"),
        ("per_s", "requests a second"),
        ("mb_per_s", "MB a second"),
        ("p50_us", "microseconds, the median of all requests"),
        ("p99_us", "microseconds, 99 of 100 requests at most"),
    ] {
        let value = client.verdict.figure(name).unwrap_or_default();
        let digits = if value.fract() == 0.0 { 0 } else { 1 };
        let _ = writeln!(page, "<tr><td>{value:.digits$}</td><td>{unit}</td></tr>");
    }
    page.push_str("</table>\n");
}

/// The network card's are whole, the disk's are dashed.
const fn class_of(device: Device) -> &'static str {
    match device {
        Device::Net => "net",
        Device::Disk | Device::AtaDisk => "disk",
    }
}

fn plot(outcome: &Outcome) -> String {
    let rates = outcome.timeline.rates();
    let end = rates.last().map_or(1.0, |rate| rate.at.as_secs_f64()).max(1.0);
    let most = rates.iter().map(|rate| rate.requests).fold(1.0, f64::max) * 1.1;
    let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT);
    let y = |requests: f64| (HEIGHT - BELOW) * (1.0 - requests / most);
    let mut plot = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\">\n");
    for swap in &outcome.timeline.swaps {
        let (at, class) = (x(swap.at.as_secs_f64()), class_of(swap.device));
        let _ = writeln!(
            plot,
            "<line class=\"swap {class}\" x1=\"{at:.1}\" y1=\"0\" x2=\"{at:.1}\" y2=\"{}\"/>",
            HEIGHT - BELOW
        );
    }
    let points = rates.iter().map(|rate| format!("{:.1},{:.1}", x(rate.at.as_secs_f64()), y(rate.requests)));
    let _ = writeln!(plot, "<polyline class=\"line\" points=\"{}\"/>", points.collect::<Vec<_>>().join(" "));
    for Rate { at, .. } in rates.iter().filter(|rate| rate.failures > 0) {
        let at = x(at.as_secs_f64());
        let _ = writeln!(
            plot,
            "<circle class=\"error\" cx=\"{at:.1}\" cy=\"{}\" r=\"4\"/>",
            HEIGHT - BELOW - 6.0
        );
    }
    let _ = writeln!(
        plot,
        "<line class=\"axis\" x1=\"{LEFT}\" y1=\"0\" x2=\"{LEFT}\" y2=\"{}\"/>",
        HEIGHT - BELOW
    );
    let floor = HEIGHT - BELOW;
    let _ =
        writeln!(plot, "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{floor}\" x2=\"{WIDTH}\" y2=\"{floor}\"/>");
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let (requests, seconds) = (most * share, end * share);
        let _ = writeln!(plot, "<text x=\"4\" y=\"{:.1}\">{requests:.0}/s</text>", y(requests).max(12.0));
        let _ = writeln!(
            plot,
            "<text x=\"{:.1}\" y=\"{}\">{seconds:.0} s</text>",
            x(seconds) - 30.0 * share,
            HEIGHT - 8.0
        );
    }
    plot.push_str("</svg>\n");
    plot
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::slice;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use netpeer::Verdict;
    use netpeer::client::Seen;

    use super::super::live::{Swap, Timeline};
    use super::*;

    #[test]
    fn every_swap_is_marked() {
        let mut timeline = Timeline::default();
        let seen = Seen::default();
        for second in 1..=10 {
            seen.requests.fetch_add(1000, Ordering::Relaxed);
            timeline.sample(Duration::from_secs(second), slice::from_ref(&seen), 0);
        }
        let device = |second| if second % 3 == 0 { Device::Disk } else { Device::Net };
        timeline.swaps = (1..9)
            .map(|second| Swap { at: Duration::from_secs(second), device: device(second), pause: None })
            .collect();
        let outcome = Outcome {
            title: "a <b>".to_owned(),
            clients: vec![Client { name: "wrk", unit: "requests", verdict: Verdict::default() }],
            swaps_wanted: 2,
            timeline,
            devices: vec![Device::Net, Device::Disk],
            swaps_failed: vec!["swap 3".to_owned()],
        };
        let page = page(&outcome);
        assert_eq!(page.matches("class=\"swap net\"").count(), 6);
        assert_eq!(page.matches("class=\"swap disk\"").count(), 2);
        assert!(
            page.contains("6 of net0,") && page.contains("2 of blk0,") && page.contains("<h2>wrk</h2>"),
            "{page}"
        );
        assert!(
            page.contains("a &lt;b&gt;") && page.contains("class=\"bad\"") && page.contains("swap 3"),
            "{page}"
        );
    }
}
