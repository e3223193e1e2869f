//! The server over models of disks: who has what, drivers and servers that die, turns, and requests that nobody sane would send.

mod storm;
mod world;

use std::cell::RefCell;
use std::rc::Rc;

use anax_abi::{Error, Handle};
use anax_block_disk::parts::{PartError, ROOM_BYTES, parts};
use anax_block_disk::{Complaint, PATIENCE, SILENCE};
use anax_files::{Failure, Pages};
use anax_proto::{Beside, Caller, Fixed as _, Gift, Request};
use anax_ring::{SharedBlock, SharedBytes};
use anax_sectors::{Disk, DiskError};
use proptest::prelude::*;

use world::{Manner, PARTS, SECTORS, World, on_disk};

const ROOM_SECTORS: u32 = (ROOM_BYTES / 512) as u32;

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 5 + at * seed) as u8).collect()
}

/// The command of a method.
fn command(name: &str) -> u32 {
    let place = parts::METHODS.iter().position(|method| method.name == name).unwrap();
    anax_proto::FIRST_METHOD + place as u32
}

/// Asks for a transfer, and does not wait for it.
fn begin(world: &World, process: u64, name: &str, words: [u64; 4]) -> u64 {
    let [number, first, sectors, at] = words;
    let request = Request::fixed(command(name), [number, first, sectors, at, 0]);
    world.begin(Caller(process), &request, &mut Beside::default()).unwrap_err()
}

fn until(world: &World, ticket: u64) -> i64 {
    for _ in 0..1000 {
        if let Some(reply) = world.answer(ticket) {
            return reply.code;
        }
        world.step();
    }
    panic!("no answer");
}

fn all_of(disk: &mut impl Disk) -> Vec<u8> {
    let mut all = vec![0; disk.shape().sectors as usize * 512];
    disk.read(0, &mut all).unwrap();
    all
}

#[test]
fn partitions_of_one_disk_are_disks_of_their_own() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 1).unwrap();
    let mut two = world.open(11, "blk0", 2).unwrap();
    assert_eq!((one.shape().sectors, two.shape().sectors), (PARTS[0].1, PARTS[1].1));
    assert!(all_of(&mut one) == on_disk(&world, "blk0", 0));
    let before = world.around.borrow().machines["blk0"].disk.as_bytes().to_vec();
    let (first, second) = (bytes(PARTS[0].1 as usize * 512, 3), bytes(PARTS[1].1 as usize * 512, 7));
    one.write(0, &first).unwrap();
    two.write(0, &second).unwrap();
    one.flush().unwrap();
    two.flush().unwrap();
    assert!(all_of(&mut one) == first && all_of(&mut two) == second);
    assert!(on_disk(&world, "blk0", 0) == first && on_disk(&world, "blk0", 1) == second);
    let around = world.around.borrow();
    let after = around.machines["blk0"].disk.as_bytes();
    let is_theirs =
        |sector: u64| PARTS.iter().any(|(first, count)| (*first..first + count).contains(&sector));
    for sector in (0..SECTORS).filter(|sector| !is_theirs(*sector)) {
        let at = sector as usize * 512;
        assert!(before[at..at + 512] == after[at..at + 512], "sector {sector} is nobody's");
    }
    assert_eq!(around.machines["blk0"].flushes, 2);
}

/// Pages that are filled from a room.
struct Filled<'w>(&'w World, RefCell<Vec<u8>>);

impl Pages for Filled<'_> {
    fn copy(&self, at: usize, (region, from): (Handle, u64), bytes: usize) -> Result<(), Failure> {
        assert!(at.is_multiple_of(4096) && from.is_multiple_of(4096) && bytes.is_multiple_of(4096));
        let words = self.0.around.borrow().rooms[&region.to_word()];
        let room = SharedBytes::new(SharedBlock::from_words(words));
        let into = &mut self.1.borrow_mut()[at..at + bytes];
        room.copy_out(from as usize, into).map_err(|_| Failure::BadArgument)
    }
}

