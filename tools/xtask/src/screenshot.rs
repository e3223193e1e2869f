//! `cargo xtask screenshot`: boots the usual system, types at its console as a person would, and draws what was shown.
//!
//! The console is a serial line, of which no emulator has a picture. So this draws one, of exactly the text that came.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Options of `cargo xtask screenshot`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the picture goes, an SVG
    #[arg(value_name = "FILE", default_value = "docs/screenshot.svg")]
    file: PathBuf,
}

/// What is typed, each at a prompt.
const TYPED: [&str; 6] = [
    "free -h",
    "mkdir /srv && echo '<h1>Mars</h1>' > /srv/index.html",
    "httpd /srv --log > /tmp/log &",
    "fetch -i http://127.0.0.1/index.html | grep -v Date",
    "drvctl swap net0 virtio-net-polling && drvctl list",
    "top -n 1 -b -l 6",
];
const PROMPT: &str = "anax> ";
/// The host may be busy, and has to build all of it the first time.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is shown behind a prompt by who was started in the background.
const PAUSE: Duration = Duration::from_millis(500);

const COLUMN: f64 = 8.4;
const LINE: f64 = 18.0;
const EDGE: f64 = 14.0;

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let shown = transcript()?;
    fs::write(&args.file, drawn(&shown)).with_context(|| args.file.display().to_string())?;
    eprintln!("xtask: {} lines are drawn in {}", shown.lines().count(), args.file.display());
    Ok(ExitCode::SUCCESS)
}

/// What a person sees who types all that.
fn transcript() -> anyhow::Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run"]).env("COLUMNS", "100").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let shown = typed(&mut child);
    if shown.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    let shown = shown?;
    ensure!(status.success(), "the guest ended with {status}: {shown}");
    Ok(plain(&shown))
}

fn typed(child: &mut Child) -> anyhow::Result<String> {
    let (mut keys, mut screen) =
        (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
    let (sender, pieces) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = screen.read(&mut bytes) {
            let _ = sender.send(bytes[..length].to_vec());
        }
    });
    let mut shown = Vec::new();
    for line in TYPED.into_iter().chain(["poweroff"]) {
        wait(&pieces, &mut shown)?;
        keys.write_all(format!("{line}\r").as_bytes())?;
    }
    shown.extend(pieces.iter().flatten());
    Ok(String::from_utf8_lossy(&shown).into_owned())
}

/// Waits for a prompt at the end, and then until nothing more comes.
fn wait(pieces: &Receiver<Vec<u8>>, shown: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        let is_prompt = shown.ends_with(PROMPT.as_bytes());
        match pieces.recv_timeout(if is_prompt { PAUSE } else { PATIENCE }) {
            Ok(piece) => shown.extend(piece),
            Err(_) if is_prompt => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("there is no prompt behind {}", String::from_utf8_lossy(shown))
                });
            }
        }
    }
}

/// Without what moves the cursor of a terminal.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                // ECMA-48, 5.4: up to the final byte of a control sequence.
                let is_sequence = characters.next() == Some('[');
                let _end = is_sequence.then(|| characters.find(|end| matches!(end, '@'..='~')));
            }
            '\n' | ' '.. => text.push(character),
            _ => {}
        }
    }
    text
}

/// The text as it stands on a dark screen.
fn drawn(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    let columns = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let (width, height) = (columns as f64 * COLUMN + 2.0 * EDGE, lines.len() as f64 * LINE + 2.0 * EDGE);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <style>text{{font:14px monospace;fill:#ddd;white-space:pre}}.typed{{fill:#fff;font-weight:bold}}.prompt{{fill:#7c7}}</style>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"6\" fill=\"#181820\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        let y = EDGE + LINE * (number as f64 + 0.8);
        let _ = match line.strip_prefix(PROMPT) {
            Some(typed) => writeln!(
                picture,
                "<text x=\"{EDGE}\" y=\"{y:.1}\"><tspan class=\"prompt\">{PROMPT}</tspan><tspan class=\"typed\">{}</tspan></text>",
                escaped(typed)
            ),
            None => writeln!(picture, "<text x=\"{EDGE}\" y=\"{y:.1}\">{}</text>", escaped(line)),
        };
    }
    picture + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_drawn() {
        assert_eq!(plain("a\u{1b}[6n\u{1b}[1;2Hb\r\nc\u{8}"), "ab\nc");
        let picture = drawn("ready\nanax> echo <1>\n<1>\n");
        assert_eq!(picture.matches("<text").count(), 3, "{picture}");
        assert!(picture.contains("<tspan class=\"typed\">echo &lt;1&gt;</tspan>"), "{picture}");
    }
}
