//! The driver against QEMU's own IDE disk: a second opinion on what the model in `tests/ata` believes of the standard.
//!
//! QEMU's CPU does nothing; see `anax_qtest`. Without QEMU on the path the test says so and passes: the system tests need it
//! anyway.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use anax_blocks::{Access, Sectors, Transfer, What};
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_qtest::{Qemu, Range};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use ata::{Ata, Channel, SetupError, Starting, Unit};

/// More than 28 bits can name; the file has holes.
const SECTORS: u64 = (1 << 28) + 1000;

fn channel(qemu: &Qemu, first: u16, unit: Unit) -> Channel<Range> {
    let range = |first, count| Range { qemu: qemu.line(), first, count };
    Channel::new(range(first, 8), range(first + 0x206, 1), unit)
}

fn start(channel: Channel<Range>) -> Result<(Starting<Range>, ata::Identity), SetupError> {
    let begin = Instant::now();
    let mut starting = Starting::new(channel, begin.elapsed());
    loop {
        if let Some(identity) = starting.poll(begin.elapsed())? {
            return Ok((starting, identity));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn run(disk: &mut Ata<'_, Range, u32>, what: What) -> Ended<u32> {
    let begin = Instant::now();
    assert!(matches!(disk.submit(what, 5, begin.elapsed()), Submitted::Taken));
    let mut ended = None;
    while ended.is_none() {
        let polled = disk.poll(begin.elapsed(), 1, |one| ended = Some(one)).expect("QEMU is honest");
        assert_eq!(polled == Polled::More, ended.is_some());
    }
    ended.expect("it has ended")
}

fn transfer(first: u64, count: u32) -> Transfer {
    Transfer { sectors: Sectors::new(first, count).expect("some"), offset: 512, length: count * 512 }
}

#[test]
fn sectors_go_both_ways_through_qemus_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = folder.path().join("disk");
    let mut file = File::options().create_new(true).read(true).write(true).open(&image).expect("a file");
    file.set_len(SECTORS * 512).expect("a file with a hole");
    let Some(qemu) = Qemu::with_disk("pc", &image, "ide-hd,bus=ide.1,unit=0,serial=anax-ide") else {
        println!("skipped: there is no qemu-system-x86_64");
        return;
    };
    assert_eq!(start(channel(&qemu, 0x1f0, Unit::Master)).err(), Some(SetupError::NoDevice));
    assert_eq!(start(channel(&qemu, 0x170, Unit::Slave)).err(), Some(SetupError::NoDevice));
    let (starting, identity) = start(channel(&qemu, 0x170, Unit::Master)).expect("it comes up");
    let about = identity.disk();
    assert_eq!((about.sectors, about.access), (SECTORS, Access::ReadWrite));
    assert!(about.id.0.starts_with(b"anax-ide"), "{:?}", about.id);
    let words: Vec<_> = (0..2048).map(|_| AtomicU64::new(0)).collect();
    let pool = SharedBytes::new(SharedBlock::from_words(&words));
    let mut disk = Ata::new(starting, identity, pool);

    let begin = Instant::now();
    // By 28 bits, across the last sector that they name, and by 48 bits alone.
    for (number, first) in [0, 77, (1 << 28) - 4, (1 << 28) + 992].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..8 * 512).map(|at| (at * 7 + at / 512 + number) as u8).collect();
        pool.copy_in(512, &bytes).expect("within");
        assert_eq!(run(&mut disk, What::Write(transfer(first, 8))), Ended::Done(5));
        assert_eq!(run(&mut disk, What::Flush), Ended::Done(5));
        let mut found = vec![0; bytes.len()];
        file.seek(SeekFrom::Start(first * 512)).expect("within");
        file.read_exact(&mut found).expect("within");
        assert!(found == bytes, "written at {first}");

        file.seek(SeekFrom::Start(first * 512 + 1024)).expect("within");
        file.write_all(&[number as u8; 512]).expect("within");
        pool.fill(0xee);
        assert_eq!(run(&mut disk, What::Read(transfer(first + 1, 3))), Ended::Done(5));
        pool.copy_out(512, &mut found[..3 * 512]).expect("within");
        assert!(found[..512] == bytes[512..1024] && found[512..1024] == [number as u8; 512]);
        assert!(found[1024..1536] == bytes[3 * 512..4 * 512]);
        assert_eq!((pool.read_u8(511), pool.read_u8(4 * 512)), (Ok(0xee), Ok(0xee)));
        disk.restart(Duration::ZERO).expect("it always begins");
        let mut now = Duration::ZERO;
        while disk.deadline().is_some() {
            now += Duration::from_millis(1);
            assert_eq!(disk.poll(now, 1, |_| panic!("nothing is under way")), Ok(Polled::Idle));
        }
    }
    // Past the end it is the device that says no, and then goes on.
    assert_eq!(run(&mut disk, What::Read(transfer(SECTORS - 1, 2))), Ended::Failed(5));
    assert_eq!(run(&mut disk, What::Read(transfer(SECTORS - 1, 1))), Ended::Done(5));
    println!("{:?}", begin.elapsed());
}
