//! Peers that say what can't be true: drivers with another disk or no answer, clients that reach for what is not theirs.

use anax_abi::{Error, Message};
use anax_blocks::{
    ABOUT, Access, Asked, DONE, Disk, Event, FAILED, FLUSH, Failure, Id, MAX_TRANSFER, READ, SectorSize,
    WRITE,
};
use anax_ring::{Completion, Misbehaved, Payload, Requester, Responder, Side, Taken};
use std::sync::atomic::Ordering::Relaxed;

use crate::{
    BUFFERS, DISK, Memory, POOL_BYTES, all_done, buffer, ends, introduce, names, read, sectors, settle,
    taken, write,
};

#[test]
fn a_successor_with_another_disk_gets_nothing() {
    let others = [
        Disk { sectors: 33, ..DISK },
        Disk { sector: SectorSize::LARGEST, ..DISK },
        Disk { access: Access::ReadOnly, ..DISK },
        Disk { id: Id(*b"Another for the test"), ..DISK },
    ];
    for by_kernel in [false, true] {
        let memory = Memory::new();
        let mut supervisor = memory.supervisor();
        let (mut client, mut driver) = memory.sides();
        write(&mut client, sectors(0, 1), 5);
        assert_eq!(taken(&mut driver).len(), 1);
        for other in others.into_iter().chain([DISK]) {
            let epoch = supervisor.rebind().expect("large enough");
            if by_kernel {
                client.rebind(epoch);
                client.rebind(epoch);
            } else {
                assert!(matches!(client.event(), Ok(Event::Replaced(_))));
            }
            settle(&mut client);
            driver = memory.driver(other);
            introduce(&mut driver);
            if other == DISK {
                break;
            }
            assert!(matches!(client.event(), Err(Misbehaved)));
            assert!(matches!(client.event(), Err(Misbehaved)));
            let _ = client.flush().expect("it only has another disk");
            assert_eq!(taken(&mut driver).len(), 0, "{other:?}");
        }
        settle(&mut client);
        let jobs = taken(&mut driver);
        all_done(&mut driver, jobs);
        assert_eq!(ends(&mut client), [(5, Ok(()))]);
    }
}

/// The device of a driver that lies may still be at work.
#[test]
fn nothing_comes_back_from_a_liar_before_a_new_epoch() {
    let memory = Memory::new();
    let mut supervisor = memory.supervisor();
    let (mut client, _driver) = memory.sides();
    write(&mut client, sectors(0, 1), 0);
    read(&mut client, sectors(1, 1), 1);
    // The position of what the driver has sent.
    memory.channel[4 * 8].store(1 << 32 | 500, Relaxed);
    assert!(matches!(client.event(), Err(Misbehaved)));
    // What is asked meanwhile waits with the others.
    let buffer = buffer(&mut client);
    client.read(buffer, sectors(2, 1), 2).expect("it is taken");
    assert!(client.flush().is_err());
    assert!(matches!(client.event(), Err(Misbehaved)));
    assert_eq!(client.free(), BUFFERS - 3);
    supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    settle(&mut client);
    let mut driver = memory.driver(DISK);
    introduce(&mut driver);
    settle(&mut client);
    assert_eq!(names(&taken(&mut driver)), [('w', 0), ('r', 1), ('r', 2)]);
}

