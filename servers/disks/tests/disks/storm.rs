//! Requests that nobody sane would send.

use std::cell::RefCell;
use std::rc::Rc;

use anax_block_disk::parts::parts::Serve;
use anax_storm::{Promises, cases, storm};
use disks::{Disks, MOST_PARTS};

use crate::world::{Ours, World};

#[test]
fn a_storm_of_requests() {
    let world = World::new();
    // Every region is a room, now and then.
    for handle in 0..8 {
        let (gift, _) = world.room();
        let words = world.around.borrow().rooms[&gift.handle.to_word()];
        world.around.borrow_mut().rooms.insert(handle, words);
    }
    let around = Rc::clone(&world.around);
    let mut server = Serve(Disks::new(Ours(Rc::clone(&around)), &disks::Record::default()));
    let promises = RefCell::new(Promises::new());
    let mut rounds = 0;
    storm(&mut server, 1, cases(), &["blk0", "blk1"], |Serve(disks), case| {
        promises.borrow_mut().asked(case);
        rounds += 1;
        if rounds % 3 == 0 {
            disks.work();
            around.borrow_mut().machines.values_mut().for_each(|machine| {
                machine.work();
            });
        }
        if rounds % 50 == 0 {
            disks.tick();
        }
        if rounds % 97 == 0 {
            let tokens: Vec<_> = around.borrow().watched.values().copied().collect();
            tokens.into_iter().for_each(|token| disks.left(token));
        }
        disks.answers().iter().for_each(|answered| promises.borrow_mut().answered(answered));
        assert!(around.borrow().record.claims.len() <= MOST_PARTS);
    });
    // All who wait are answered in the end.
    let Serve(disks) = &mut server;
    let tokens: Vec<_> = around.borrow().watched.values().copied().collect();
    tokens.into_iter().for_each(|token| disks.left(token));
    disks.answers().iter().for_each(|answered| promises.borrow_mut().answered(answered));
    assert_eq!(promises.borrow().owed(), 0);
    assert!(around.borrow().machines.values().all(|machine| !machine.is_open));
    assert!(around.borrow().record.claims.is_empty() && around.borrow().watched.is_empty());
}
