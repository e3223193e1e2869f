//! The device manager on the host: drivers that are replaced, die, refuse; and never two at a device.

mod machine;
mod random;

use anax_abi::Error;
use anax_devices::{Change, Complaint, Devices as _, State, Why};
use anax_manifest::{DeviceMatch, Layer, Manifest};
use anax_proto::Caller;
use anax_system::Name;
use devmgr::{Device, Driven, Image, Manager};

use machine::{Machine, Mode};

const NET: Name = Name::new("net0");
const OTHER: Name = Name::new("card-2");
const SAME: Name = Name::new("card");

/// A machine with a card, which has a driver, and a disk without.
fn started() -> (Manager<Machine>, Machine) {
    let machine = Machine::default();
    machine.0.borrow_mut().fenced.insert(0);
    let net = Device::new("net0", "a card", vec!["card".into()]);
    let disk = Device::new("blk0", "a disk", vec![]);
    let mut manager = Manager::new(machine.clone(), vec![net, disk], vec![]);
    manager.start_all();
    machine.0.borrow_mut().epochs = 0;
    (manager, machine)
}

/// What comes along with a driver's file.
fn manifest(driver: &str) -> Manifest {
    Manifest {
        devices: vec![DeviceMatch::Pci { vendor: 1, device: 2 }],
        ..Manifest::new(driver, Layer::Driver)
    }
}

fn drivers(machine: &Machine) -> Vec<(String, Mode)> {
    machine.0.borrow().processes.values().map(|process| (process.program.clone(), process.mode)).collect()
}

fn serves(name: &str) -> Vec<(String, Mode)> {
    vec![(name.to_string(), Mode::Serves)]
}

fn fail(machine: &Machine, steps: &[bool]) {
    machine.0.borrow_mut().fails = steps.iter().copied().collect();
}

fn changes(manager: &mut Manager<Machine>) -> Vec<Change> {
    manager.history(NET, 0).unwrap().into_iter().map(|event| event.change).collect()
}

fn process(machine: &Machine) -> u64 {
    *machine.0.borrow().processes.keys().next().expect("there is a driver")
}

#[test]
fn a_driver_is_found_and_started() {
    let (mut manager, machine) = started();
    assert_eq!(drivers(&machine), serves("card"));
    let all = manager.list(0).unwrap();
    assert_eq!(
        (all[0].state, all[0].driver.as_str(), all[0].process),
        (State::Works, "card", process(&machine))
    );
    assert_eq!(all[1].state, State::NoDriver);
    assert_eq!(manager.list(2), Ok(vec![]));
    assert_eq!(manager.statistics(NET).map(|all| all.sent), Ok(5));
    assert_eq!(machine.0.borrow().remembered[&0], process(&machine));
}

#[test]
fn a_planned_swap_needs_no_reset_and_no_epoch() {
    let (mut manager, machine) = started();
    let swapped = manager.swap(NET, OTHER).unwrap();
    assert!(matches!(swapped.change, Change::Swapped(_)) && swapped.pause > 0);
    assert_eq!(drivers(&machine), serves("card-2"));
    assert_eq!(machine.0.borrow().epochs, 0);
    manager.swap(NET, SAME).unwrap();
    assert_eq!(drivers(&machine), serves("card"));
    assert_eq!(manager.list(0).unwrap()[0].swaps, 2);
    assert_eq!(manager.swap(Name::new("blk0"), SAME), Err(Error::WouldBlock));
    assert_eq!(manager.swap(NET, Name::new("nothing")), Err(Error::BadArgument));
    assert_eq!(manager.swap(Name::new("net1"), SAME), Err(Error::BadArgument));
}

#[test]
fn a_successor_that_does_not_come_up_costs_nothing() {
    let (mut manager, machine) = started();
    let old = process(&machine);
    fail(&machine, &[true]);
    assert_eq!(manager.swap(NET, OTHER).unwrap().change, Change::Refused);
    // It comes up, the old one stops, and it refuses.
    fail(&machine, &[false, false, true]);
    assert_eq!(manager.swap(NET, OTHER).unwrap().change, Change::Refused);
    assert_eq!((drivers(&machine), process(&machine)), (serves("card"), old));
    assert_eq!(machine.0.borrow().epochs, 0);
    assert_eq!(changes(&mut manager), [Change::Started, Change::Refused, Change::Refused]);
}

#[test]
fn a_successor_that_fails_at_work_costs_a_reset() {
    let (mut manager, machine) = started();
    machine.0.borrow_mut().touches = true;
    fail(&machine, &[false, false, true]);
    assert_eq!(manager.swap(NET, OTHER).unwrap().change, Change::RolledBack);
    assert_eq!(drivers(&machine), serves("card"));
    assert_eq!(machine.0.borrow().epochs, 1);
}

