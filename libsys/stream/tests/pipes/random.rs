//! Users who do anything at any time, against a queue.

use std::collections::{BTreeMap, VecDeque};

use anax_abi::Error;
use anax_storm::{Dice, cases};
use anax_stream::{BULK, CAPACITY};

use crate::table::{Got, Users, got};

/// What is known of a pipe from outside.
#[derive(Default)]
struct Model {
    /// What was written and not read.
    bytes: VecDeque<u8>,
    /// Who waits to write what, and to read at most how much; and for word.
    writing: BTreeMap<u64, Vec<u8>>,
    reading: BTreeMap<u64, usize>,
    telling: BTreeMap<u64, ()>,
    is_read: bool,
    is_written: bool,
}

impl Model {
    /// What was answered since this was last asked.
    fn answered(&mut self, users: &mut Users) {
        for answered in std::mem::take(&mut users.pipes.host().answered) {
            let (ticket, got) = (answered.ticket, got(&answered));
            let is_dead = users.pipes.host().dead.contains(&ticket);
            if let Some(written) = self.writing.remove(&ticket) {
                match got {
                    Got::Bytes(_) => self.bytes.extend(written),
                    Got::Failed(error) => {
                        assert!(error == Error::Aborted || !self.is_read || !self.is_written)
                    }
                    Got::Nothing => unreachable!(),
                }
            } else if let Some(most) = self.reading.remove(&ticket) {
                match got {
                    Got::Bytes(read) if !is_dead => self.read(&read, most),
                    Got::Bytes(_) => {}
                    Got::Failed(error) => assert!(error == Error::Aborted || !self.is_read),
                    Got::Nothing => unreachable!(),
                }
            } else {
                assert!(self.telling.remove(&ticket).is_some(), "answered twice");
            }
        }
        assert!(self.bytes.len() <= CAPACITY, "it has a bound");
        let waits = !self.reading.is_empty() && (!self.bytes.is_empty() || !self.is_written || !self.is_read);
        assert!(!waits, "somebody waits for what is there");
        let (room, first) = (CAPACITY - self.bytes.len(), self.writing.values().next());
        assert!(first.is_none_or(|first| first.len() > room), "somebody waits for room that is there");
    }

    fn read(&mut self, read: &[u8], most: usize) {
        assert!(read.len() <= most, "more than he has asked for");
        if read.is_empty() {
            assert!(self.bytes.is_empty() && !self.is_written, "it is not the end");
        }
        assert!(self.bytes.drain(..read.len().min(self.bytes.len())).eq(read.iter().copied()), "other bytes");
    }
}

#[test]
fn whatever_is_done_bytes_come_as_they_went() {
    let mut dice = Dice::new(1);
    let (mut ends, mut through) = (0, 0);
    for _ in 0..cases() / 400 {
        let (mut users, mut byte) = (Users::new(), 0_u8);
        let mut model = Model { is_read: true, is_written: true, ..Model::default() };
        let mut some = |dice: &mut Dice, most: u64| -> Vec<u8> {
            let count = 1 + dice.below(most);
            (0..count)
                .map(|_| {
                    byte = byte.wrapping_mul(5).wrapping_add(1);
                    byte
                })
                .collect()
        };
        for _ in 0..400 {
            match dice.below(64) {
                0..=15 => {
                    let bytes = some(&mut dice, 32);
                    let ticket = users.write(&bytes);
                    model.writing.insert(ticket, bytes);
                }
                16..=31 => {
                    let most = 1 + dice.below(255) as u8;
                    let ticket = users.read(most);
                    model.reading.insert(ticket, most.into());
                }
                32..=43 => {
                    let bytes = some(&mut dice, BULK as u64);
                    match users.write_from(&bytes) {
                        Ok(count) => model.bytes.extend(&bytes[..count as usize]),
                        Err(Error::WouldBlock) => {
                            let is_full = model.bytes.len() == CAPACITY || !model.writing.is_empty();
                            assert!(is_full, "there is room");
                        }
                        Err(_) => assert!(!model.is_read || !model.is_written),
                    }
                    through += bytes.len();
                }
                44..=55 => {
                    let most = 1 + dice.below(BULK as u64) as usize;
                    match users.read_into(most) {
                        Ok(bytes) => model.read(&bytes, most),
                        Err(Error::WouldBlock) => assert!(model.bytes.is_empty() && model.is_written),
                        Err(error) => panic!("{error}"),
                    }
                }
                56..=58 => {
                    let end = if dice.once_in(2) { users.reader } else { users.writer };
                    let ticket = users.ready(end);
                    model.telling.insert(ticket, ());
                }
                59..=61 => {
                    // Somebody dies over his question.
                    if let Some(ticket) = model.reading.keys().next().copied() {
                        users.pipes.host().dead.insert(ticket);
                    }
                }
                62 if dice.once_in(6) => {
                    model.is_written = false;
                    users.pipes.gone(users.writer.0);
                }
                63 if dice.once_in(6) => {
                    (model.is_read, model.bytes) = (false, VecDeque::new());
                    users.pipes.gone(users.reader.0);
                }
                _ => {}
            }
            model.answered(&mut users);
            if !model.is_read {
                model.bytes.clear();
            }
            if !model.is_read && !model.is_written {
                break;
            }
        }
        users.pipes.gone(users.writer.0);
        users.pipes.gone(users.reader.0);
        (model.is_read, model.is_written) = (false, false);
        model.bytes.clear();
        model.answered(&mut users);
        assert!(
            model.reading.is_empty() && model.writing.is_empty() && model.telling.is_empty(),
            "forgotten"
        );
        assert_eq!(users.pipes.count(), 0);
        ends += 1;
    }
    assert!(ends > 0 && through > 0);
}
