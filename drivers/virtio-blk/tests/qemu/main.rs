//! The driver against QEMU's own device: a second opinion on what the model in `tests/blk` believes of the specification.
//!
//! QEMU's CPU does nothing; see `anax_qtest`. The disk is a file of the test's. Without QEMU on the path the test says so and
//! passes: the system tests need it anyway.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anax_blocks::{Access, ClientSide, Event, Id, SectorSize, Sectors, Transfer, What};
use anax_device::{Bar, ConfigSpace, DmaAddress, MsiX, bar, enable_memory_and_bus_master};
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_qtest::{Function, Mapped, Qemu, SLOT};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use anax_virtio::{Features, Transport, Windows, device_type};
use tempfile::TempDir;
use virtio_blk::{Blk, Interrupts, Service};

const REQUESTS: usize = 64;
/// Where the device's registers are put: no firmware has run.
const REGISTERS: u32 = 0xe000_0000;
/// Guest memory from here on is the test's, and the pool from the second on.
const MEMORY: u64 = 0x20_0000;
const POOL: u64 = 0x40_0000;
const BUFFERS: usize = 64;
const POOL_BYTES: u64 = BUFFERS as u64 * 4096;
const SECTORS: u64 = 2048;
/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The device has no use for it.
const NOW: Duration = Duration::ZERO;

type Disk<'a> = Blk<'a, Mapped, u64, REQUESTS>;

/// A QEMU with a disk of zeros.
fn qemu(folder: &TempDir, properties: &str) -> Option<Qemu> {
    let image = folder.path().join("disk");
    fs::write(&image, vec![0; SECTORS as usize * 512]).expect("a temporary file");
    let device = format!("virtio-blk-pci,addr={SLOT},{properties}");
    let qemu = Qemu::with_disk("q35", &image, &device);
    if qemu.is_none() {
        println!("skipped: there is no qemu-system-x86_64");
    }
    qemu
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn contents(folder: &TempDir) -> Vec<u8> {
    fs::read(Path::new(folder.path()).join("disk")).expect("the disk")
}

/// The device's registers, at their place and switched on.
fn transport(qemu: &Qemu, interrupts: Interrupts) -> Transport<Mapped> {
    let config = Function { qemu: qemu.line(), device: SLOT };
    assert_eq!(device_type(&config), Some(2));
    let windows = Windows::find(&config).expect("a modern device");
    let number = windows.common.bar;
    config.write(0x10 + 4 * number, REGISTERS);
    config.write(0x14 + 4 * number, 0);
    assert_eq!(bar(&config, number), Some(Bar::Memory(REGISTERS.into())));
    enable_memory_and_bus_master(&config);
    if interrupts != Interrupts::Line {
        MsiX::find(&config).expect("it has them").enable(&config);
    }
    let window = |window: anax_device::Window| Mapped {
        qemu: qemu.line(),
        start: u64::from(REGISTERS) + u64::from(window.offset),
        length: window.length as usize,
    };
    let [common, notify, isr, device] =
        [windows.common, windows.notify, windows.isr, windows.device].map(window);
    Transport::new(common, notify, windows.notify_multiplier, isr, device)
}

/// How long the device's name is waited for.
fn patience() -> impl FnMut() -> bool {
    let begin = Instant::now();
    move || begin.elapsed() < PATIENCE
}

fn start(qemu: &Qemu, interrupts: Interrupts) -> Disk<'_> {
    let memory = qemu.memory(MEMORY, Disk::MEMORY_BYTES);
    Blk::start(
        transport(qemu, interrupts),
        memory,
        interrupts,
        (DmaAddress::new(POOL), POOL_BYTES),
        patience(),
    )
    .expect("it comes up")
}

/// All of what ends, once as much has ended as was asked.
fn ended(disk: &mut Disk<'_>, count: usize) -> Vec<Ended<u64>> {
    let (begin, mut all) = (Instant::now(), vec![]);
    disk.flush();
    while all.len() < count {
        disk.poll(NOW, 64, |one| all.push(one)).expect("QEMU is honest");
        assert!(begin.elapsed() < PATIENCE, "{all:?}");
    }
    all
}

fn transfer(first: u64, count: u32, buffer: u64) -> Transfer {
    Transfer {
        sectors: Sectors::new(first, count).expect("some"),
        offset: buffer * 4096,
        length: count * 512,
    }
}