#[test]
fn an_old_driver_that_does_not_stop_is_replaced_all_the_same() {
    let (mut manager, machine) = started();
    fail(&machine, &[false, true]);
    assert_eq!(manager.swap(NET, OTHER).unwrap().change, Change::Started);
    assert_eq!(drivers(&machine), serves("card-2"));
    // And if the new one does not begin either, the old program does.
    fail(&machine, &[false, true, false, true]);
    assert_eq!(manager.swap(NET, SAME).unwrap().change, Change::RolledBack);
    assert_eq!(drivers(&machine), serves("card-2"));
}

#[test]
fn a_driver_with_an_interface_of_its_own_is_replaced_by_a_start() {
    let (mut manager, machine) = started();
    machine.0.borrow_mut().own_interface.insert(0);
    assert_eq!(manager.swap(NET, OTHER).unwrap().change, Change::Started);
    assert_eq!(drivers(&machine), serves("card-2"));
    assert_eq!(manager.statistics(NET), Err(Error::BadArgument));
    // A new one that does not come up leaves the old program at work.
    fail(&machine, &[false, true]);
    assert_eq!(manager.swap(NET, SAME).unwrap().change, Change::RolledBack);
    assert_eq!(drivers(&machine), serves("card-2"));
    let all = manager.list(0).unwrap();
    assert_eq!((all[0].failures, all[0].swaps), (0, 0));
}

#[test]
fn what_dies_is_started_again_and_not_for_ever() {
    let (mut manager, machine) = started();
    let mut times = 0;
    while !machine.0.borrow().processes.is_empty() {
        let process = process(&machine);
        machine.0.borrow_mut().processes.remove(&process);
        manager.ended(process, 7);
        times += 1;
        while let Some(at) = manager.tick() {
            machine.0.borrow_mut().now = at;
        }
    }
    assert_eq!(times, 6);
    assert_eq!(manager.list(0).unwrap()[0].state, State::Failed);
    assert_eq!(changes(&mut manager).last(), Some(&Change::GivenUp));
    assert!(machine.0.borrow().remembered.is_empty());
    manager.restart(NET).unwrap();
    assert_eq!(drivers(&machine), serves("card"));
    manager.ended(9999, 0);
    assert_eq!(drivers(&machine), serves("card"));
}

#[test]
fn stopped_killed_restarted() {
    let (mut manager, machine) = started();
    manager.kill(NET).unwrap();
    assert!(machine.0.borrow().processes.is_empty());
    assert_eq!(manager.list(0).unwrap()[0].state, State::Waits);
    assert_eq!(manager.kill(NET), Err(Error::WouldBlock));
    let at = manager.tick().unwrap();
    machine.0.borrow_mut().now = at;
    assert_eq!(manager.tick(), None);
    assert_eq!(drivers(&machine), serves("card"));
    manager.stop(NET).unwrap();
    assert!(machine.0.borrow().processes.is_empty() && manager.tick().is_none());
    assert_eq!(manager.swap(NET, OTHER), Err(Error::WouldBlock));
    manager.restart(NET).unwrap();
    assert_eq!(drivers(&machine), serves("card"));
    assert_eq!(manager.restart(Name::new("blk0")), Err(Error::BadArgument));
}

#[test]
fn a_device_that_does_not_stop_stays_off_the_bus() {
    let (mut manager, machine) = started();
    fail(&machine, &[true]);
    assert_eq!(manager.stop(NET), Err(Error::TimedOut));
    assert_eq!(manager.list(0).unwrap()[0].state, State::Failed);
    assert_eq!(machine.0.borrow().epochs, 0, "the client must not get its buffers back");
    assert!(changes(&mut manager).contains(&Change::NotFenced));
}

#[test]
fn one_that_was_to_be_started_again_is_not_if_the_device_does_not_stop() {
    let (mut manager, machine) = started();
    // Until its policy has it wait.
    while manager.list(0).unwrap()[0].state == State::Works {
        manager.kill(NET).unwrap();
    }
    assert_eq!(manager.list(0).unwrap()[0].state, State::Waits);
    fail(&machine, &[true]);
    assert_eq!(manager.swap(NET, OTHER), Err(Error::TimedOut));
    assert_eq!((manager.list(0).unwrap()[0].state, manager.tick()), (State::Failed, None));
}

