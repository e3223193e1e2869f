//! The names server on the host: who gets what, who waits, who is told.

use std::collections::BTreeSet;

use anax_abi::{Error, Handle, Rights};
use anax_proto::{Answered, Caller, Gift, Later};
use anax_storm::{Promises, Taken, cases, storm};
use anax_system::names::{ADMIT, DISMISS};
use anax_system::{Name, Names as _};
use names::{Directory, Handles, MOST_WAITING};

/// Handles that say whose they are.
#[derive(Default)]
struct Marked {
    closed: std::rc::Rc<std::cell::RefCell<Vec<Handle>>>,
}

impl Handles for Marked {
    fn copy_for(&mut self, port: Handle, process: u64) -> Result<Handle, Error> {
        Ok(mark(port, process))
    }

    fn close(&mut self, port: Handle) {
        self.closed.borrow_mut().push(port);
    }
}

fn mark(port: Handle, process: u64) -> Handle {
    Handle::from_word(port.to_word().wrapping_add(process << 40))
}

const INIT: Caller = Caller(0);
const DISK: Name = Name::new("disk");
const FILES: Name = Name::new("files");

fn port(number: u32) -> Gift {
    Gift::copy(Handle::new(number, 1), Rights::SEND)
}

fn found(number: u32, process: u64, generation: u64) -> Result<(Gift, u64), Error> {
    let handle = mark(port(number).handle, process);
    Ok((Gift { handle, rights: Rights::SEND, is_given: true }, generation))
}

/// 1 serves the disk in layer 1; 2 serves files in layer 3 and needs the disk; 3 is an application that needs files, and the disk.
fn directory() -> Directory<Marked> {
    let mut directory = Directory::new(Marked::default());
    for (process, layer, number) in [(1, 1, 11), (2, 3, 12), (3, 5, 13)] {
        directory.admit(INIT, process, layer, port(number)).unwrap();
    }
    directory.serves(INIT, 1, DISK).unwrap();
    directory.serves(INIT, 2, FILES).unwrap();
    directory.needs(INIT, 2, DISK).unwrap();
    directory.needs(INIT, 3, FILES).unwrap();
    directory.needs(INIT, 1, FILES).unwrap();
    directory
}

fn answers(directory: &mut Directory<Marked>) -> Vec<(u64, i64)> {
    directory.answers().map(|Answered { ticket, reply, .. }| (ticket, reply.code)).collect()
}

#[test]
fn what_is_needed_is_found_with_the_askers_badge() {
    let mut directory = directory();
    assert_eq!(directory.look_up(Caller(2), DISK), found(11, 2, 1));
    assert_eq!(directory.look_up(Caller(3), FILES), found(12, 3, 2));
    assert_eq!(directory.look_up(INIT, FILES), found(12, 0, 2));
}

#[test]
fn what_is_not_in_the_manifest_is_not_found() {
    let mut directory = directory();
    assert_eq!(directory.look_up(Caller(3), DISK), Err(Error::NoRights));
    assert_eq!(directory.look_up(Caller(9), DISK), Err(Error::NoRights));
    assert_eq!(directory.publish(Caller(3), DISK, port(20)), Err(Error::NoRights));
    directory.wait(Caller(3), DISK, 0, Later::new(1));
    assert_eq!(answers(&mut directory), [(1, Error::NoRights.code())]);
}

#[test]
fn nobody_calls_upwards() {
    let mut directory = directory();
    // Its manifest names it: a build would have refused it, but here it is refused, too.
    assert_eq!(directory.look_up(Caller(1), FILES), Err(Error::NoRights));
    directory.needs(INIT, 2, FILES).unwrap();
    assert_eq!(directory.look_up(Caller(2), FILES), Err(Error::NoRights));
}

#[test]
fn whoever_waits_is_told_of_the_successor() {
    let mut directory = directory();
    directory.wait(Caller(2), DISK, 0, Later::new(1));
    assert_eq!(answers(&mut directory), [(1, 0)]);
    directory.wait(Caller(2), DISK, 1, Later::new(2));
    assert_eq!(directory.dismiss(INIT, 1), Ok(()));
    assert_eq!(directory.look_up(Caller(2), DISK), Err(Error::WouldBlock));
    assert_eq!(answers(&mut directory), []);
    directory.admit(INIT, 4, 1, port(14)).unwrap();
    directory.serves(INIT, 4, DISK).unwrap();
    assert_eq!(answers(&mut directory), [(2, 0)]);
    assert_eq!(directory.look_up(Caller(2), DISK), found(14, 2, 4));

    directory.wait(Caller(2), DISK, 4, Later::new(3));
    directory.give_up(INIT, DISK).unwrap();
    assert_eq!(answers(&mut directory), [(3, Error::Aborted.code())]);
    // Whoever comes later is told the same, until there is one after all.
    directory.wait(Caller(2), DISK, 4, Later::new(4));
    assert_eq!(answers(&mut directory), [(4, Error::Aborted.code())]);
    directory.dismiss(INIT, 4).unwrap();
    directory.admit(INIT, 5, 1, port(15)).unwrap();
    directory.serves(INIT, 5, DISK).unwrap();
    directory.wait(Caller(2), DISK, 4, Later::new(5));
    assert_eq!(answers(&mut directory), [(5, 0)]);
}

