//! Frames with their times in a file that every analyser of packets reads (pcap, nanoseconds), and what can be counted in one.

mod listener;
mod marks;
mod segment;
mod streams;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};

pub use listener::Listener;
pub use marks::mark;
pub use streams::{Analysis, Endpoint, Flow, analyse};

/// Little-endian, with nanoseconds; the same with microseconds, as QEMU writes it.
const NANOSECONDS: u32 = 0xA1B2_3C4D;
const MICROSECONDS: u32 = 0xA1B2_C3D4;
/// Longer frames are cut off, and say so.
const LONGEST: usize = 1 << 17;

/// A frame, and when it passed, since any fixed moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Since the beginning of 1970, or any other moment.
    pub at: Duration,
    /// From the destination's address on, without the check sequence.
    pub bytes: Vec<u8>,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Writer {
    /// A new file, or an old one's place.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut file = BufWriter::new(file);
        // Version 2.4, no time zone, no accuracy, the longest frame, Ethernet.
        for word in [NANOSECONDS, 4 << 16 | 2, 0, 0, LONGEST as u32, 1] {
            file.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// If there is no room.
    pub fn write(&mut self, at: Duration, frame: &[u8]) -> anyhow::Result<()> {
        let kept = &frame[..frame.len().min(LONGEST)];
        let header = [at.as_secs() as u32, at.subsec_nanos(), kept.len() as u32, frame.len() as u32];
        let header: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.file
            .write_all(&header)
            .and_then(|()| self.file.write_all(kept))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// All that was added is in the file then.
    ///
    /// # Errors
    /// If there is no room.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.file.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The moment, as captures have it.
#[must_use]
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// All frames of a file, QEMU's (`filter-dump`) included.
///
/// # Errors
/// If it can't be read, or is no little-endian capture of Ethernet. A last frame that is not whole is left out: whoever wrote it may still run.
pub fn read(path: &Path) -> anyhow::Result<Vec<Captured>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).with_context(|| path.display().to_string())
}

fn parse(bytes: &[u8]) -> anyhow::Result<Vec<Captured>> {
    let word =
        |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|word| u32::from_le_bytes(*word));
    let fraction = match word(0) {
        Some(NANOSECONDS) => 1,
        Some(MICROSECONDS) => 1000,
        _ => bail!("no capture"),
    };
    ensure!(word(20) == Some(1), "no capture of Ethernet");
    let mut frames = Vec::new();
    let mut at = 24;
    while let (Some(seconds), Some(parts), Some(length)) = (word(at), word(at + 4), word(at + 8)) {
        let begin = at + 16;
        let Some(frame) = bytes.get(begin..begin.saturating_add(length as usize)) else { break };
        let time = Duration::from_secs(seconds.into()) + Duration::from_nanos(u64::from(parts) * fraction);
        frames.push(Captured { at: time, bytes: frame.to_vec() });
        at = begin + frame.len();
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("frames.pcap");
        let frames: Vec<Captured> = (0..10)
            .map(|number| Captured {
                at: Duration::new(1_700_000_000 + number, 123_456_789),
                bytes: vec![number as u8; 60 + number as usize],
            })
            .collect();
        let mut writer = Writer::create(&path).expect("a file");
        for frame in &frames {
            writer.write(frame.at, &frame.bytes).expect("room");
        }
        writer.flush().expect("room");
        assert_eq!(read(&path).expect("a capture"), frames);
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes.pop();
        assert_eq!(parse(&bytes).expect("a capture without its end"), frames[..9]);
        assert!(parse(b"something else").is_err() && parse(&[]).is_err());
    }
}
