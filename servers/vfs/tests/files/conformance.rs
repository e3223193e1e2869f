//! All cases of the file interface, with different file systems behind it.

use std::fmt::Write as _;

use anax_conformance::Has;
use anax_sectors::MemoryDisk;
use fat::{Fat, Format, Width, format};
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::world::{World, serve};

const ALL: Has = Has { links: true, symlinks: true, folds_case: false };
/// As little as can be: everything is stored and taken away all the time.
const SMALL: u64 = 256 << 10;

/// Runs all of them in `directory`.
fn run(world: &World, directory: &str, has: Has) {
    let (files, other) = (world.session(), world.session());
    let mut failures = String::new();
    let summary = anax_conformance::run((&files, &other), directory, has, |name, outcome| {
        if let Err(text) = outcome {
            writeln!(failures, "{name}: {text}").unwrap();
        }
    });
    assert!(summary.failed == 0, "{} of {} cases failed:\n{failures}", summary.failed, summary.cases);
    drop((files, other));
    assert_eq!(world.quiet(), 0, "operations are left over");
}

fn on_disk(limits: Limits, make: Make, has: Has) {
    let world = World::new(limits, make.bytes);
    let disk = Disk::new(make);
    let own = disk.clone();
    world.mount("/", move |regions| serve(own, regions)).unwrap();
    let regions = world.regions.count();
    let ticking = world.ticking();
    run(&world, "/", has);
    drop(ticking);
    // Arenas of both programs, and their tables.
    assert_eq!(world.regions.count(), regions + 4, "regions are left over");
    let nodes = disk.state().nodes.len();
    assert_eq!(nodes, 1, "nodes are left over: {:?}", disk.state().nodes);
}

#[test]
fn there_are_enough() {
    let without = Has { links: false, symlinks: false, ..ALL };
    let names: std::collections::BTreeSet<_> =
        anax_conformance::all_cases(ALL).map(|case| case.name).collect();
    assert_eq!(names.len(), anax_conformance::all_cases(ALL).count(), "names are distinct");
    assert!(anax_conformance::all_cases(without).count() >= 170);
    assert!(names.len() >= 200);
}

#[test]
fn in_memory() {
    let world = World::with_tmpfs(Limits::default(), 1);
    run(&world, "/", ALL);
}

#[test]
fn in_memory_below_another_root() {
    let world = World::new(Limits::default(), 2);
    world.mount("/", |regions| serve(Disk::new(Make::default()), regions)).unwrap();
    let files = world.session();
    files.create_dir("/deep").unwrap();
    files.create_dir("/deep/memory").unwrap();
    world.mount("/deep/memory", |regions| crate::world::tmpfs(regions, 64 << 20)).unwrap();
    files.create_dir("/deep/memory/here").unwrap();
    run(&world, "/deep/memory/here", ALL);
}

fn on_fat(width: Width, sectors: usize, cache: u64) {
    let world = World::new(Limits { cache, ..Limits::default() }, sectors as u64);
    let mut disk = MemoryDisk::with_sectors(sectors);
    format(&mut disk, &Format { width: Some(width), ..Format::default() }).unwrap();
    world.mount("/", move |regions| serve(Fat::open(disk).unwrap(), regions)).unwrap();
    world.session().create_dir("/own").unwrap();
    run(&world, "/own", Has { links: false, symlinks: false, folds_case: true });
}

#[test]
fn on_fat_16() {
    on_fat(Width::Fat16, 40_000, SMALL);
}

#[test]
fn on_fat_32() {
    on_fat(Width::Fat32, 80_000, 4 << 20);
}

#[test]
fn on_a_disk() {
    on_disk(Limits::default(), Make::default(), ALL);
}

#[test]
fn on_a_disk_with_a_small_cache() {
    on_disk(Limits { cache: SMALL, ..Limits::default() }, Make::default(), ALL);
}

#[test]
fn on_a_disk_with_few_names() {
    on_disk(Limits { cache: 1 << 20, names: 8, ..Limits::default() }, Make::default(), ALL);
}

#[test]
fn on_a_disk_without_links_that_folds_case() {
    let make = Make { has_links: false, folds_case: true, ..Make::default() };
    let has = Has { links: false, symlinks: false, folds_case: true };
    on_disk(Limits { cache: 4 << 20, ..Limits::default() }, make, has);
}
