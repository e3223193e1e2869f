//! The log ring under the model checker, which tries every interleaving and every stale value that the memory model
//! allows: `RUSTFLAGS='--cfg loom' cargo test -p anax-logring --release --test logring_loom`.
#![cfg(loom)]

use anax_logring::{LogRecord, LogRing, Read, Reader};
use log::Level;
use loom::{sync::Arc, thread};

fn write<const SLOTS: usize>(ring: &LogRing<SLOTS>, mark: u16) -> u64 {
    // No text: each word more multiplies the interleavings, and all words are treated alike.
    ring.write(u64::from(mark) * 3, Level::Info, mark, "", format_args!(""))
}

/// Reads until nothing comes, or for `limit` calls; returns the marks delivered and the number lost.
fn read<const SLOTS: usize>(reader: &mut Reader, ring: &LogRing<SLOTS>, limit: usize) -> (Vec<u16>, u64) {
    let (mut marks, mut lost, mut record) = (vec![], 0, LogRecord::empty());
    for _ in 0..limit {
        match reader.read(ring, &mut record) {
            Read::Record => {
                assert_eq!(record.time, u64::from(record.cpu()) * 3, "a mixture of two records");
                marks.push(record.cpu());
            }
            Read::Lost(count) => lost += count,
            Read::Nothing => break,
        }
    }
    (marks, lost)
}

#[test]
fn an_overtaken_reader_notices() {
    loom::model(|| {
        let ring = Arc::new(LogRing::<2>::new());
        let mut reader = ring.reader();
        write(&ring, 1);
        let writer = thread::spawn({
            let ring = ring.clone();
            move || {
                write(&ring, 2);
                write(&ring, 3);
            }
        });
        let (mut marks, mut lost) = read(&mut reader, &ring, 2);
        writer.join().expect("the writer ends");
        let (rest, rest_lost) = read(&mut reader, &ring, 8);
        marks.extend(rest);
        lost += rest_lost;
        assert!(marks.is_sorted());
        assert_eq!(marks.len() as u64 + lost, 3);
        assert_eq!(marks.last(), Some(&3));
    });
}

/// An NMI that logs in the middle of a write, seen more generally as a second thread.
#[test]
fn nested_writers_keep_their_slots() {
    loom::model(|| {
        let ring = Arc::new(LogRing::<4>::new());
        let nested = thread::spawn({
            let ring = ring.clone();
            move || write(&ring, 1)
        });
        let outer = write(&ring, 2);
        let nested = nested.join().expect("the writer ends");
        assert_eq!(outer + nested, 1);
        let (marks, lost) = read(&mut ring.reader(), &ring, 8);
        assert_eq!((marks.len(), lost), (2, 0));
        assert_eq!(marks[outer as usize], 2);
    });
}
