//! Records and the supervisor's interface, by themselves. What a successor makes of a record is tested with the drivers.

use anax_driver::{
    Counters, Driver, DriverClient, DriverError, Events, Flow, Health, InFlight, Kind, Link, MAX_IN_FLIGHT,
    Mode, Name, Record, Refusal, STATE_BYTES, Traffic, driver,
};
use anax_proto::{Caller, Loopback};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes, Suspended, TicketWords};
use proptest::prelude::*;

fn memory(bytes: usize) -> Vec<AtomicU64> {
    (0..bytes / 8).map(|_| AtomicU64::new(0)).collect()
}

fn bytes(words: &[AtomicU64]) -> SharedBytes<'_> {
    SharedBytes::new(SharedBlock::from_words(words))
}

fn record(count: usize) -> Record {
    let flow = |at| [Flow::In, Flow::Out, Flow::Held][at as usize % 3];
    let in_flight = (0..count as u64).map(|at| InFlight {
        ticket: TicketWords::new(at << 32 | 7, 5),
        flow: flow(at),
        place: at as u16,
        offset: at * 2048,
        length: 1518,
        detail: at << 40,
    });
    let channel = Suspended::from_words([5, (9 + count as u64) << 32 | 9]).expect("an epoch");
    let counters = Counters { received: 1, sent_bytes: 2, interrupts: u64::MAX, ..Counters::default() };
    let (kind, card, words) = (Kind::Frames, Name::new("a card"), [1, 2, 3, 4, 5, 6, 7, 8]);
    Record { kind, card, channel, counters, words, in_flight: in_flight.collect() }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let state = memory(STATE_BYTES);
    assert_eq!(Record::read(bytes(&state)), Err(Refusal::NoRecord));
    for count in [0, 1, 17, MAX_IN_FLIGHT] {
        let written = record(count);
        assert!(written.is_disjoint());
        written.write(bytes(&state)).expect("there is room");
        assert_eq!(Record::read(bytes(&state)), Ok(written));
    }
    Record::clear(bytes(&state)).expect("there is room");
    assert_eq!(Record::read(bytes(&state)), Err(Refusal::NoRecord));
    let small = memory(256);
    assert_eq!(record(17).write(bytes(&small)), Err(Refusal::State));
    assert_eq!(Record::read(bytes(&small)), Err(Refusal::NoRecord), "half a record is none");
    let mut twice = record(4);
    twice.in_flight[3].offset = 1517;
    assert!(!twice.is_disjoint());
}

/// Says something different to each question.
struct Answers(Result<(), DriverError>);

impl Driver for Answers {
    fn health(&mut self) -> Result<Health, DriverError> {
        Ok(Health { mode: Mode::Quiesced, resets: 3, pending: u64::MAX })
    }
    fn quiesce(&mut self) -> Result<(), DriverError> {
        self.0
    }
    fn resume(&mut self) -> Result<(), DriverError> {
        self.0
    }
    fn take_over(&mut self) -> Result<(), DriverError> {
        self.0
    }
    fn retire(&mut self) -> Result<(), DriverError> {
        self.0
    }
    fn traffic(&mut self) -> Result<Traffic, DriverError> {
        Ok(Traffic { received: 1, received_bytes: 2, sent: 3, sent_bytes: 4, flushed: 5 })
    }
    fn events(&mut self) -> Result<Events, DriverError> {
        Ok(Events { errors: 6, resets: 7, interrupts: 8 })
    }
    fn link(&mut self) -> Result<Link, DriverError> {
        Ok(Link::Down)
    }
}

#[test]
fn answers_and_failures_travel() {
    let refusals = (1..=11).filter_map(Refusal::from_number).map(DriverError::Refused);
    let all = [DriverError::Mode, DriverError::Unfinished, DriverError::Client, DriverError::Device];
    for error in all.into_iter().chain(refusals) {
        let mut client = DriverClient::over(Loopback::new(driver::Serve(Answers(Err(error))), Caller(1)));
        assert_eq!(client.quiesce(), Err(error));
        assert_eq!(client.take_over(), Err(error));
        assert_eq!(client.health(), Answers(Ok(())).health());
        assert_eq!(client.traffic(), Answers(Ok(())).traffic());
        assert_eq!(client.events(), Answers(Ok(())).events());
        assert_eq!(client.link(), Ok(Link::Down));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands there: a record that is written again as it was, or a refusal.
    #[test]
    fn anything_is_read(changes in prop::collection::vec((0..100_usize, any::<u64>()), 0..6), count in 0..20_usize) {
        let state = memory(STATE_BYTES);
        record(count).write(bytes(&state)).expect("there is room");
        for (at, bits) in changes {
            state[at].fetch_xor(bits, std::sync::atomic::Ordering::Relaxed);
        }
        if let Ok(read) = Record::read(bytes(&state)) {
            let _ = read.is_disjoint();
            let again = memory(STATE_BYTES);
            read.write(bytes(&again)).expect("there is room");
            prop_assert_eq!(Record::read(bytes(&again)), Ok(read));
        }
    }
}
