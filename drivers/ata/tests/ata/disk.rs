//! The disk alone.

use std::cell::RefCell;
use std::time::Duration;

use anax_blocks::{Sectors, Transfer, What};
use anax_device::Broken;
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use ata::{Ata, Unit};
use proptest::prelude::*;

use crate::model::{Block, Model, Whim};
use crate::starting::start;

const SECTORS: u64 = 1 << 30;
const LONG: u64 = 1 << 28;
type Disk<'m> = Ata<'m, Block<'m>, u32>;

/// A pool, and a watch.
struct Bench {
    words: Vec<AtomicU64>,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        Self { words: (0..4096).map(|_| AtomicU64::new(0)).collect(), now: Duration::from_secs(1) }
    }

    fn pool(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.words))
    }
}

fn disk<'m>(bench: &'m Bench, model: &'m RefCell<Model>) -> Disk<'m> {
    let (starting, identity) = start(model, Unit::Master, &mut bench.now.clone()).expect("nothing wrong");
    Ata::new(starting, identity, bench.pool())
}

fn transfer(first: u64, count: u32) -> Transfer {
    Transfer { sectors: Sectors::new(first, count).expect("some"), offset: 1024, length: count * 512 }
}

/// Until it ends, looking only when it wants to be looked at.
fn finish(disk: &mut Disk<'_>, now: &mut Duration) -> Result<Ended<u32>, Broken> {
    for _ in 0..20_000 {
        let mut ended = None;
        let polled = disk.poll(*now, 1, |one| ended = Some(one))?;
        if let Some(ended) = ended {
            assert_eq!(polled, Polled::More);
            return Ok(ended);
        }
        if disk.prepare_to_wait()? == Polled::More {
            continue;
        }
        let next = disk.deadline().expect("it waits for something");
        assert!(next > *now && next <= *now + Duration::from_millis(10), "{next:?} after {now:?}");
        *now = next;
    }
    panic!("it never ends");
}

fn run(disk: &mut Disk<'_>, what: What, now: &mut Duration) -> Result<Ended<u32>, Broken> {
    assert!(matches!(disk.submit(what, 7, *now), Submitted::Taken));
    assert!(matches!(disk.submit(what, 8, *now), Submitted::NoRoom(8)));
    finish(disk, now)
}

#[test]
fn sectors_by_both_kinds_of_address() {
    for delay in [0, 2, 5, 70, 500] {
        let (bench, model) = (Bench::new(), Model::new(SECTORS));
        let mut disk = disk(&bench, &model);
        let mut now = bench.now;
        model.borrow_mut().delay = delay;
        for (first, count, code) in [
            (0, 1, 0x30),
            (LONG - 17, 16, 0x30),
            (LONG - 16, 16, 0x34),
            (LONG - 1, 2, 0x34),
            (LONG + 0x01_2345, 40, 0x34),
            (SECTORS - 1, 1, 0x34),
        ] {
            for at in 0..count as usize * 512 {
                bench.pool().write_u8(1024 + at, (at * 13 + delay as usize) as u8).expect("within");
            }
            assert_eq!(run(&mut disk, What::Write(transfer(first, count)), &mut now), Ok(Ended::Done(7)));
            bench.pool().fill(0xee);
            assert_eq!(run(&mut disk, What::Read(transfer(first, count)), &mut now), Ok(Ended::Done(7)));
            for at in 0..count as usize * 512 {
                assert_eq!(
                    bench.pool().read_u8(1024 + at),
                    Ok((at * 13 + delay as usize) as u8),
                    "{first} {at}"
                );
            }
            assert_eq!(
                (bench.pool().read_u8(1023), bench.pool().read_u8(1024 + count as usize * 512)),
                (Ok(0xee), Ok(0xee))
            );
            let commands = &mut model.borrow_mut().commands;
            assert_eq!(commands.split_off(commands.len() - 2), [code, code - 0x10]);
        }
        assert_eq!(run(&mut disk, What::Flush, &mut now), Ok(Ended::Done(7)));
        assert_eq!((model.borrow().flushes, model.borrow().commands.last()), (1, Some(&0xea)));
    }
    // 128 sectors in one go, but for waiting: no look at the watch is needed when the device is fast.
    let (bench, model) = (Bench::new(), Model::new(SECTORS));
    let mut disk = disk(&bench, &model);
    let what = What::Read(Transfer { offset: 0, ..transfer(5, 60) });
    assert!(matches!(disk.submit(what, 7, bench.now), Submitted::Taken));
    let mut ended = None;
    assert_eq!(disk.poll(bench.now, 1, |one| ended = Some(one)), Ok(Polled::More));
    assert_eq!(ended, Some(Ended::Done(7)));
}