#[test]
fn pages_are_filled_with_what_is_asked_for_and_zeros() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 2).unwrap();
    let expected = on_disk(&world, "blk0", 1);
    for (first, length) in [(0, 4096), (5, 512), (9, 5000), (3, ROOM_BYTES as usize), (1, 600_000), (7, 0)] {
        let filled = Filled(&world, RefCell::new(vec![9; 4096 + length.next_multiple_of(4096)]));
        assert_eq!(one.read_pages(first, length, &filled, 4096), Ok(true));
        let filled = filled.1.into_inner();
        assert!(filled[..4096].iter().all(|byte| *byte == 9));
        assert!(filled[4096..][..length] == expected[first as usize * 512..][..length], "{first} {length}");
        assert!(filled[4096 + length..].iter().all(|byte| *byte == 0), "{first} {length}");
    }
    let filled = Filled(&world, RefCell::new(vec![0; 8192]));
    assert_eq!(one.read_pages(PARTS[1].1, 512, &filled, 0), Err(DiskError::OutOfRange));
}

#[test]
fn a_partition_is_one_program_s() {
    let world = World::new();
    let one = world.open(10, "blk0", 1).unwrap();
    assert_eq!(world.open(11, "blk0", 1).err(), Some(PartError::InUse));
    assert_eq!(world.open(11, "blk0", 3).err(), Some(PartError::NoPart));
    assert_eq!(world.open(11, "blk0", 0).err(), Some(PartError::NoPart));
    assert_eq!(world.open(11, "blk7", 1).err(), Some(PartError::NoDisk));
    // Whoever has it may have it again; what he had is void.
    let mut again = world.open(10, "blk0", 1).unwrap();
    drop(one);
    again.read(0, &mut [0; 512]).unwrap();
    assert_eq!(world.open(11, "blk0", 1).err(), Some(PartError::InUse));
    drop(again);
    assert!(!world.around.borrow().machines["blk0"].is_open, "a disk that nobody uses is anybody's");
    let mut two = world.open(11, "blk0", 1).unwrap();
    // One that ends without a word.
    let dead = world.open(12, "blk0", 2).unwrap();
    world.ends(12);
    std::mem::forget(dead);
    world.open(11, "blk0", 2).unwrap();
    two.read(0, &mut [0; 512]).unwrap();
    world.ends(11);
    world.ends(10);
    assert!(!world.around.borrow().machines["blk0"].is_open);
    assert!(world.around.borrow().watched.is_empty());
    // Somebody has the whole disk.
    world.around.borrow_mut().machines.get_mut("blk1").unwrap().is_open = true;
    assert_eq!(world.open(10, "blk1", 1).err(), Some(PartError::InUse));
}

#[test]
fn nobody_reaches_beyond_his_own() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 1).unwrap();
    let sectors = PARTS[0].1;
    assert_eq!(one.read(sectors, &mut [0; 512]), Err(DiskError::OutOfRange));
    assert_eq!(one.write(sectors - 1, &[0; 1024]), Err(DiskError::OutOfRange));
    assert_eq!(one.write(u64::MAX, &[0; 512]), Err(DiskError::OutOfRange));
    // The library looks, too: so the server is asked without it.
    let number = world::number(open_raw(&world, 10, 2));
    let mut client = world.client(10);
    let second = PARTS[1].1;
    for (first, count, at) in [
        (second, 1, 0),
        (second - 1, 2, 0),
        (u64::MAX, 2, 0),
        (u64::MAX - 1, 1, 0),
        (0, ROOM_SECTORS + 1, 0),
        (0, ROOM_SECTORS, 1),
        (0, 1, ROOM_BYTES as u32),
        (0, u32::MAX, u32::MAX),
    ] {
        assert_eq!(client.read(number, first, count, at), Err(PartError::OutOfRange), "{first} {count} {at}");
        assert_eq!(client.write(number, first, count, at), Err(PartError::OutOfRange));
    }
    assert_eq!(client.read(number, 0, 0, 0), Ok(()));
    // And by another program.
    let mut other = world.client(11);
    assert_eq!(other.read(number, 0, 1, 0), Err(PartError::NotOpen));
    assert_eq!(other.write(number, 0, 1, 0), Err(PartError::NotOpen));
    assert_eq!(other.flush(number), Err(PartError::NotOpen));
    assert_eq!(other.close(number), Err(PartError::NotOpen));
    assert_eq!(other.read(0, 0, 1, 0), Err(PartError::NotOpen));
    assert_eq!(client.close(number), Ok(()));
    assert_eq!(client.read(number, 0, 1, 0), Err(PartError::NotOpen));
}