#[test]
fn sectors_go_both_ways_through_qemus_device() {
    let folder = folder();
    let Some(qemu) = qemu(&folder, "serial=anax-1234567890") else { return };
    let mut disk = start(&qemu, Interrupts::Line);
    let about = disk.disk();
    assert_eq!(
        (about.sectors, about.sector, about.access),
        (SECTORS, SectorSize::SMALLEST, Access::ReadWrite)
    );
    assert_eq!(about.id, Id(*b"anax-1234567890\0\0\0\0\0"));
    assert!(disk.features().contains(Features::EVENT_IDX.with(Features::bit(9))), "event indices and flush");
    let pool = SharedBytes::new(SharedBlock::from_words(qemu.memory(POOL, POOL_BYTES as usize).words()));

    // One, told of by an interrupt.
    assert_eq!(disk.prepare_to_wait(), Ok(Polled::Idle));
    let _ = disk.acknowledge();
    assert!(matches!(disk.submit(What::Flush, 0, NOW), Submitted::Taken));
    disk.flush();
    let begin = Instant::now();
    while !disk.acknowledge().is_some_and(|cause| cause.queue()) {
        assert!(begin.elapsed() < PATIENCE, "no interrupt");
    }
    assert_eq!(ended(&mut disk, 1), [Ended::Done(0)]);

    // The whole disk, in requests of 4,096 bytes, as many at once as there can be, through a reset in the middle of each lap.
    let before = qemu.writes16();
    for lap in 0..SECTORS / 8 / BUFFERS as u64 {
        for buffer in 0..BUFFERS as u64 {
            let first = (lap * BUFFERS as u64 + buffer) * 8;
            for word in 0..512 {
                pool.write_u64((buffer * 4096 + word * 8) as usize, first << 32 | word).expect("within");
            }
            assert!(matches!(
                disk.submit(What::Write(transfer(first, 8, buffer)), first, NOW),
                Submitted::Taken
            ));
        }
        disk.flush();
        disk.restart(NOW).expect("it comes up again");
        let mut all = ended(&mut disk, BUFFERS);
        all.sort_unstable_by_key(|one| match one {
            Ended::Done(first) | Ended::Failed(first) => *first,
        });
        let expected = (0..BUFFERS as u64).map(|buffer| Ended::Done((lap * BUFFERS as u64 + buffer) * 8));
        assert!(all.into_iter().eq(expected));
    }
    assert!(matches!(disk.submit(What::Flush, 0, NOW), Submitted::Taken));
    assert_eq!(ended(&mut disk, 1), [Ended::Done(0)]);
    println!("{} 16-bit writes", qemu.writes16() - before);
    for (number, word) in contents(&folder).chunks(8).enumerate() {
        let number = number as u64;
        let expected = ((number / 512 * 8) << 32) + number % 512;
        assert_eq!(word, expected.to_le_bytes(), "word {number}");
    }
    for first in [0, 77, SECTORS - 16] {
        assert!(matches!(disk.submit(What::Read(transfer(first, 16, 2)), first, NOW), Submitted::Taken));
        assert_eq!(ended(&mut disk, 1), [Ended::Done(first)]);
        let mut bytes = vec![0; 16 * 512];
        pool.copy_out(2 * 4096, &mut bytes).expect("within");
        assert!(bytes == contents(&folder)[first as usize * 512..][..16 * 512]);
    }
    // Past the end it is the device that says no.
    assert!(matches!(disk.submit(What::Read(transfer(SECTORS - 1, 2, 2)), 1, NOW), Submitted::Taken));
    assert_eq!(ended(&mut disk, 1), [Ended::Failed(1)]);
    disk.quiesce().expect("it stops");
    assert_eq!((disk.in_flight(), disk.take_back()), (0, None));
}

#[test]
fn large_sectors_a_disk_that_is_read_only_and_vectors() {
    let folder = folder();
    let Some(qemu) = qemu(&folder, "logical_block_size=4096,physical_block_size=4096") else { return };
    let mut disk = start(&qemu, Interrupts::MsiX { queues: 1, configuration: 0 });
    assert_eq!((disk.disk().sectors, disk.disk().sector), (SECTORS / 8, SectorSize::LARGEST));
    assert_eq!((disk.disk().id, disk.acknowledge(), disk.check()), (Id::default(), None, Ok(())));
    let pool = SharedBytes::new(SharedBlock::from_words(qemu.memory(POOL, 4096).words()));
    pool.fill(0x5a);
    let sectors = Sectors::new(SECTORS / 8 - 1, 1).expect("some");
    let what = What::Write(Transfer { sectors, offset: 0, length: 4096 });
    assert!(matches!(disk.submit(what, 3, NOW), Submitted::Taken));
    assert_eq!(ended(&mut disk, 1), [Ended::Done(3)]);
    assert!(contents(&folder).ends_with(&[0x5a; 4096]) && !contents(&folder).ends_with(&[0x5a; 4097]));

    let folder = self::folder();
    let image = folder.path().join("disk");
    fs::write(&image, vec![0; 512 * 9]).expect("a temporary file");
    let file = format!("{},readonly=on", image.display());
    let qemu = Qemu::with_disk("q35", Path::new(&file), &format!("virtio-blk-pci,addr={SLOT}"));
    let qemu = qemu.expect("it was there");
    let disk = start(&qemu, Interrupts::Line);
    assert_eq!((disk.disk().sectors, disk.disk().access), (9, Access::ReadOnly));
}