#[test]
fn a_file_is_given_up_once() {
    let (mut manager, machine) = started();
    let mut swap = |device, driver: &str, steps: &[bool]| {
        fail(&machine, steps);
        let file = machine.0.borrow_mut().file();
        let done = manager.swap_file(device, manifest(driver), file, 1);
        (done.map(|swapped| (swapped.change, swapped.why)), machine.0.borrow().files.len())
    };
    assert_eq!(swap(NET, "card-2", &[true]), (Ok((Change::Refused, Why::NotUp)), 0));
    assert_eq!(swap(NET, "another-s", &[]), (Ok((Change::Refused, Why::OtherDevices)), 0));
    assert_eq!(swap(NET, "nothing", &[]), (Err(Error::BadArgument), 0));
    assert_eq!(swap(NET, "No Name", &[]), (Err(Error::BadArgument), 0));
    assert_eq!(swap(Name::new("net9"), "card-2", &[]), (Err(Error::BadArgument), 0));
    assert_eq!(swap(Name::new("blk0"), "card-2", &[]), (Err(Error::WouldBlock), 0));
    assert_eq!(swap(NET, "card-2", &[false, false, true]), (Ok((Change::Refused, Why::Record)), 0));
    // One that drives is needed for restarts, until another does.
    assert_eq!(swap(NET, "card-2", &[]).1, 1);
    assert_eq!(swap(NET, "card-2", &[]).1, 1);
    assert_eq!(swap(NET, "card-2", &[false, true]).1, 1);
    manager.swap(NET, SAME).unwrap();
    assert!(machine.0.borrow().files.is_empty());
}

#[test]
fn what_is_started_again_is_the_file_that_came() {
    let (mut manager, machine) = started();
    let of_file = || machine.0.borrow().processes.values().next().map(|process| process.is_of_file);
    let file = machine.0.borrow_mut().file();
    manager.swap_file(NET, manifest("card"), file, 1).unwrap();
    assert_eq!(of_file(), Some(true));
    let process = process(&machine);
    machine.0.borrow_mut().processes.remove(&process);
    manager.ended(process, 7);
    while let Some(at) = manager.tick() {
        machine.0.borrow_mut().now = at;
    }
    assert_eq!(of_file(), Some(true), "the file of the archive has the mistake that was mended");
    // Nobody takes what was refused for it.
    fail(&machine, &[true]);
    let file = machine.0.borrow_mut().file();
    assert_eq!(manager.swap_file(NET, manifest("card-2"), file, 1).unwrap().change, Change::Refused);
    manager.restart(NET).unwrap();
    assert_eq!((of_file(), drivers(&machine)), (Some(true), serves("card")));
}

#[test]
fn a_better_one_may_come_when_the_old_one_has_ended_too_often() {
    let (mut manager, machine) = started();
    while manager.list(0).unwrap()[0].state != State::Failed {
        let process = process(&machine);
        machine.0.borrow_mut().processes.remove(&process);
        manager.ended(process, 7);
        if let Some(at) = manager.tick() {
            machine.0.borrow_mut().now = at;
            assert_eq!(manager.tick(), None);
        }
    }
    let file = machine.0.borrow_mut().file();
    let swapped = manager.swap_file(NET, manifest("card-2"), file, 1).unwrap();
    assert_eq!((swapped.change, swapped.why), (Change::Started, Why::Works));
    assert_eq!((drivers(&machine), manager.tick()), (serves("card-2"), None));
}

#[test]
fn opening_begins_anew() {
    let (mut manager, machine) = started();
    assert!(manager.open(Caller(5), NET).is_ok());
    assert_eq!(machine.0.borrow().epochs, 1);
    assert_eq!(manager.open(Caller(5), Name::new("x")).err(), Some(Error::BadArgument));
    assert!(manager.open(Caller(5), NET).is_ok(), "it has it already");
    assert_eq!(machine.0.borrow().epochs, 2);
}

/// Two that write to one disk would be its end.
#[test]
fn a_device_is_one_client_s_while_he_lives() {
    let (mut manager, machine) = started();
    manager.open(Caller(5), NET).unwrap();
    assert_eq!(manager.open(Caller(6), NET).err(), Some(Error::Exists));
    assert_eq!(
        (machine.0.borrow().epochs, machine.0.borrow().clients[&0]),
        (1, Some(5)),
        "nobody has noticed"
    );
    // Nor does he lose it with the manager.
    let net = Device::new("net0", "a card", vec!["card".into()]).used_by(Some(5));
    let mut successor = Manager::new(machine.clone(), vec![net], vec![]);
    assert_eq!(successor.open(Caller(6), NET).err(), Some(Error::Exists));
    machine.0.borrow_mut().dead.insert(5);
    for manager in [&mut manager, &mut successor] {
        manager.open(Caller(6), NET).unwrap();
    }
    assert_eq!(machine.0.borrow().clients[&0], Some(6));
    assert_eq!(manager.close(Caller(7), NET), Err(Error::NoRights));
    assert_eq!(manager.open(Caller(7), NET).err(), Some(Error::Exists));
    assert_eq!(manager.close(Caller(6), NET), Ok(()));
    assert_eq!((manager.close(Caller(6), NET), machine.0.borrow().clients[&0]), (Ok(()), None));
    manager.open(Caller(7), NET).unwrap();
}

