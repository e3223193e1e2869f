//! Whatever anybody asks: init lives, who waits is told once, and every handle that comes along is closed or kept.

use std::collections::BTreeSet;

use anax_manifest::{Capability, Manifest};
use anax_storm::{Promises, Taken, cases, storm};
use anax_system::processes::{self, FORGET, KEEP, PREPARE, PREPARE_FILE};
use init::{Init, MOST_WAITING};

use crate::world::Fake;
use crate::{MS, manifests};

/// Requests of one system's life, in which most processes have numbers that somebody guesses.
const LIFE: u64 = 512;
/// Handles that there can be, of all processes and those that are kept.
const HANDLES: usize = 1024 + 512;

/// What went by in all lives.
#[derive(Debug, Default)]
struct Seen {
    waited: usize,
    kept: usize,
    prepared: u64,
}

#[test]
fn a_storm_of_requests() {
    let mut seen = Seen::default();
    let lives = cases().div_ceil(LIFE);
    (0..lives).for_each(|life| live(life, &mut seen));
    println!("{lives} lives: {seen:?}");
    let least = lives as usize / 4;
    assert!(seen.waited > least && seen.kept > least && seen.prepared > lives, "most of it went by");
}

fn live(life: u64, seen: &mut Seen) {
    let fake = Fake::default();
    // Nobody may switch the machine off, which would be the end of it; everybody may start programs.
    let may = |mut manifest: Manifest| {
        manifest.capabilities.retain(|capability| *capability != Capability::Power);
        manifest.capabilities.push(Capability::Spawn);
        manifest
    };
    let mut init = Init::new(fake.clone(), manifests().into_iter().map(may).collect());
    init.boot(&["files", "loader", "names", "shell", "boss"].map(String::from));
    let mut server = processes::Serve(init);
    let (mut promises, mut taken, mut kept) = (Promises::new(), Taken::new(), BTreeSet::new());
    storm(&mut server, life, LIFE, &["job", "driver", "broken"], |server, case| {
        promises.asked(case);
        seen.waited += usize::from(case.reply.is_later());
        taken.asked(case);
        server.0.answers().iter().for_each(|answered| promises.answered(answered));
        let mut world = fake.0.borrow_mut();
        // What it hands out belongs to the client.
        case.beside.back.iter().for_each(|gift| _ = world.handles.remove(&gift.handle.to_word()));
        world.closed().for_each(|handle| assert!(taken.closed(handle), "closed twice, or nobody's"));
        world.now += MS;
        drop(world);
        match case.wild.command {
            PREPARE | PREPARE_FILE => seen.prepared += u64::from(case.reply.code == 0),
            KEEP if case.reply.code == 0 => _ = kept.insert(case.wild.words[0]),
            FORGET if case.reply.code == 0 => _ = kept.remove(&case.wild.words[0]),
            _ => {}
        }
        server.0.tick();
        server.0.answers().iter().for_each(|answered| promises.answered(answered));
        assert!(fake.0.borrow().handles.len() <= HANDLES && taken.held() <= HANDLES, "handles pile up");
        let alive = fake.0.borrow().alive.len();
        assert!(promises.owed() <= alive * MOST_WAITING, "more wait than there is room for");
    });
    seen.kept += kept.len();
    // All ends: each thread's end is told, as the kernel does.
    loop {
        let last = fake.0.borrow().alive.keys().next_back().copied();
        let Some(made) = last else { break };
        server.0.exited(made + 1000, 7);
        assert!(!fake.0.borrow().alive.contains_key(&made), "it has ended");
    }
    server.0.answers().iter().for_each(|answered| promises.answered(answered));
    fake.0
        .borrow_mut()
        .closed()
        .for_each(|handle| assert!(taken.closed(handle), "closed twice, or nobody's"));
    assert_eq!(promises.owed(), 0, "somebody waits for ever");
    assert_eq!(taken.held(), kept.len(), "handles are lost");
}
