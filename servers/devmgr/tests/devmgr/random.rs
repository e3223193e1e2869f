//! Anything in any order, with anything failing: the machine itself asserts that no two drivers work, that a device is fenced before a driver begins, and
//! that a client gets nothing back before.

use anax_devices::{Complaint, Devices as _, State};
use anax_proto::Caller;
use devmgr::{Device, Manager};
use proptest::prelude::*;

use crate::machine::{Machine, Mode};
use crate::{NET, OTHER, SAME, manifest};

proptest! {
    #[test]
    fn never_two_and_nothing_left(
        steps in prop::collection::vec((0u8..11, any::<bool>()), 1..60),
        fails in prop::collection::vec(prop::bool::weighted(0.2), 0..200),
    ) {
        let machine = Machine::default();
        machine.0.borrow_mut().fenced.insert(0);
        let net = Device::new("net0", "a card", vec!["card".into(), "card-2".into()]);
        let mut manager = Manager::new(machine.clone(), vec![net], vec![]);
        machine.0.borrow_mut().fails = fails.into();
        manager.start_all();
        for (step, other) in steps {
            machine.0.borrow_mut().touches = other;
            let driver = if other { OTHER } else { SAME };
            match step {
                0..=2 => _ = manager.swap(NET, driver),
                3 => {
                    let file = machine.0.borrow_mut().file();
                    let _ = manager.swap_file(NET, manifest(driver.as_str()), file, 1);
                }
                4 => _ = manager.kill(NET),
                5 => _ = manager.restart(NET),
                6 => _ = manager.stop(NET),
                7 => {
                    let dead = machine.0.borrow().processes.keys().next().copied();
                    if let Some(process) = dead {
                        machine.0.borrow_mut().processes.remove(&process);
                        manager.ended(process, 1);
                    }
                }
                8 => _ = manager.trial(NET, driver, vec![]),
                9 => {
                    let epoch = machine.0.borrow().epochs as u32 ^ u32::from(other);
                    let _ = manager.complain(Caller(0), NET, epoch, Complaint::Lies);
                }
                _ => {
                    if let Some(at) = manager.tick() {
                        machine.0.borrow_mut().now = at;
                    }
                }
            }
            let report = manager.list(0).unwrap().remove(0);
            let world = machine.0.borrow();
            let lives: Vec<_> = world.processes.values().map(|process| process.mode).collect();
            if report.state == State::Works {
                prop_assert_eq!(lives, [Mode::Serves]);
                prop_assert_eq!(world.remembered.get(&0), Some(&report.process));
            } else {
                prop_assert!(lives.is_empty(), "{:?} with {:?}", report, lives);
                prop_assert!(world.remembered.is_empty());
            }
            prop_assert!(world.files.len() <= 1);
        }
    }
}

/// Whatever anybody asks: the machine's own assertions hold, and files are closed once.
#[test]
fn a_storm_of_requests() {
    let machine = Machine::default();
    machine.0.borrow_mut().fenced.insert(0);
    let net = Device::new("net0", "a card", vec!["card".into()]);
    let mut manager = Manager::new(machine.clone(), vec![net], vec![]);
    manager.start_all();
    let mut server = anax_devices::devices::Serve(manager);
    let cases = anax_storm::cases();
    anax_storm::storm(&mut server, 1, cases, &["net0", "card", "card-2"], |server, case| {
        let mut world = machine.0.borrow_mut();
        world.lines.clear();
        // Those that the carrier closes were not taken.
        assert!(case.beside.sent.iter().all(|gift| !world.files.contains(&gift.handle.to_word())));
        assert!(world.files.len() <= 2, "files pile up");
        world.now += 1_000_000;
        assert!(world.processes.len() <= 1);
        drop(world);
        server.0.tick();
    });
    assert!(server.0.list(0).unwrap()[0].swaps > cases as u32 / 1000, "most of it went by");
}
