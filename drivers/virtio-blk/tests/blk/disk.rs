//! The disk alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use anax_blocks::{Access, Disk, Id, SectorSize, Sectors, Transfer, What};
use anax_device::DmaAddress;
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_virtio::{Broken, SetupError};
use proptest::prelude::*;
use virtio_blk::{Blk, Interrupts};

use crate::model::{BASE, Device, EVENT_IDX, FLUSH, ID, OFFERED, RO, Whim, Window, World, transport};

const REQUESTS: usize = 8;
/// The pool is behind the driver's own memory.
const POOL: usize = 0x2000;
const POOL_BYTES: usize = 0x1_0000;
/// The device has no use for it.
const NOW: Duration = Duration::ZERO;
type Virtio<'d, 'm> = Blk<'m, Window<'d, 'm>, u64, REQUESTS>;

fn world() -> World {
    World::new(POOL + POOL_BYTES)
}

fn try_start<'d, 'm>(
    world: &'m World,
    device: &'d RefCell<Device<'m>>,
    interrupts: Interrupts,
) -> Result<Virtio<'d, 'm>, SetupError> {
    let (own, pool) = world.block().split(POOL / 8).expect("it is that large");
    Blk::start(transport(device), own, interrupts, (pool.start(), POOL_BYTES as u64), || false)
}

fn start<'d, 'm>(world: &'m World, device: &'d RefCell<Device<'m>>) -> Virtio<'d, 'm> {
    try_start(world, device, Interrupts::Line).expect("nothing wrong")
}

fn transfer(first: u64, count: u32, buffer: u64) -> Transfer {
    let sectors = Sectors::new(first, count).expect("some");
    Transfer { sectors, offset: buffer * 4096, length: count * 512 }
}

fn put(device: &RefCell<Device<'_>>, buffer: u64, bytes: &[u8]) {
    device.borrow().write(BASE + POOL as u64 + buffer * 4096, bytes);
}

fn get(device: &RefCell<Device<'_>>, buffer: u64, length: usize) -> Vec<u8> {
    device.borrow().read(BASE + POOL as u64 + buffer * 4096, length)
}

fn poll(disk: &mut Virtio<'_, '_>) -> Result<Vec<Ended<u64>>, Broken> {
    let mut ended = vec![];
    disk.poll(NOW, 64, |one| ended.push(one))?;
    Ok(ended)
}

fn submit(disk: &mut Virtio<'_, '_>, what: What, token: u64) {
    assert!(matches!(disk.submit(what, token, NOW), Submitted::Taken));
    disk.flush();
}