#[test]
fn answers_that_are_none() {
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    let mut client = memory.client();
    let mut liar = Responder::new(memory.end(Side::Server));
    let mut answer = |result, words| {
        let Ok(Taken::Request(_, ticket)) = liar.take() else { panic!("no request") };
        liar.reply(ticket, &Message { result, words, ..Message::default() }).expect("the client is honest");
        let _ = liar.flush().expect("the client is honest");
    };
    settle(&mut client);
    answer(DONE, DISK.to_words());
    assert!(matches!(client.event(), Ok(Event::Disk(DISK))));
    for (token, result) in (0..).zip([2, i64::MAX, -99, Error::PeerMisbehaved.code()]) {
        write(&mut client, sectors(0, 1), token);
        answer(result, [0; 5]);
        assert_eq!(ends(&mut client), [(token, Err(Failure::Driver(Error::PeerMisbehaved)))]);
    }
    write(&mut client, sectors(0, 1), 9);
    answer(Error::NoRights.code(), [0; 5]);
    assert_eq!(ends(&mut client), [(9, Err(Failure::Driver(Error::NoRights)))]);
    // No disk at all.
    for (result, words) in [(FAILED, DISK.to_words()), (DONE, [0; 5]), (-1, DISK.to_words())] {
        let memory = Memory::new();
        let _supervisor = memory.supervisor();
        let mut client = memory.client();
        let mut liar = Responder::new(memory.end(Side::Server));
        settle(&mut client);
        let Ok(Taken::Request(_, ticket)) = liar.take() else { panic!("no request") };
        liar.reply(ticket, &Message { result, words, ..Message::default() }).expect("the client is honest");
        let _ = liar.flush().expect("the client is honest");
        assert!(matches!(client.event(), Err(Misbehaved)));
    }
}

#[test]
fn a_hostile_client_reaches_nothing_but_its_pool_and_its_disk() {
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    let mut client = Requester::<8>::new(memory.end(Side::Client));
    let mut driver = memory.driver(DISK);
    let disk = DISK.sectors;
    let bad = [
        (READ, 0, 0, 0, 0),
        (READ, 0, 0, 511, 0),
        (READ, 0, 0, 513, 0),
        (WRITE, 0, POOL_BYTES, 512, 0),
        (WRITE, 0, POOL_BYTES - 512, 1024, 0),
        (READ, 0, u64::MAX - 511, 512, 0),
        (READ, 0, u64::MAX, 512, 0),
        (READ, 0, 8, 512, 0),
        (WRITE, 1, 0, 512, 0),
        (READ, u32::MAX, 0, 512, 0),
        (READ, 0, 0, MAX_TRANSFER as u32 + 512, 0),
        (READ, 0, 0, u32::MAX, 0),
        (0, 0, 0, 512, 0),
        (ABOUT + 1, 0, 0, 512, 0),
    ];
    let bad_sectors = [
        (READ, 0, 0, 512, disk),
        (WRITE, 0, 0, 1024, disk - 1),
        (READ, 0, 0, 512, u64::MAX),
        (WRITE, 0, 0, 512, 1 << 63),
    ];
    for (command, region, offset, length, sector) in bad.into_iter().chain(bad_sectors) {
        let [first, second] = Payload { region, offset, length }.to_words();
        client.submit(&Message::new(command, [first, second, sector, 0, 0])).expect("there is room");
        let _ = client.flush().expect("the driver is honest");
        assert!(matches!(driver.take(), Ok(Asked::Refused)), "{command} {region} {offset} {length} {sector}");
        let _ = driver.flush().expect("it only asks for what there isn't");
        let Ok(Completion::Reply(reply)) = client.complete() else { panic!("no reply") };
        let known = [READ, WRITE, FLUSH, ABOUT].contains(&command);
        let reason = if known { Error::BadArgument } else { Error::BadCommand };
        assert_eq!(reply.outcome(), Err(reason));
    }
    let [first, second] = Payload { region: 0, offset: POOL_BYTES - 512, length: 512 }.to_words();
    client.submit(&Message::new(WRITE, [first, second, disk - 1, 0, 0])).expect("there is room");
    let _ = client.flush().expect("the driver is honest");
    assert!(matches!(driver.take(), Ok(Asked::Job(_))), "the last of both are the client's, too");
}

#[test]
fn words_that_are_no_disk() {
    assert_eq!(Disk::from_words(DISK.to_words()), Some(DISK));
    let good = DISK.to_words();
    let bad = [
        (0, 0),
        (0, u64::MAX / 256),
        (1, 0),
        (1, 256),
        (1, 768),
        (1, 8192),
        (1, 2 << 32 | 512),
        (1, 512 | 1 << 63),
    ];
    for (word, value) in bad {
        let mut words = good;
        words[word] = value;
        assert_eq!(Disk::from_words(words), None, "{word} {value:#x}");
    }
}
