//! What the guest runs, in one line of its shell, and what comes of it: the host says when swaps may begin, the guest makes them, and says so before and after each.
//!
//! One line for all, since what a shell has started ends with it: the file system's server, the web server.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anax_vm::{Courier, Progress, Stream};
use system_tests::disk_image::SIGN;

/// Where the guest waits until swaps may begin.
pub(super) const BEGIN: u16 = 9;

/// Words before which nothing else is printed.
const SWAP: &str = "demo: swap ";
const STATUS: &str = "demo: status ";
const WAITS: &str = "demo: waits";

/// What has drivers to be swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// The network card.
    Net,
    /// The disk.
    Disk,
    /// The disk at the second channel of an ATA controller: the CD has the first one.
    AtaDisk,
}

impl Device {
    /// As the guest calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Net => "net0",
            Self::Disk => "blk0",
            Self::AtaDisk => "ata1",
        }
    }

    /// The one of that name.
    fn named(name: &str) -> Option<Self> {
        [Self::Net, Self::Disk, Self::AtaDisk].into_iter().find(|device| device.name() == name)
    }
}

/// What is made ready before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// A server with its pages in memory, which the system has started.
    Memory,
    /// One with the files of that disk.
    Disk(Device),
}

/// The command line: swaps in turn, so long between each and the next, until the machine is switched off.
pub(super) fn line(site: Site, swaps: &[(Device, &str)], every: Duration) -> String {
    let site = match site {
        Site::Memory => String::new(),
        Site::Disk(disk) => format!(
            "mkdir -p /srv; mount fat {} /srv && [ -e /srv/{SIGN} ] || exit 1; httpd /srv & ",
            disk.name()
        ),
    };
    let swaps: Vec<_> =
        swaps.iter().map(|(device, driver)| format!("\"{} {driver}\"", device.name())).collect();
    let (swaps, every) = (swaps.join(" "), every.as_secs_f64());
    // The line's other end takes long silence for the end: so it says that it waits.
    format!(
        "ip wait && sh -c '{site}{{ nc -l {BEGIN}; echo > /begin; }} & \
         until [ -e /begin ]; do echo {WAITS}; sleep 1; done; \
         while true; do for swap in {swaps}; do sleep {every:.3}; \
         echo {SWAP}$swap; drvctl swap $swap; echo {STATUS}$?; done; done'"
    )
}

/// What the guest has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// A swap begins.
    Begins { device: Device, driver: String },
    /// It was made with that pause, or it was not and this was said.
    Ended(Result<Duration, String>),
    /// Something else.
    Said(String),
    /// Nothing more is to come.
    Over(String),
}

/// Runs the line and notes what comes of it, until the machine is switched off or nobody listens.
pub(super) fn run(mut courier: Courier, line: &str, notes: &Sender<(Instant, Note)>) {
    let mut reader = Reader::default();
    let ended = courier.run(&[0], line, &mut |progress| {
        if let Progress::Output(Stream::Out | Stream::Err, bytes) = progress {
            let now = Instant::now();
            for note in reader.take(bytes) {
                // If nobody listens it is over anyway.
                let _ = notes.send((now, note));
            }
        }
    });
    let how = ended.map_or_else(|failed| failed.to_string(), |status| format!("status {status}"));
    let _ = notes.send((Instant::now(), Note::Over(how)));
}

/// Makes notes of what is printed, whole lines of it.
#[derive(Debug, Default)]
struct Reader {
    line: Vec<u8>,
    /// What was said since a swap has begun, if one has.
    of_swap: Option<String>,
}

impl Reader {
    fn take(&mut self, bytes: &[u8]) -> Vec<Note> {
        let mut notes = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                let line = String::from_utf8_lossy(&self.line).trim().to_owned();
                self.line.clear();
                notes.extend(self.line(&line));
            } else {
                self.line.push(*byte);
            }
        }
        notes
    }

    fn line(&mut self, line: &str) -> Option<Note> {
        if line == WAITS {
            return None;
        }
        if let Some(swap) = line.strip_prefix(SWAP)
            && let Some((name, driver)) = swap.split_once(' ')
            && let Some(device) = Device::named(name)
        {
            self.of_swap = Some(String::new());
            return Some(Note::Begins { device, driver: driver.to_owned() });
        }
        if let Some(status) = line.strip_prefix(STATUS)
            && let Some(said) = self.of_swap.take()
        {
            let made = pause(&said).filter(|_| status == "0");
            let ended = made.ok_or_else(|| format!("status {status}: {}", said.trim()));
            return Some(Note::Ended(ended));
        }
        match &mut self.of_swap {
            Some(said) => {
                said.push_str(line);
                said.push('\n');
                None
            }
            None => Some(Note::Said(line.to_owned())),
        }
    }
}

/// The pause in `net0: swapped, pause 1234 us`.
fn pause(said: &str) -> Option<Duration> {
    let (_, rest) = said.split_once(": swapped, pause ")?;
    rest.split_once(" us")?.0.parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_noted() {
        let printed = "mount: hm\ndemo: waits\ndemo: swap net0 e1000\nnet0: swapped, pause 17 us\ndemo: status 0\n\
            demo: swap blk0 virtio-blk\nblk0: no\ndemo: status 1\ndemo: sw";
        let begins = |device, driver: &str| Note::Begins { device, driver: driver.to_owned() };
        let expected = [
            Note::Said("mount: hm".to_owned()),
            begins(Device::Net, "e1000"),
            Note::Ended(Ok(Duration::from_micros(17))),
            begins(Device::Disk, "virtio-blk"),
            Note::Ended(Err("status 1: blk0: no".to_owned())),
        ];
        for size in 1..printed.len() {
            let mut reader = Reader::default();
            let notes: Vec<_> =
                printed.as_bytes().chunks(size).flat_map(|bytes| reader.take(bytes)).collect();
            assert_eq!(notes, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn the_line_can_be_sent() {
        let swaps = [(Device::Net, "virtio-net-polling"), (Device::Disk, "virtio-blk")].repeat(2);
        let line = line(Site::Disk(Device::Disk), &swaps, Duration::from_millis(250));
        assert!(line.len() < anax_control::MAX_COMMANDS && line.contains("sleep 0.250;"), "{line}");
        assert!(line.contains("\"blk0 virtio-blk\"") && line.matches('\'').count() == 2, "{line}");
    }
}