#[test]
fn waiting_is_bounded_and_ends_with_the_process() {
    let mut directory = directory();
    for ticket in 0..MOST_WAITING as u64 + 1 {
        directory.wait(Caller(2), DISK, 1, Later::new(ticket));
    }
    assert_eq!(answers(&mut directory), [(MOST_WAITING as u64, Error::Full.code())]);
    assert_eq!(directory.waiting(), MOST_WAITING);
    directory.dismiss(INIT, 2).unwrap();
    assert_eq!(directory.waiting(), 0);
}

#[test]
fn handles_are_given_up_once() {
    let marked = Marked::default();
    let closed = marked.closed.clone();
    let mut directory = Directory::new(marked);
    directory.admit(INIT, 1, 1, port(11)).unwrap();
    directory.serves(INIT, 1, DISK).unwrap();
    assert_eq!(directory.admit(INIT, 1, 1, port(99)), Err(Error::Exists));
    assert_eq!(directory.admit(Caller(1), 2, 0, port(98)), Err(Error::NoRights));
    directory.publish(Caller(1), DISK, port(21)).unwrap();
    directory.publish(Caller(1), DISK, port(22)).unwrap();
    directory.dismiss(INIT, 1).unwrap();
    assert_eq!(directory.dismiss(INIT, 1), Err(Error::BadHandle));
    let expected = [99, 98, 21, 22, 11].map(|number| port(number).handle);
    assert_eq!(*closed.borrow(), expected);
}

#[test]
fn only_init_says_who_there_is() {
    let mut directory = directory();
    let other = Caller(3);
    assert_eq!(directory.serves(other, 3, DISK), Err(Error::NoRights));
    assert_eq!(directory.needs(other, 3, DISK), Err(Error::NoRights));
    assert_eq!(directory.dismiss(other, 1), Err(Error::NoRights));
    assert_eq!(directory.give_up(other, DISK), Err(Error::NoRights));
    assert_eq!(directory.serves(INIT, 9, DISK), Err(Error::BadHandle));
}

/// Whatever anybody asks: who is to be answered later is, once, and what is sent along is in the directory, or closed, or left to the carrier.
#[test]
fn a_storm_of_requests() {
    let marked = Marked::default();
    let closed = marked.closed.clone();
    let mut directory = Directory::new(marked);
    directory.admit(INIT, 3, 1, port(1)).unwrap();
    directory.serves(INIT, 3, DISK).unwrap();
    for process in 4..8 {
        directory.admit(INIT, process, 5, port(1)).unwrap();
        directory.needs(INIT, process, DISK).unwrap();
        directory.needs(INIT, process, FILES).unwrap();
    }
    let mut server = anax_system::names::Serve(directory);
    let (mut promises, mut taken) = (Promises::new(), Taken::new());
    let mut admitted: BTreeSet<u64> = (3..8).collect();
    let mut most = 0;
    storm(&mut server, 1, cases(), &["disk", "files"], |server, case| {
        promises.asked(case);
        taken.asked(case);
        server.0.answers().for_each(|answered| promises.answered(&answered));
        for handle in closed.borrow_mut().drain(..) {
            assert!(taken.closed(handle) || handle == port(1).handle, "closed twice, or nobody's");
        }
        if case.wild.command == ADMIT && case.reply.code == 0 {
            admitted.insert(case.wild.words[0]);
        }
        if case.wild.command == DISMISS && case.reply.code == 0 {
            promises.left(Caller(case.wild.words[0]));
        }
        assert_eq!(server.0.waiting(), promises.owed(), "somebody waits for ever");
        most = most.max(promises.owed());
    });
    println!("{} processes, {} handles, {most} waited at a time", admitted.len(), taken.held());
    assert!(admitted.len() > 5 && taken.held() > 0 && most > 3, "most of it went by");
    assert!(server.0.waiting() <= MOST_WAITING * (admitted.len() + 1), "they pile up");
    for process in admitted {
        let _ = server.0.dismiss(INIT, process);
    }
    closed.borrow_mut().drain(..).for_each(|handle| _ = taken.closed(handle));
    assert_eq!(taken.held(), 0, "handles are lost");
}
