//! The file: one line of JSON a snapshot, behind a header line that names the counters.
//!
//! Lines, so that a run that is killed leaves all it wrote before readable; names in the header, so that a reader
//! notices a plugin of another build instead of taking one counter for another.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::{Counter, Counts};

/// The first line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The names of the counters, in the order of every line's values.
    pub counters: Vec<String>,
    /// How many virtual CPUs the machine has.
    pub vcpus: usize,
}

impl Header {
    /// The header that this build of the plugin writes for a machine with `vcpus` CPUs.
    pub fn new(vcpus: usize) -> Self {
        Self { counters: Counter::ALL.iter().map(|counter| counter.name().to_owned()).collect(), vcpus }
    }

    /// Writes the line.
    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        write_line(self, file)
    }
}

/// All counters of all CPUs at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The marker's number; `None` for the snapshot taken when the emulator ended.
    pub marker: Option<u16>,
    /// The CPU that executed the marker; its own counters are exact up to, and without, the marker. Those of the
    /// other CPUs are read while they run.
    pub vcpu: Option<u32>,
    /// Counters by CPU.
    pub counts: Vec<Counts>,
}

impl Snapshot {
    /// Writes the line.
    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        write_line(self, file)
    }

    /// The sum over all CPUs.
    pub fn total(&self) -> Counts {
        self.counts.iter().copied().sum()
    }
}

fn write_line(value: &impl Serialize, file: &mut impl Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// How many CPUs each snapshot covers.
    pub vcpus: usize,
    /// In the order in which they were taken.
    pub snapshots: Vec<Snapshot>,
}

impl Recording {
    /// The first snapshot of marker `id`.
    pub fn first(&self, id: u16) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.marker == Some(id))
    }

    /// The snapshot at the emulator's end; missing if it was killed.
    pub fn last(&self) -> Option<&Snapshot> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.marker.is_none())
    }
}

/// Why a file could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file itself failed.
    Io(io::Error),
    /// There is no header, or one of another build's plugin.
    Header,
    /// This line (counted from 1) is no snapshot, or covers the wrong number of CPUs.
    Line(usize),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(out, "reading the counts: {error}"),
            Self::Header => out.write_str("the counts were written by another build of the plugin"),
            Self::Line(number) => write!(out, "line {number} of the counts is no snapshot"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a file. A last line without its newline is what a killed emulator leaves, and is ignored.
pub fn read(mut file: impl BufRead) -> Result<Recording, ReadError> {
    let mut line = String::new();
    file.read_line(&mut line)?;
    let header: Header = serde_json::from_str(&line).map_err(|_| ReadError::Header)?;
    if header != Header::new(header.vcpus) {
        return Err(ReadError::Header);
    }
    let mut snapshots = Vec::new();
    for number in 2.. {
        line.clear();
        file.read_line(&mut line)?;
        if !line.ends_with('\n') {
            break;
        }
        let snapshot: Snapshot = serde_json::from_str(&line).map_err(|_| ReadError::Line(number))?;
        if snapshot.counts.len() != header.vcpus {
            return Err(ReadError::Line(number));
        }
        snapshots.push(snapshot);
    }
    Ok(Recording { vcpus: header.vcpus, snapshots })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<u8>, Vec<Snapshot>) {
        let mut counts = Counts::default();
        counts[Counter::Kernel] = u64::MAX;
        let snapshots = vec![
            Snapshot { marker: Some(3), vcpu: Some(1), counts: vec![Counts::default(), counts] },
            Snapshot { marker: None, vcpu: None, counts: vec![counts, counts] },
        ];
        let mut file = Vec::new();
        Header::new(2).write(&mut file).unwrap();
        for snapshot in &snapshots {
            snapshot.write(&mut file).unwrap();
        }
        (file, snapshots)
    }

    #[test]
    fn what_is_written_is_read() {
        let (file, snapshots) = sample();
        let recording = read(&*file).unwrap();
        assert_eq!(recording.snapshots, snapshots);
        assert_eq!(recording.first(3), Some(&snapshots[0]));
        assert_eq!(recording.last(), Some(&snapshots[1]));
    }

    #[test]
    fn a_killed_emulator_leaves_the_whole_lines() {
        let (file, snapshots) = sample();
        let recording = read(&file[..file.len() - 5]).unwrap();
        assert_eq!(recording.snapshots, snapshots[..1]);
        assert_eq!(recording.last(), None);
    }

    #[test]
    fn strangers_are_refused() {
        assert!(matches!(read(&b""[..]), Err(ReadError::Header)));
        assert!(matches!(read(&b"{\"counters\":[\"user\"],\"vcpus\":1}\n"[..]), Err(ReadError::Header)));
        let (mut file, _) = sample();
        file.extend(b"{}\n");
        assert!(matches!(read(&*file), Err(ReadError::Line(4))));
        let mut few = Vec::new();
        Header::new(3).write(&mut few).unwrap();
        Snapshot { marker: None, vcpu: None, counts: vec![] }.write(&mut few).unwrap();
        assert!(matches!(read(&*few), Err(ReadError::Line(2))));
    }
}