#[test]
fn without_a_cache_there_is_nothing_to_flush() {
    let (bench, model) = (Bench::new(), Model::new(100));
    model.borrow_mut().words[83] = 1 << 14 | 1 << 10;
    let mut one = disk(&bench, &model);
    assert!(matches!(one.submit(What::Flush, 7, bench.now), Submitted::Done(7)));
    model.borrow_mut().words[83] = 1 << 14 | 1 << 12;
    let mut two = disk(&bench, &model);
    assert_eq!(run(&mut two, What::Flush, &mut bench.now.clone()), Ok(Ended::Done(7)));
    assert_eq!(model.borrow().commands.last(), Some(&0xe7));
}

#[test]
fn errors_end_a_command_and_nothing_else() {
    for whim in [Whim::None, Whim::Confused] {
        let (bench, model) = (Bench::new(), Model::new(100));
        let mut disk = disk(&bench, &model);
        let mut now = bench.now;
        model.borrow_mut().bad.extend([3, 99]);
        model.borrow_mut().whim = whim;
        let resets = model.borrow().resets;
        for what in [What::Read(transfer(3, 1)), What::Write(transfer(1, 5)), What::Read(transfer(98, 2))] {
            assert_eq!(run(&mut disk, what, &mut now), Ok(Ended::Failed(7)));
            // One that is still in the middle of it is reset first.
            while disk.deadline().is_some() {
                assert_eq!(disk.poll(now, 1, |_| panic!("nothing is under way")), Ok(Polled::Idle));
                now += Duration::from_millis(1);
            }
            assert_eq!(run(&mut disk, What::Write(transfer(10, 2)), &mut now), Ok(Ended::Done(7)));
        }
        assert_eq!(model.borrow().resets - resets, if whim == Whim::Confused { 3 } else { 0 });
    }
}

#[test]
fn the_first_block_of_a_write_is_looked_for_without_an_interrupt() {
    let (bench, model) = (Bench::new(), Model::new(100));
    let (mut disk, now) = (disk(&bench, &model), bench.now);
    assert!(matches!(disk.submit(What::Read(transfer(0, 1)), 7, now), Submitted::Taken));
    assert_eq!(disk.prepare_to_wait(), Ok(Polled::Idle));
    assert_eq!(finish(&mut disk, &mut now.clone()), Ok(Ended::Done(7)));
    model.borrow_mut().delay = 150;
    assert!(matches!(disk.submit(What::Write(transfer(0, 2)), 8, now), Submitted::Taken));
    // Nobody else says when.
    assert_eq!(disk.prepare_to_wait(), Ok(Polled::More));
    // A disk that takes its time is looked at less and less often.
    for pause in [50, 100] {
        assert_eq!(disk.poll(now, 1, |_| panic!("nothing was moved")), Ok(Polled::Idle));
        assert_eq!(disk.prepare_to_wait(), Ok(Polled::Idle));
        assert_eq!(disk.deadline(), Some(now + Duration::from_micros(pause)));
    }
    assert_eq!(finish(&mut disk, &mut now.clone()), Ok(Ended::Done(8)));
}

#[test]
fn what_hangs_is_broken_in_time_and_begun_again() {
    for (what, patience) in
        [(What::Read(transfer(0, 1)), 10), (What::Write(transfer(0, 1)), 10), (What::Flush, 60)]
    {
        let (bench, model) = (Bench::new(), Model::new(100));
        let mut disk = disk(&bench, &model);
        let mut now = bench.now;
        model.borrow_mut().whim = Whim::Hangs;
        assert_eq!(run(&mut disk, what, &mut now), Err(Broken));
        let took = now - bench.now;
        assert!(
            took >= Duration::from_secs(patience) && took < Duration::from_secs(patience + 1),
            "{took:?}"
        );
        // A reset that does not end is no better.
        model.borrow_mut().whim = Whim::NeverReady;
        disk.restart(now).expect("it always begins");
        let begin = now;
        assert_eq!(finish(&mut disk, &mut now), Err(Broken));
        assert!(now - begin >= Duration::from_secs(31));
        model.borrow_mut().whim = Whim::None;
        disk.restart(now).expect("it always begins");
        assert!(matches!(disk.submit(what, 8, now), Submitted::NoRoom(8)));
        assert_eq!(finish(&mut disk, &mut now), Ok(Ended::Done(7)));
        // Gone in the middle.
        model.borrow_mut().whim = Whim::Empty;
        assert_eq!(run(&mut disk, what, &mut now), Err(Broken));
        disk.quiesce().expect("it stops");
        assert_eq!((disk.take_back(), disk.take_back(), disk.deadline()), (Some(7), None, None));
        assert!(matches!(disk.submit(what, 8, now), Submitted::NoRoom(8)));
    }
}

