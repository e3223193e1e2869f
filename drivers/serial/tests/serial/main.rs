//! The driver against a model of its device: every byte, in order, whoever waits; and the device never has the last word.

mod model;
mod storm;

use anax_abi::Error;
use anax_proto::{Caller, Later};
use anax_tty::{PIECE, Piece, Terminal as _};
use proptest::prelude::*;
use serial::{BUFFER, Line, MOST_WAITING};

use model::Model;

const SOMEBODY: Caller = Caller(7);
/// Of the status: a parity error.
const PARITY: u8 = 1 << 2;

fn opened() -> (Line<Model>, Model) {
    let model = Model::new();
    let line = Line::open(model.clone()).expect("it is there");
    (line, model)
}

fn write(line: &mut Line<Model>, ticket: u64, bytes: &[u8]) {
    let (length, words) = Piece::beginning(bytes).words();
    line.write(SOMEBODY, length, words, Later::new(ticket));
}

/// Tickets and codes of what was answered.
fn answers(line: &mut Line<Model>) -> Vec<(u64, i64)> {
    line.answers().iter().map(|answered| (answered.ticket, answered.reply.code)).collect()
}

/// What a read was answered with, if it was.
fn read(line: &mut Line<Model>) -> Option<Vec<u8>> {
    line.read(SOMEBODY, Later::new(1));
    came(line)
}

fn came(line: &mut Line<Model>) -> Option<Vec<u8>> {
    let answers = line.answers();
    let words = answers.iter().find(|answered| answered.reply.code == 0)?.reply.words;
    let piece = Piece::from_words(words[0] as u8, [words[1], words[2], words[3], words[4]])?;
    Some(piece.bytes().to_vec())
}

/// What a driver's loop does while the device interrupts; it has to become quiet.
fn interrupt(line: &mut Line<Model>, model: &Model) {
    if model.interrupts() {
        line.look();
        assert!(!model.interrupts(), "an edge that is lost is the last one");
    }
}

#[test]
fn it_is_set_up() {
    let (_, model) = opened();
    assert_eq!(model.settings(), ([1, 0], 0b11, 0b1011));
    let nowhere = Model::default();
    assert!(Line::open(nowhere).is_err());
}

#[test]
fn a_reader_waits_for_bytes() {
    let (mut line, model) = opened();
    assert_eq!(read(&mut line), None);
    b"hello".iter().for_each(|byte| model.comes(*byte, 0));
    interrupt(&mut line, &model);
    assert_eq!(came(&mut line).as_deref(), Some(&b"hello"[..]));
}

#[test]
fn what_comes_while_the_driver_looks_is_not_left_there() {
    let (mut line, model) = opened();
    model.comes(b'a', 0);
    model.state.borrow_mut().late = Some(b'b');
    interrupt(&mut line, &model);
    assert_eq!(read(&mut line).as_deref(), Some(&b"ab"[..]));
}

#[test]
fn the_last_reader_counts() {
    let (mut line, model) = opened();
    line.read(SOMEBODY, Later::new(1));
    line.read(Caller(8), Later::new(2));
    assert_eq!(answers(&mut line), [(1, Error::Aborted.code())]);
    model.comes(b'x', 0);
    interrupt(&mut line, &model);
    assert_eq!(answers(&mut line), [(2, 0)]);
}

#[test]
fn writers_wait_for_room_and_not_longer() {
    let (mut line, model) = opened();
    let mut accepted = 0;
    let mut ticket = 0;
    while accepted == ticket {
        ticket += 1;
        write(&mut line, ticket, &[ticket as u8; PIECE]);
        accepted += answers(&mut line).len() as u64;
    }
    assert_eq!(accepted as usize, (BUFFER + 16) / PIECE);
    for more in 1..MOST_WAITING as u64 {
        write(&mut line, ticket + more, b"more");
    }
    write(&mut line, 1000, b"too many");
    assert_eq!(answers(&mut line), [(1000, Error::Full.code())]);
    // As the device sends, one after the other comes in, in order.
    let mut told = Vec::new();
    for _ in 0..(BUFFER + MOST_WAITING * PIECE) / 16 + 2 {
        model.leaves(16);
        interrupt(&mut line, &model);
        told.extend(answers(&mut line));
    }
    let waited: Vec<_> = (ticket..ticket + MOST_WAITING as u64).map(|ticket| (ticket, 0)).collect();
    assert_eq!(told, waited);
    let mut expected: Vec<u8> = (1..=ticket).flat_map(|ticket| [ticket as u8; PIECE]).collect();
    expected.extend(b"more".repeat(MOST_WAITING - 1));
    assert_eq!(model.state.borrow().sent, expected);
}