/// A client on one thread, the driver on another, and the driver dies again and again.
#[test]
fn a_client_keeps_its_data_through_drivers_that_die() {
    const COUNT: u32 = 2000;
    const LIVES: u32 = 8;
    let folder = folder();
    let Some(qemu) = qemu(&folder, "serial=anax") else { return };
    let geometry = Geometry::new(64, 64).expect("powers of two");
    let channel: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&channel);
    let mut supervisor = Supervisor::create(block, geometry).expect("large enough");
    let pool = SharedBytes::new(SharedBlock::from_words(qemu.memory(POOL, POOL_BYTES as usize).words()));
    let memory = qemu.memory(MEMORY, Disk::MEMORY_BYTES);
    let (done, ends) = (AtomicBool::new(false), AtomicU32::new(0));
    let (mut lives, begin) = (0, Instant::now());
    let mut expected = vec![0_u8; SECTORS as usize * 512];
    let counters = thread::scope(|scope| {
        let expected = &mut expected;
        let (done, ends, channel) = (&done, &ends, &channel);
        let client = scope.spawn(move || {
            let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Client).expect("a channel");
            let mut client = ClientSide::<BUFFERS>::new(endpoint, pool, 4096).expect("nothing wrong");
            let (mut next, mut open, mut flushed) = (0_u32, 0, false);
            while next < COUNT || open > 0 || !flushed {
                while next < COUNT && client.disk().is_some() {
                    let Some(buffer) = client.buffer() else { break };
                    let first = u64::from(next).wrapping_mul(2_654_435_761) % 200;
                    let sectors = Sectors::new(first, 1 + next % 8).expect("some");
                    let bytes = vec![next as u8; sectors.count() as usize * 512];
                    buffer.bytes().copy_in(0, &bytes).expect("within");
                    client.write(buffer, sectors, next).expect("it is taken");
                    expected[first as usize * 512..][..bytes.len()].copy_from_slice(&bytes);
                    (next, open) = (next + 1, open + 1);
                }
                match client.event().expect("the driver is honest") {
                    Event::Written(ended) => {
                        assert_eq!(ended.outcome, Ok(()));
                        ends.fetch_add(1, Ordering::Relaxed);
                        open -= 1;
                        client.release(ended.buffer);
                        if next == COUNT && open == 0 {
                            client.flush_disk(0).expect("there is a place");
                        }
                    }
                    Event::Flushed { outcome, .. } => flushed = outcome.is_ok(),
                    Event::Nothing => {
                        let _ = client.flush().expect("the driver is honest");
                        thread::yield_now();
                    }
                    _ => {}
                }
                assert!(begin.elapsed() < 3 * PATIENCE, "{next} asked, {open} open");
            }
            done.store(true, Ordering::Relaxed);
            client.counters()
        });
        while !done.load(Ordering::Relaxed) && !client.is_finished() {
            // The device is stopped by this, and only then does the client hear of it.
            let line = Interrupts::Line;
            let blk = Blk::start(
                transport(&qemu, line),
                memory,
                line,
                (DmaAddress::new(POOL), POOL_BYTES),
                patience(),
            );
            if lives > 0 {
                supervisor.rebind().expect("large enough");
            }
            let end = Endpoint::open(block, Side::Server).expect("a channel");
            let mut driver = Service::<_, REQUESTS>::new(blk.expect("it comes up"), end, POOL_BYTES);
            // It dies with something under way. So much has ended by then that nothing was under way in three lives.
            let before = ends.load(Ordering::Relaxed);
            while !done.load(Ordering::Relaxed) && !client.is_finished() {
                let _ = driver.serve(begin.elapsed(), 4).expect("QEMU is honest");
                let ended = ends.load(Ordering::Relaxed) - before;
                if ended > 2 * BUFFERS as u32 && driver.drive().in_flight() > 0 {
                    break;
                }
            }
            lives += 1;
        }
        client.join().expect("the client")
    });
    println!("{lives} drivers, {COUNT} writes, {counters:?}, {:?}", begin.elapsed());
    assert!(lives >= LIVES && counters.asked_again > 0);
    assert!(counters.written == u64::from(COUNT) && counters.flushed == 1);
    assert!(contents(&folder) == expected, "the disk holds what was written last");
}