#[test]
fn what_has_died_with_the_manager_is_fenced_and_its_client_told() {
    let machine = Machine::default();
    let net = Device::new("net0", "a card", vec!["card".into()]);
    let mut manager = Manager::new(machine.clone(), vec![net], vec![]);
    manager.start_all();
    assert_eq!((drivers(&machine), machine.0.borrow().epochs), (serves("card"), 1));
}

#[test]
fn a_successor_of_the_manager_finds_the_drivers_at_work() {
    let (_, machine) = started();
    let driver = devmgr::Driver { process: process(&machine), port: anax_abi::Handle::from_word(1) };
    let driven = Driven { place: 0, driver, program: "card".into(), image: Image::Archive };
    let net = Device::new("net0", "a card", vec!["card".into()]);
    let mut manager = Manager::new(machine.clone(), vec![net], vec![driven]);
    manager.start_all();
    assert_eq!(drivers(&machine), serves("card"));
    assert!(matches!(manager.swap(NET, OTHER).unwrap().change, Change::Swapped(_)));
    assert_eq!(drivers(&machine), serves("card-2"));
}

#[test]
fn one_on_trial_is_followed_by_the_one_before() {
    let (mut manager, machine) = started();
    let trial = manager.trial(NET, OTHER, vec!["17".into()]).unwrap();
    assert_eq!((process(&machine), drivers(&machine)), (trial, serves("card-2")));
    assert_eq!(machine.0.borrow().told, ["17"]);
    assert_eq!((manager.list(0).unwrap()[0].driver.as_str(), machine.0.borrow().epochs), ("card-2", 1));
    machine.0.borrow_mut().processes.clear();
    manager.ended(trial, 7);
    assert_eq!((drivers(&machine), machine.0.borrow().epochs), (serves("card"), 2));
    // It is not held against it, however often.
    for _ in 0..50 {
        let trial = manager.trial(NET, OTHER, vec![]).unwrap();
        machine.0.borrow_mut().processes.clear();
        manager.ended(trial, 7);
    }
    assert_eq!(drivers(&machine), serves("card"));
    manager.trial(NET, OTHER, vec![]).unwrap();
    manager.restart(NET).unwrap();
    assert_eq!(drivers(&machine), serves("card"));
    manager.trial(NET, OTHER, vec![]).unwrap();
    assert!(matches!(manager.swap(NET, OTHER).unwrap().change, Change::Swapped(_)));
    machine.0.borrow_mut().processes.clear();
    let process = manager.list(0).unwrap()[0].process;
    manager.ended(process, 7);
    manager.tick();
    assert_eq!(manager.list(0).unwrap()[0].driver, "card-2");
    assert_eq!(manager.trial(NET, Name::new("nothing"), vec![]), Err(Error::BadArgument));
}

#[test]
fn a_driver_that_dies_while_it_comes_up_costs_an_epoch() {
    // The machine itself asserts it: the client may have asked the one that died.
    let (mut manager, machine) = started();
    fail(&machine, &[false, true]);
    assert_eq!(manager.trial(NET, OTHER, vec![]), Err(Error::TimedOut));
    assert_eq!(drivers(&machine), serves("card"));
    fail(&machine, &[false, true]);
    assert_eq!(manager.restart(NET), Err(Error::TimedOut));
    while let Some(at) = manager.tick() {
        machine.0.borrow_mut().now = at;
    }
    assert_eq!(drivers(&machine), serves("card"));
}

#[test]
fn a_client_can_have_its_driver_ended_and_nobody_else_s() {
    let (mut manager, machine) = started();
    manager.open(Caller(5), NET).unwrap();
    let (old, epoch) = (process(&machine), machine.0.borrow().epochs as u32);
    assert_eq!(manager.complain(Caller(6), NET, epoch, Complaint::Lies), Err(Error::NoRights));
    // Of a driver that is gone.
    assert_eq!(manager.complain(Caller(5), NET, epoch - 1, Complaint::Lies), Ok(()));
    assert_eq!(process(&machine), old);
    assert_eq!(manager.complain(Caller(5), NET, epoch, Complaint::Silent), Ok(()));
    while let Some(at) = manager.tick() {
        machine.0.borrow_mut().now = at;
    }
    assert_ne!(process(&machine), old);
    assert_eq!(drivers(&machine), serves("card"));
    assert!(changes(&mut manager).contains(&Change::Accused(Complaint::Silent)));
    assert!(
        machine
            .0
            .borrow()
            .lines
            .iter()
            .any(|line| line.starts_with("net0: card (process 1) does not answer"))
    );
}
