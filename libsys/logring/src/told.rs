//! A record as programs are told it, who have the log of a kernel that they can't reach: bytes.

use super::line::line;
use super::{LogRecord, LogRing, Read};

/// Bytes of the longest line.
const LINE: usize = 320;
/// Bytes of a record as it is told: its number and its time, 8 bytes each, and its line.
pub const TOLD_BYTES: usize = 16 + LINE;
/// How often a reader is overtaken before he hears that there is nothing.
const LOST: u32 = 8;

impl<const SLOTS: usize> LogRing<SLOTS> {
    /// The oldest record of that number or a higher one: its number, its time in nanoseconds since boot, its line. Nothing if there is none.
    pub fn tell<'a>(&self, from: u64, told: &'a mut [u8; TOLD_BYTES]) -> &'a [u8] {
        let (mut reader, mut record) = (self.reader_from(from), LogRecord::empty());
        for _ in 0..LOST {
            match reader.read(self, &mut record) {
                Read::Nothing => break,
                Read::Lost(_) => {}
                Read::Record => {
                    let line =
                        line::<LINE>(record.time, record.level(), format_args!("{}", record.message()));
                    let line = line.trim_ascii_end().as_bytes();
                    let head = [record.sequence, record.time].map(u64::to_le_bytes);
                    told[..16].copy_from_slice(head.as_flattened());
                    told[16..16 + line.len()].copy_from_slice(line);
                    return &told[..16 + line.len()];
                }
            }
        }
        &[]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn records_are_told_by_their_numbers() {
        let ring = LogRing::<4>::new();
        for number in 0..6 {
            ring.write(number * 1_000_000_000, Level::Info, 0, "kernel", format_args!("line {number}"));
        }
        let mut told = [0; TOLD_BYTES];
        // The first two were overwritten.
        for (from, number) in [(0, 2_u64), (2, 2), (5, 5)] {
            let bytes = ring.tell(from, &mut told);
            assert_eq!(bytes[..8], number.to_le_bytes());
            assert_eq!(bytes[8..16], (number * 1_000_000_000).to_le_bytes());
            assert_eq!(bytes[16..], *std::format!("[    {number}.000000] line {number}").as_bytes());
        }
        assert!(ring.tell(6, &mut told).is_empty());
        ring.write(0, Level::Error, 0, "", format_args!("{}", "x".repeat(1000)));
        assert!(ring.tell(6, &mut told).len() <= TOLD_BYTES);
    }
}