fn open_raw(world: &Rc<World>, process: u64, part: u32) -> Result<anax_block_disk::parts::Opened, PartError> {
    let (room, _) = world.room();
    let hold = Gift::copy(anax_abi::Handle::from_word(process), anax_abi::Rights::ALL);
    world.client(process).open("blk0".parse().unwrap(), part, room, hold)
}

#[test]
fn a_disk_that_can_t_be_written_is_not() {
    let world = World::new();
    let mut one = world.open(10, "blk1", 1).unwrap();
    assert!(one.is_read_only());
    assert_eq!(one.write(0, &[1; 512]), Err(DiskError::ReadOnly));
    assert!(all_of(&mut one) == on_disk(&world, "blk1", 0));
}

/// Two programs write, read and flush, whatever the first disk's drivers do in this order, and at these steps the server dies.
fn through(manner: &[Manner], deaths: &[u32]) {
    let world = World::new();
    let mut disks = [world.open(10, "blk0", 1).unwrap(), world.open(11, "blk0", 2).unwrap()];
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner =
        manner.iter().rev().copied().collect();
    *world.deaths.borrow_mut() = deaths.to_vec();
    for (seed, disk) in disks.iter_mut().enumerate() {
        let content = bytes(700 * 512, seed + 3);
        disk.write(17, &content).unwrap();
        disk.flush().unwrap();
        let mut read = vec![0; content.len()];
        disk.read(17, &mut read).unwrap();
        assert!(read == content, "{manner:?} {deaths:?}");
        assert!(on_disk(&world, "blk0", seed)[17 * 512..][..content.len()] == content);
    }
}

#[test]
fn drivers_come_and_go() {
    use Manner::{Dies, Good, Lies, Silent};
    through(&[], &[]);
    for at in 0..12 {
        for what in [[Dies, Silent, Dies], [Lies, Good, Dies], [Silent, Silent, Lies]] {
            let mut manner = vec![Good; at];
            manner.extend(what);
            through(&manner, &[]);
        }
    }
}

#[test]
fn servers_come_and_go() {
    for at in 0..80 {
        through(&[], &[at]);
        through(&[], &[at, 0, 3, 7]);
        through(&[Manner::Good, Manner::Dies, Manner::Lies], &[at / 2, 1]);
    }
}

#[test]
fn a_successor_knows_whose_is_what() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 1).unwrap();
    let two = world.open(11, "blk0", 2).unwrap();
    world.die();
    assert!(world.around.borrow().machines["blk0"].is_open, "no other program takes the disk");
    assert_eq!(world.open(12, "blk0", 1).err(), Some(PartError::InUse));
    assert_eq!(world.open(12, "blk0", 2).err(), Some(PartError::InUse));
    one.write(3, &[9; 512]).unwrap();
    // One that ends while there is no server.
    let place = world.around.borrow().record.holders.iter().find(|(_, process)| *process == 11).unwrap().0;
    world.around.borrow_mut().gone.push(place);
    world.die();
    std::mem::forget(two);
    world.around.borrow_mut().gone.clear();
    world.open(12, "blk0", 2).unwrap();
    let mut read = [0; 512];
    one.read(3, &mut read).unwrap();
    assert_eq!(read, [9; 512]);
    // And one that ends later.
    world.ends(10);
    world.open(12, "blk0", 1).unwrap();
}