#[test]
fn the_disk_comes_up_and_says_what_it_is() {
    let world = world();
    let device = world.device();
    let disk = start(&world, &device);
    assert_eq!(device.borrow().accepted, 1 << 2 | 1 << 6 | FLUSH | EVENT_IDX | 1 << 32);
    let expected = Disk { sectors: 64, sector: SectorSize::SMALLEST, access: Access::ReadWrite, id: Id(ID) };
    assert_eq!((disk.disk(), disk.in_flight(), disk.check()), (expected, 0, Ok(())));

    let with = |change: fn(&mut Device<'_>), interrupts| {
        let device = world.device();
        change(&mut device.borrow_mut());
        try_start(&world, &device, interrupts).map(|disk| disk.disk())
    };
    let (line, vectors) = (Interrupts::Line, Interrupts::MsiX { queues: 1, configuration: 0 });
    assert_eq!(with(|_| {}, vectors), Ok(expected));
    assert_eq!(with(|device| device.whim = Whim::NoId, line), Ok(Disk { id: Id::default(), ..expected }));
    assert_eq!(with(|device| device.offered |= RO, line), Ok(Disk { access: Access::ReadOnly, ..expected }));
    let large = SectorSize::LARGEST;
    // A part of a sector is none.
    let cut = |device: &mut Device<'_>| device.config = (63, 1, 4096);
    assert_eq!(with(cut, line), Ok(Disk { sectors: 7, sector: large, ..expected }));
    let none = |device: &mut Device<'_>| (device.offered, device.config) = (1 << 32, (64, 0, 0));
    assert_eq!(with(none, line), Ok(expected));
    let bad: [fn(&mut Device<'_>); 7] = [
        |device| device.config.0 = 0,
        |device| device.config.0 = 7 << 60,
        |device| device.config.1 = 0,
        |device| device.config.2 = 0,
        |device| device.config.2 = 520,
        |device| device.config.2 = 1 << 20,
        |device| device.whim = Whim::NeverAnswers,
    ];
    for (number, change) in bad.into_iter().enumerate() {
        let expected = if number == 1 { Ok(7 << 60) } else { Err(SetupError::Configuration) };
        let found = with(change, line).map(|disk| disk.sectors);
        assert!(found == expected || found == Err(SetupError::Configuration), "{number}: {found:?}");
    }
    assert_eq!(with(|device| device.whim = Whim::NeverResets, line), Err(SetupError::Stuck));
    assert_eq!(with(|device| device.whim = Whim::NoVectors, vectors), Err(SetupError::Vector));
    assert_eq!(with(|device| device.offered = OFFERED & !(1 << 32), line), Err(SetupError::Legacy));
    assert_eq!(with(|device| device.size = 0, line), Err(SetupError::Queue));
    let device = world.device();
    let (own, _) = world.block().split(64).expect("enough");
    let small = Virtio::start(transport(&device), own, line, (DmaAddress::new(BASE), 4096), || false);
    assert_eq!(small.err(), Some(SetupError::Memory));
}

#[test]
fn a_name_that_is_slow_to_come_is_waited_for() {
    let world = world();
    let device = world.device();
    device.borrow_mut().whim = Whim::NeverAnswers;
    let (own, pool) = world.block().split(POOL / 8).expect("it is that large");
    let mut looks = 0;
    let wait = || {
        looks += 1;
        let mut device = device.borrow_mut();
        if looks == 1000
            && let Some(asked) = device.take()
        {
            device.serve(&asked);
        }
        true
    };
    let pool = (pool.start(), POOL_BYTES as u64);
    let disk = Virtio::start(transport(&device), own, Interrupts::Line, pool, wait).expect("it comes up");
    assert_eq!(disk.disk().id, Id(ID));
    assert_eq!(looks, 1000);
}

#[test]
fn sectors_flushes_and_refusals() {
    let world = world();
    let device = world.device();
    let mut disk = start(&world, &device);
    put(&device, 0, &[7; 1024]);
    submit(&mut disk, What::Write(transfer(62, 2, 0)), 1);
    submit(&mut disk, What::Flush, 2);
    submit(&mut disk, What::Read(transfer(61, 3, 1)), 3);
    assert_eq!(device.borrow_mut().work(), 3);
    assert_eq!(poll(&mut disk), Ok(vec![Ended::Done(1), Ended::Done(2), Ended::Done(3)]));
    assert_eq!(get(&device, 1, 1536), [[0; 512], [7; 512], [7; 512]].concat());
    assert_eq!(device.borrow().flushes, 1);
    // The same places with and without data.
    for turn in 0..20 {
        submit(&mut disk, What::Flush, turn);
        submit(&mut disk, What::Read(transfer(0, 1, 0)), turn + 100);
        assert_eq!(device.borrow_mut().work(), 2);
        assert_eq!(poll(&mut disk), Ok(vec![Ended::Done(turn), Ended::Done(turn + 100)]));
    }
    for status in [1, 2, 3, 0x80, 0xff] {
        submit(&mut disk, What::Write(transfer(0, 1, 0)), 9);
        let request = device.borrow_mut().take().expect("one");
        device.borrow_mut().answer(&request, status);
        assert_eq!(poll(&mut disk), Ok(vec![Ended::Failed(9)]), "{status}");
    }

    // What has no cache has nothing to flush; sectors are counted in units of 512 bytes.
    let device = world.device();
    device.borrow_mut().offered &= !FLUSH;
    device.borrow_mut().config.2 = 4096;
    let mut disk = start(&world, &device);
    assert!(matches!(disk.submit(What::Flush, 1, NOW), Submitted::Done(1)));
    let sectors = Sectors::new(3, 1).expect("some");
    submit(&mut disk, What::Read(Transfer { sectors, offset: 0, length: 4096 }), 2);
    let request = device.borrow_mut().take().expect("one");
    assert_eq!((request.sector, request.data), (24, Some((BASE + POOL as u64, 4096))));
}

#[test]
fn a_read_that_is_too_short_has_failed() {
    let world = world();
    let device = world.device();
    let mut disk = start(&world, &device);
    for written in [0, 1, 511, 512, 513] {
        submit(&mut disk, What::Read(transfer(0, 1, 0)), 5);
        let request = device.borrow_mut().take().expect("one");
        device.borrow_mut().answer(&request, 0);
        let mut device = device.borrow_mut();
        // As the answer was, but for its length.
        let before = device.next_used.wrapping_sub(1);
        device.next_used = before;
        device.report(request.head.into(), written);
        let end = if written == 513 { Ended::Done(5) } else { Ended::Failed(5) };
        drop(device);
        assert_eq!(poll(&mut disk), Ok(vec![end]), "{written}");
    }
}

#[test]
fn lies_break_it_and_a_reset_heals_it() {
    for (identifier, written) in [(1, 513), (3, 513), (24, 513), (u32::MAX, 513), (0, 514), (0, u32::MAX)] {
        let world = world();
        let device = world.device();
        let mut disk = start(&world, &device);
        submit(&mut disk, What::Read(transfer(0, 1, 0)), 5);
        let request = device.borrow_mut().take().expect("one");
        device.borrow_mut().report(
            if identifier == 0 { request.head.into() } else { u32::from(request.head) + identifier },
            written,
        );
        assert_eq!(poll(&mut disk), Err(Broken), "{identifier} {written}");
        disk.restart(NOW).expect("it comes up again");
        assert_eq!((device.borrow_mut().work(), poll(&mut disk)), (1, Ok(vec![Ended::Done(5)])));
    }
    let world = world();
    let device = world.device();
    let mut disk = start(&world, &device);
    device.borrow_mut().break_down();
    assert_eq!(disk.check(), Err(Broken));
    assert!(disk.acknowledge().is_some_and(|cause| cause.configuration()));
    // Another disk is none.
    device.borrow_mut().config.0 = 63;
    assert_eq!(disk.restart(NOW), Err(SetupError::Configuration));
    assert_eq!(poll(&mut disk), Ok(vec![]));
}

#[test]
fn neither_side_is_disturbed_without_need() {
    let world = world();
    let device = world.device();
    let mut disk = start(&world, &device);
    let before = device.borrow().notifications;
    for number in 0..REQUESTS as u64 {
        assert!(matches!(
            disk.submit(What::Read(transfer(number, 1, number)), number, NOW),
            Submitted::Taken
        ));
    }
    assert!(matches!(disk.submit(What::Read(transfer(0, 1, 0)), 99, NOW), Submitted::NoRoom(99)));
    disk.flush();
    disk.flush();
    assert_eq!(device.borrow().notifications, before + 1);
    assert_eq!(disk.prepare_to_wait(), Ok(Polled::Idle));
    let interrupts = device.borrow().interrupts;
    assert_eq!(device.borrow_mut().work(), REQUESTS);
    assert_eq!(device.borrow().interrupts, interrupts + 1, "for the first of them");
    assert_eq!(disk.prepare_to_wait(), Ok(Polled::More));
    let mut count = 0;
    assert_eq!(disk.poll(NOW, 5, |_| count += 1), Ok(Polled::More));
    assert_eq!(disk.poll(NOW, 5, |_| count += 1), Ok(Polled::Idle));
    assert_eq!(count, REQUESTS);
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u8, u64, u32),
    /// The device does so many, from the other end.
    Work(usize),
    Fail,
    Poll,
    Restart,
    Lie(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..5_u8, 0..8_u64, 1..4_u32).prop_map(|(kind, first, count)| Step::Ask(kind, first, count)),
        5 => (0..5_usize).prop_map(Step::Work),
        1 => Just(Step::Fail),
        5 => Just(Step::Poll),
        1 => Just(Step::Restart),
        1 => (any::<u32>(), 0..2000_u32).prop_map(|(identifier, written)| Step::Lie(identifier % 40, written)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order: each token comes back once; with the lies left out, contents are as asked.
    #[test]
    fn each_token_comes_back_once(steps in prop::collection::vec(step(), 0..200), index in any::<bool>(), honest in any::<bool>()) {
        let world = world();
        let device = world.device();
        if !index {
            device.borrow_mut().offered &= !EVENT_IDX;
        }
        let mut disk = start(&world, &device);
        // By token: what, and what a read has to find.
        let mut under_way: BTreeMap<u64, (What, Vec<u8>)> = BTreeMap::new();
        let mut contents = [0_u8; 16];
        let mut next = 0_u64;
        for step in steps {
            match step {
                Step::Ask(kind, first, count) => {
                    let free = (0..REQUESTS as u64 + 1).find(|buffer| under_way.values().all(|(what, _)| match what {
                        What::Read(other) | What::Write(other) => other.offset != buffer * 4096,
                        What::Flush => true,
                    })).expect("one more than there can be");
                    let transfer = transfer(first, count, free);
                    let overlaps = |write: bool| under_way.values().any(|(what, _)| match what {
                        What::Read(other) => write && other.sectors.overlap(transfer.sectors),
                        What::Write(other) => other.sectors.overlap(transfer.sectors),
                        What::Flush => false,
                    });
                    let range = first as usize..first as usize + count as usize;
                    let (what, expected) = match kind {
                        0 => (What::Flush, vec![]),
                        1 | 2 if !overlaps(true) => (What::Write(transfer), vec![]),
                        3.. if !overlaps(false) => (What::Read(transfer), contents[range.clone()].to_vec()),
                        _ => continue,
                    };
                    let value = next as u8;
                    if matches!(what, What::Write(_)) {
                        put(&device, free, &vec![value; 512 * count as usize]);
                    }
                    match disk.submit(what, next, NOW) {
                        Submitted::Taken => {
                            under_way.insert(next, (what, expected));
                            if matches!(what, What::Write(_)) {
                                contents[range].fill(value);
                            }
                        }
                        Submitted::NoRoom(token) => prop_assert_eq!((token, under_way.len()), (next, REQUESTS)),
                        Submitted::Done(_) => prop_assert!(false),
                    }
                    disk.flush();
                    next += 1;
                }
                Step::Work(count) => {
                    let mut device = device.borrow_mut();
                    let requests: Vec<_> = (0..count).map_while(|_| device.take()).collect();
                    requests.iter().rev().for_each(|request| device.serve(request));
                }
                Step::Fail => {
                    let mut device = device.borrow_mut();
                    if let Some(request) = device.take() {
                        // It did it all the same, so that contents stay known.
                        device.perform(&request, usize::MAX);
                        device.answer(&request, 1);
                    }
                }
                Step::Poll => {
                    let mut ended = vec![];
                    let polled = disk.poll(NOW, 64, |one| ended.push(one));
                    for one in ended {
                        let (Ended::Done(token) | Ended::Failed(token)) = one;
                        let (what, expected) = under_way.remove(&token).expect("it was under way");
                        if let (What::Read(transfer), Ended::Done(_), true) = (what, one, honest) {
                            let found = get(&device, transfer.offset / 4096, transfer.length as usize);
                            let expected: Vec<u8> = expected.into_iter().flat_map(|value| [value; 512]).collect();
                            prop_assert!(found == expected);
                        }
                    }
                    if polled.is_err() {
                        prop_assert!(!honest);
                        disk.restart(NOW).expect("it comes up again");
                    }
                }
                Step::Restart => disk.restart(NOW).expect("it comes up again"),
                Step::Lie(identifier, written) => if !honest {
                    device.borrow_mut().report(identifier, written);
                },
            }
            prop_assert_eq!(usize::from(disk.in_flight()), under_way.len());
        }
        disk.quiesce().expect("it stops");
        let mut back: Vec<_> = std::iter::from_fn(|| disk.take_back()).collect();
        back.sort_unstable();
        prop_assert_eq!(back, under_way.into_keys().collect::<Vec<_>>());
    }
}
