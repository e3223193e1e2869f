//! Programs that use one file system at once, each of which knows what it has to find; and more leases of one than there is room for.

use std::sync::Arc;

use anax_fs::{OpenOptions, Session};
use anax_storm::Dice;
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::random::{SMALL, steps};
use crate::world::{World, serve, tmpfs};

/// What each of several programs does for itself while the others do the same: its own files, its own stripes of a file that all have open, its own lines of one to which all append.
fn program(files: &Arc<Session>, own: u64, all: u64, rounds: u64) {
    const STRIPE: usize = 1000;
    let both = OpenOptions::new().read(true).write(true).create(true);
    let shared = both.open_in(files, "/d/shared").unwrap();
    let mut log = OpenOptions::new().append(true).create(true).open_in(files, "/d/log").unwrap();
    let cut = both.open_in(files, "/d/cut").unwrap();
    let (mut dice, mut mine) = (Dice::new(own + 100), Vec::new());
    let directory = format!("/d/{own}");
    files.create_dir(&directory).unwrap();
    let mut stripes = vec![0u8; 300];
    for round in 0..rounds {
        match dice.below(8) {
            0..=2 => {
                let stripe = dice.below(stripes.len() as u64);
                let byte = round as u8 | 1;
                shared.write_at((stripe * all + own) * STRIPE as u64, &[byte; STRIPE]).unwrap();
                stripes[stripe as usize] = byte;
            }
            3..=4 => {
                let stripe = dice.below(stripes.len() as u64);
                let mut bytes = [0; STRIPE];
                let read = shared.read_at((stripe * all + own) * STRIPE as u64, &mut bytes).unwrap();
                let byte = stripes[stripe as usize];
                let is_mine = bytes[..read].iter().all(|got| *got == byte) && (byte == 0 || read == STRIPE);
                assert!(is_mine, "stripe {stripe} of {own} in round {round}: {read} bytes, not of {byte}");
            }
            5 => {
                let line = format!("{own} {round}\n");
                log.write_all(line.as_bytes()).unwrap();
                mine.push(line);
            }
            6 => {
                let path = format!("{directory}/{}", dice.below(4));
                let bytes = vec![round as u8; dice.below(30_000) as usize];
                let file = both.truncate(true).open_in(files, &path).unwrap();
                file.write_at(0, &bytes).unwrap();
                let mut back = vec![0; 30_001];
                assert_eq!(file.read_at(0, &mut back), Ok(bytes.len()));
                assert!(back[..bytes.len()] == *bytes);
                if dice.once_in(3) {
                    files.remove_file(&path).unwrap();
                }
            }
            _ => {
                // All make one file shorter and longer, and move names that all have: anything may come of it but harm.
                let size = dice.below(100_000);
                cut.set_len(size).unwrap();
                cut.write_at(dice.below(50_000), &[own as u8 + 1; 3000]).unwrap();
                let (from, to) = (dice.below(3), dice.below(3));
                let _any = files.rename(&format!("/d/name {from}"), &format!("/d/name {to}"));
                let _any =
                    both.open_in(files, &format!("/d/name {to}")).map(|file| file.write_at(0, b"text"));
                if dice.once_in(2) {
                    let _any = files.remove_file(&format!("/d/name {from}"));
                }
                if dice.once_in(10) {
                    files.sync().unwrap();
                }
            }
        }
    }
    let mut text = vec![0; 1 << 20];
    let reader = OpenOptions::new().read(true).open_in(files, "/d/log").unwrap();
    let length = reader.read_at(0, &mut text).unwrap();
    // Lines of others may still be zeros.
    let text = String::from_utf8(text[..length].to_vec()).unwrap().replace('\0', "\n");
    let prefix = format!("{own} ");
    let lines: Vec<_> =
        text.lines().filter(|line| line.starts_with(&prefix)).map(|line| format!("{line}\n")).collect();
    assert_eq!(lines, mine, "lines of {own}");
}

fn at_once(
    limits: Limits,
    volume: impl FnOnce(crate::regions::Regions) -> crate::world::Volume + Send + 'static,
    rounds: u64,
) {
    const ALL: u64 = 5;
    let world = World::with_tmpfs(limits, rounds);
    let first = world.session();
    first.create_dir("/d").unwrap();
    world.mount("/d", volume).unwrap();
    let ticking = world.ticking();
    let sessions: Vec<_> = (0..ALL).map(|_| world.session()).collect();
    std::thread::scope(|scope| {
        for (own, files) in (0..).zip(&sessions) {
            scope.spawn(move || program(files, own, ALL, rounds));
        }
    });
    drop(ticking);
    drop(sessions);
    first.sync().unwrap();
    first.unmount("/d").unwrap();
    assert_eq!(world.quiet(), 0, "operations are left over");
}

#[test]
fn at_once_on_a_disk() {
    let disk = Disk::new(Make::default());
    let own = disk.clone();
    at_once(SMALL, move |regions| serve(own, regions), steps() / 8);
    assert!(disk.state().is_synced);
}

#[test]
fn at_once_on_a_disk_with_more_cache() {
    at_once(
        Limits { cache: 2 << 20, ..SMALL },
        |regions| serve(Disk::new(Make::default()), regions),
        steps() / 8,
    );
}

#[test]
fn at_once_in_memory() {
    at_once(SMALL, |regions| tmpfs(regions, 64 << 20), steps() / 8);
}

#[test]
fn more_leases_than_there_is_room_for() {
    for has_memory in [false, true] {
        let world = World::with_tmpfs(Limits::default(), 11);
        let files = world.session();
        files.create_dir("/d").unwrap();
        if !has_memory {
            world.mount("/d", |regions| serve(Disk::new(Make::default()), regions)).unwrap();
        }
        let both = OpenOptions::new().read(true).write(true).create(true);
        // Forty times as many pieces as there are: 640 leases.
        let handles: Vec<_> = (0..40).map(|_| both.open_in(&files, "/d/a").unwrap()).collect();
        let mut wanted: Vec<u8> = (0..4 << 20).map(|at: u32| (at >> 4) as u8 | 1).collect();
        handles[0].write_at(0, &wanted).unwrap();
        for round in 0..4 {
            for (number, handle) in handles.iter().enumerate() {
                let mut byte = [0];
                for window in 0..16 {
                    let offset = (window << 18) + 100 * number as u64;
                    assert_eq!(
                        handle.read_at(offset, &mut byte),
                        Ok(usize::from(offset < wanted.len() as u64))
                    );
                    if offset < wanted.len() as u64 {
                        assert_eq!(
                            byte[0], wanted[offset as usize],
                            "round {round}, handle {number}, {offset}"
                        );
                    }
                }
            }
            // All of them learn of it.
            let size = (3 << 20) - 1_000_000 * round;
            handles[round].set_len(size as u64).unwrap();
            handles[39 - round].set_len(4 << 20).unwrap();
            wanted[size..].fill(0);
        }
    }
}