/// A program that has several partitions does not take one for another when the server has died.
#[test]
fn numbers_are_nobody_else_s_later() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 1).unwrap();
    let mut two = world.open(10, "blk0", 2).unwrap();
    let expected = [0, 1].map(|part| on_disk(&world, "blk0", part));
    for _ in 0..3 {
        world.die();
        let mut read = [0; 512];
        two.read(9, &mut read).unwrap();
        assert_eq!(read, expected[1][9 * 512..][..512]);
        one.read(9, &mut read).unwrap();
        assert_eq!(read, expected[0][9 * 512..][..512]);
    }
}

#[test]
fn a_disk_that_fails_says_so() {
    let world = World::new();
    let mut one = world.open(10, "blk0", 1).unwrap();
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner = vec![Manner::Fails];
    assert_eq!(one.read(0, &mut [0; 512]), Err(DiskError::Failed));
    one.read(0, &mut [0; 512]).unwrap();
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner = vec![Manner::Fails; 3];
    assert_eq!(one.write(0, &vec![1; 600 * 512]), Err(DiskError::Failed));
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner.clear();
    one.write(0, &[1; 512]).unwrap();
    // One whose table can't be read.
    drop(one);
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner = vec![Manner::Fails; 3];
    assert_eq!(world.open(10, "blk0", 1).err(), Some(PartError::NoPart));
    assert!(!world.around.borrow().machines["blk0"].is_open);
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner.clear();
    world.open(10, "blk0", 1).unwrap();
}

#[test]
fn a_disk_that_hangs_keeps_nobody_else_waiting() {
    let world = World::new();
    let mut other = world.open(11, "blk1", 1).unwrap();
    let number = world::number(open_raw(&world, 10, 1));
    world.around.borrow_mut().machines.get_mut("blk0").unwrap().manner = vec![Manner::Silent; 100_000];
    let ticket = begin(&world, 10, "read", [number, 0, 1, 0]);
    let flush = begin(&world, 10, "flush", [number, 0, 0, 0]);
    for tick in 1..PATIENCE {
        world.tick();
        other.read(0, &mut [0; 512]).unwrap();
        let complaints = world.around.borrow().machines["blk0"].complaints.clone();
        let silent = tick / SILENCE;
        assert!(complaints.len() as u32 <= silent, "{tick}: {complaints:?}");
        assert!(complaints.iter().all(|complaint| *complaint == Complaint::Silent));
        assert_eq!(complaints.is_empty(), tick < SILENCE);
        assert!(world.answer(ticket).is_none());
    }
    world.tick();
    world.step();
    for ticket in [ticket, flush] {
        assert_eq!(until(&world, ticket), anax_proto::Failure::code(&PartError::Failed));
    }
    // Nobody answers, so nobody is let in.
    drop(other);
    world.around.borrow_mut().machines.get_mut("blk1").unwrap().manner = vec![Manner::Silent; 100_000];
    assert_eq!(world.open(12, "blk1", 1).err(), Some(PartError::Failed));
    assert!(!world.around.borrow().machines["blk1"].is_open);
}

/// A disk is let go of while another one has work, whichever was opened first.
#[test]
fn disks_come_and_go_beside_each_other() {
    for (first, second) in [("blk0", "blk1"), ("blk1", "blk0")] {
        let world = World::new();
        let ticket = begin_open(&world, 10, first, 7);
        let other = begin_open(&world, 11, second, 1);
        assert_eq!(until(&world, ticket), anax_proto::Failure::code(&PartError::NoPart));
        assert_eq!(until(&world, other), 0);
        assert!(!world.around.borrow().machines[first].is_open);
        assert!(world.around.borrow().machines[second].is_open);
    }
}

