//! The log ring on one thread, and hammered by two.
#![cfg(not(loom))]

use anax_logring::{LogRecord, LogRing, Read, Reader, TEXT_BYTES};
use log::Level;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

static STATIC: LogRing<2> = LogRing::new();

fn read_all<const SLOTS: usize>(reader: &mut Reader, ring: &LogRing<SLOTS>) -> (Vec<LogRecord>, u64) {
    let (mut records, mut lost, mut record) = (vec![], 0, LogRecord::empty());
    loop {
        match reader.read(ring, &mut record) {
            Read::Record => records.push(record),
            Read::Lost(count) => lost += count,
            Read::Nothing => return (records, lost),
        }
    }
}

#[test]
fn records_come_back_whole() {
    let ring = LogRing::<4>::new();
    let mut reader = ring.reader();
    assert_eq!(read_all(&mut reader, &ring).0.len(), 0);
    assert_eq!(ring.write(17, Level::Warn, 300, "kernel::smp", format_args!("CPU {} late", 3)), 0);
    assert_eq!(ring.write(18, Level::Trace, 0, "", format_args!("")), 1);
    let (records, lost) = read_all(&mut reader, &ring);
    assert_eq!((records.len(), lost), (2, 0));
    let first = &records[0];
    assert_eq!((first.sequence, first.time, first.level(), first.cpu()), (0, 17, Level::Warn, 300));
    assert_eq!((first.target(), first.message(), first.is_cut()), ("kernel::smp", "CPU 3 late", false));
    let second = &records[1];
    assert_eq!((second.level(), second.target(), second.message()), (Level::Trace, "", ""));
    assert_eq!(read_all(&mut reader, &ring).0.len(), 0);
    assert!(!reader.skip_unfinished(&ring));
}

#[test]
fn the_oldest_are_lost_and_counted() {
    STATIC.write(0, Level::Info, 0, "a", format_args!("0"));
    let mut slow = STATIC.reader();
    for time in 1..5 {
        STATIC.write(time, Level::Info, 0, "a", format_args!("{time}"));
    }
    let (records, lost) = read_all(&mut slow, &STATIC);
    assert_eq!(records.iter().map(|record| record.message()).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(lost, 3);
    assert_eq!(read_all(&mut STATIC.reader(), &STATIC).0.len(), 2);
    assert_eq!(STATIC.written(), 5);
}

#[test]
fn long_text_is_cut_between_characters() {
    let ring = LogRing::<2>::new();
    ring.write(0, Level::Info, 0, "t", format_args!("{}{}", "é".repeat(TEXT_BYTES / 2), "more"));
    ring.write(0, Level::Info, 0, &"x".repeat(TEXT_BYTES + 1), format_args!("{}", "y"));
    let (records, _) = read_all(&mut ring.reader(), &ring);
    assert!(records[0].is_cut() && records[1].is_cut());
    assert_eq!(records[0].message(), "é".repeat(TEXT_BYTES / 2 - 1));
    assert_eq!((records[1].target().len(), records[1].message()), (TEXT_BYTES, ""));
}

/// One thread writes, another reads as fast as both can: every record delivered is whole, none is counted twice.
#[test]
fn a_hammered_ring_delivers_no_mixture() {
    const RECORDS: u64 = 200_000;
    let ring = LogRing::<8>::new();
    let done = AtomicBool::new(false);
    let mut reader = ring.reader();
    let (mut delivered, mut lost) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for count in 0..RECORDS {
                ring.write(count * 3, Level::Info, count as u16, "hammer", format_args!("{count} {count}"));
            }
            done.store(true, Ordering::Release);
        });
        let mut record = LogRecord::empty();
        loop {
            let last_round = done.load(Ordering::Acquire);
            match reader.read(&ring, &mut record) {
                Read::Record => {
                    let count = record.sequence;
                    assert_eq!((record.time, record.cpu()), (count * 3, count as u16));
                    assert_eq!(record.message(), format!("{count} {count}"));
                    delivered += 1;
                }
                Read::Lost(count) => lost += count,
                Read::Nothing if last_round => break,
                Read::Nothing => std::hint::spin_loop(),
            }
        }
    });
    assert_eq!(delivered + lost, RECORDS);
}

proptest! {
    /// Against a plain list: what is read is the list's tail, and the rest is counted as lost.
    #[test]
    fn a_ring_is_the_tail_of_a_list(bursts in prop::collection::vec(prop::collection::vec("\\PC{0,40}", 0..9), 0..9)) {
        let ring = LogRing::<4>::new();
        let mut reader = ring.reader();
        let mut written = 0;
        for burst in bursts {
            for text in &burst {
                prop_assert_eq!(ring.write(written, Level::Info, 1, "p", format_args!("{text}")), written);
                written += 1;
            }
            let (records, lost) = read_all(&mut reader, &ring);
            prop_assert_eq!(records.len(), burst.len().min(4));
            prop_assert_eq!(records.len() as u64 + lost, burst.len() as u64);
            for (record, text) in records.iter().zip(&burst[burst.len() - records.len()..]) {
                prop_assert_eq!(record.message(), text.as_str());
                prop_assert_eq!(record.time, record.sequence);
            }
        }
    }
}