#[test]
fn more_or_less_data_than_was_asked_for_is_a_lie() {
    for whim in [Whim::Short, Whim::Greedy] {
        for what in [What::Read(transfer(4, 3)), What::Write(transfer(4, 3))] {
            let (bench, model) = (Bench::new(), Model::new(100));
            let mut disk = disk(&bench, &model);
            let mut now = bench.now;
            model.borrow_mut().whim = whim;
            assert_eq!(run(&mut disk, what, &mut now), Err(Broken), "{whim:?} {what:?}");
            model.borrow_mut().whim = Whim::None;
            disk.restart(now).expect("it always begins");
            assert_eq!(finish(&mut disk, &mut now), Ok(Ended::Done(7)));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(u64, u32),
    Write(u64, u32),
    Flush,
    Delay(u32),
    Bad(u64),
    Heal,
    Hang,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..20_u64, 1..9_u32);
    prop_oneof![
        6 => range().prop_map(|(first, count)| Step::Read(first, count)),
        6 => range().prop_map(|(first, count)| Step::Write(first, count)),
        1 => Just(Step::Flush),
        2 => (0..150_u32).prop_map(Step::Delay),
        1 => (0..28_u64).prop_map(Step::Bad),
        1 => Just(Step::Heal),
        1 => Just(Step::Hang),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is read is what was written, whatever the device does in between; bad sectors fail, and only they.
    #[test]
    fn contents_are_as_written(steps in prop::collection::vec(step(), 0..60), reset_in_flight in any::<bool>()) {
        let (bench, model) = (Bench::new(), Model::new(100));
        let mut disk = disk(&bench, &model);
        let mut now = bench.now;
        // Nothing where a write failed.
        let mut expected = [Some(0_u8); 28];
        let mut value = 0_u8;
        for step in steps {
            let what = match step {
                Step::Read(first, count) => What::Read(transfer(first, count)),
                Step::Write(first, count) => {
                    value = value.wrapping_add(1);
                    bench.pool().fill(value);
                    What::Write(transfer(first, count))
                }
                Step::Flush => What::Flush,
                Step::Delay(delay) => { model.borrow_mut().delay = delay; continue; }
                Step::Bad(sector) => { model.borrow_mut().bad.insert(sector); continue; }
                Step::Heal => { model.borrow_mut().bad.clear(); continue; }
                Step::Hang => { model.borrow_mut().whim = Whim::Hangs; continue; }
                Step::Reset => { disk.restart(now).expect("it always begins"); continue; }
            };
            while let Submitted::NoRoom(_) = disk.submit(what, 7, now) {
                prop_assert_eq!(disk.poll(now, 1, |_| panic!("nothing is under way")), Ok(Polled::Idle));
                now += Duration::from_millis(1);
            }
            if reset_in_flight {
                disk.restart(now).expect("it always begins");
            }
            let mut ended = finish(&mut disk, &mut now);
            if ended.is_err() {
                prop_assert_eq!(model.borrow().whim, Whim::Hangs);
                model.borrow_mut().whim = Whim::None;
                disk.restart(now).expect("it always begins");
                ended = finish(&mut disk, &mut now);
            }
            let (What::Read(transfer) | What::Write(transfer)) = what else {
                prop_assert_eq!(ended, Ok(Ended::Done(7)));
                continue;
            };
            let range = transfer.sectors.first()..transfer.sectors.end();
            let bad = range.clone().any(|sector| model.borrow().bad.contains(&sector));
            prop_assert_eq!(ended, Ok(if bad { Ended::Failed(7) } else { Ended::Done(7) }));
            for (at, sector) in range.enumerate() {
                let known = &mut expected[sector as usize];
                match what {
                    What::Write(_) => *known = (!bad).then_some(value),
                    _ if bad => {}
                    _ => for byte in [0, 511] {
                        let found = bench.pool().read_u8(1024 + at * 512 + byte).expect("within");
                        prop_assert!(known.is_none_or(|known| known == found), "{sector}: {found}, not {known:?}");
                    },
                }
            }
        }
    }
}