fn begin_open(world: &World, process: u64, disk: &str, part: u32) -> u64 {
    let mut writer = anax_proto::Writer::default();
    disk.parse::<anax_system::Name>().unwrap().put(&mut writer);
    part.put(&mut writer);
    let mut beside = Beside::default();
    beside.sent.push(world.room().0);
    beside.sent.push(Gift::copy(anax_abi::Handle::from_word(process), anax_abi::Rights::ALL));
    world.begin(Caller(process), &Request::fixed(command("open"), writer.finish()), &mut beside).unwrap_err()
}

#[test]
fn each_partition_has_its_turn() {
    let world = World::new();
    let one = world::number(open_raw(&world, 10, 1));
    let two = world::number(open_raw(&world, 11, 2));
    // Rounds, so that it is not the order of their numbers alone.
    for round in 0..3 {
        world.around.borrow_mut().machines.get_mut("blk0").unwrap().seen.clear();
        let long: Vec<_> =
            (0..3).map(|_| begin(&world, 10, "read", [one, 0, ROOM_SECTORS.into(), 0])).collect();
        let short = begin(&world, 11, "read", [two, 5, 1, 0]);
        until(&world, short);
        long.into_iter().for_each(|ticket| assert_eq!(until(&world, ticket), 0));
        let around = world.around.borrow();
        let at = around.machines["blk0"].seen.iter().position(|first| *first == PARTS[1].0 + 5);
        assert!(at.unwrap() <= 1, "round {round}: {at:?}");
    }
}

#[test]
fn one_too_many_is_refused() {
    let world = World::new();
    let one = world::number(open_raw(&world, 10, 1));
    let taken: Vec<_> = (0..4).map(|_| begin(&world, 10, "read", [one, 0, 1, 0])).collect();
    let mut client = world.client(10);
    assert_eq!(client.read(one, 0, 1, 0), Err(PartError::Way(Error::Full)));
    taken.into_iter().for_each(|ticket| assert_eq!(until(&world, ticket), 0));
    assert_eq!(client.read(one, 0, 1, 0), Ok(()));
}

#[test]
fn what_is_closed_answers_who_waits() {
    let world = World::new();
    let one = world::number(open_raw(&world, 10, 1));
    let ticket = begin(&world, 10, "read", [one, 0, ROOM_SECTORS.into(), 0]);
    assert_eq!(world.client(10).close(one), Ok(()));
    assert_eq!(until(&world, ticket), anax_proto::Failure::code(&PartError::NotOpen));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What a program asks one after the other happens in that order, though nobody waits in between.
    #[test]
    fn requests_of_one_program_keep_their_order(
        steps in prop::collection::vec((any::<bool>(), 0_u64..200, 1_u64..120), 1..24),
    ) {
        let world = World::new();
        let (room, memory) = world.room();
        let hold = Gift::copy(anax_abi::Handle::from_word(10), anax_abi::Rights::ALL);
        let opened = world.client(10).open("blk0".parse().unwrap(), 1, room, hold);
        let number = world::number(opened);
        let mut model = on_disk(&world, "blk0", 0);
        // Four have a quarter of the room each.
        for four in steps.chunks(4) {
            let mut asked = Vec::new();
            for (place, (is_write, first, sectors)) in four.iter().enumerate() {
                let at = place * ROOM_BYTES as usize / 4;
                let (from, length) = (*first as usize * 512, *sectors as usize * 512);
                let words = [number, *first, *sectors, at as u64];
                let expected = if *is_write {
                    let content = bytes(length, place + from);
                    memory.copy_in(at, &content).unwrap();
                    model[from..from + length].copy_from_slice(&content);
                    None
                } else {
                    Some(model[from..from + length].to_vec())
                };
                let name = if *is_write { "write" } else { "read" };
                asked.push((begin(&world, 10, name, words), at, expected));
            }
            for (ticket, at, expected) in asked {
                prop_assert_eq!(until(&world, ticket), 0);
                if let Some(expected) = expected {
                    let mut read = vec![0; expected.len()];
                    memory.copy_out(at, &mut read).unwrap();
                    prop_assert!(read == expected);
                }
            }
        }
        prop_assert!(on_disk(&world, "blk0", 0) == model);
    }
}