#[test]
fn a_lie_about_the_length_is_refused() {
    let (mut line, model) = opened();
    line.write(SOMEBODY, PIECE as u8 + 1, [0; 4], Later::new(3));
    assert_eq!(answers(&mut line), [(3, Error::BadArgument.code())]);
    assert!(model.state.borrow().transmit.is_empty());
}

#[test]
fn drained_is_when_the_last_bit_has_left() {
    let (mut line, model) = opened();
    write(&mut line, 1, b"bye");
    line.drain(SOMEBODY, Later::new(2));
    assert_eq!(answers(&mut line), [(1, 0)]);
    assert!(line.patience().is_some(), "no interrupt tells of it");
    model.leaves(2);
    line.look();
    assert_eq!(answers(&mut line), []);
    model.leaves(1);
    line.look();
    assert_eq!(answers(&mut line), [(2, 0)]);
    assert_eq!(line.patience(), None);
}

#[test]
fn loss_is_counted() {
    let (mut line, model) = opened();
    model.comes(b'a', 0);
    model.comes(b'?', PARITY);
    (0..20).for_each(|_| model.comes(b'b', 0));
    interrupt(&mut line, &model);
    let statistics = line.statistics().unwrap();
    assert_eq!((statistics.received, statistics.damaged, statistics.overruns), (15, 1, 1));
}

#[test]
fn a_full_buffer_leaves_bytes_in_the_device() {
    let (mut line, model) = opened();
    for number in 0..BUFFER {
        model.comes(number as u8, 0);
        interrupt(&mut line, &model);
    }
    (0..10).for_each(|_| model.comes(b'x', 0));
    assert!(!model.interrupts(), "nobody would fetch them");
    assert_eq!(model.state.borrow().receive.len(), 10);
    // The room that a reader makes is theirs.
    assert_eq!(read(&mut line).map(|bytes| bytes.len()), Some(PIECE));
    interrupt(&mut line, &model);
    let statistics = line.statistics().unwrap();
    assert_eq!((statistics.received as usize, statistics.overruns), (BUFFER + 10, 0));
}

#[test]
fn a_device_that_goes_away_holds_nobody() {
    let (mut line, model) = opened();
    model.is_there.set(false);
    let before = model.state.borrow().accesses;
    line.look();
    assert!(model.state.borrow().accesses - before < 1000);
    assert_eq!(read(&mut line), None);
}

proptest! {
    #[test]
    fn every_byte_arrives_in_order(
        steps in prop::collection::vec((0..4u8, prop::collection::vec(any::<u8>(), 0..40)), 0..200),
    ) {
        let (mut line, model) = opened();
        let (mut out, mut inward, mut read_back) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_reading = false;
        for (step, bytes) in steps {
            match step {
                0 => {
                    write(&mut line, 2, &bytes);
                    out.extend_from_slice(&bytes[..bytes.len().min(PIECE)]);
                }
                1 => {
                    let fits = bytes.len().min(16 - model.state.borrow().receive.len());
                    bytes[..fits].iter().for_each(|byte| model.comes(*byte, 0));
                    inward.extend_from_slice(&bytes[..fits]);
                }
                2 => model.leaves(bytes.len()),
                _ if !is_reading => {
                    line.read(SOMEBODY, Later::new(1));
                    is_reading = true;
                }
                _ => {}
            }
            interrupt(&mut line, &model);
            for answered in line.answers().iter().filter(|answered| answered.ticket == 1) {
                let words = answered.reply.words;
                let piece = Piece::from_words(words[0] as u8, [words[1], words[2], words[3], words[4]]);
                read_back.extend_from_slice(piece.unwrap().bytes());
                is_reading = false;
            }
        }
        for _ in 0..1000 {
            model.leaves(16);
            line.look();
        }
        while let Some(bytes) = read(&mut line) {
            read_back.extend(bytes);
        }
        prop_assert_eq!(&model.state.borrow().sent, &out);
        prop_assert_eq!(read_back, inward);
    }
}
