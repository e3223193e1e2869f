//! Capability tables under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test handles_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_abi::{Error, Rights};
use loom::sync::Arc;
use loom::thread;
use microkernel_core::handles::{Capability, Offer, Slot, Table, Transfer, slots};

type TestTable = Table<u64, [Slot; 2]>;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Object, generation and rights that belong together.
fn capability(object: u64) -> Capability<u64> {
    Capability { object, generation: object as u32 * 10, rights: Rights(object as u16), badge: object as u32 }
}

fn live(object: u64) -> u32 {
    object as u32 * 10
}

/// A reader elsewhere, while home removes the entry and uses the slot for another: the old entry whole, or `BadHandle`.
#[test]
fn a_reader_sees_one_entry_or_none() {
    model(|| {
        let table = Arc::new(TestTable::new(slots(), 1));
        let handle = table.insert(capability(1)).expect("room");
        let reader = thread::spawn({
            let table = table.clone();
            move || table.lookup(handle, Rights::NONE, live)
        });
        assert_eq!(table.remove(handle), Ok(capability(1)));
        let second = table.insert(capability(2)).expect("room");
        assert_eq!(second.index(), handle.index());
        match reader.join().expect("ends") {
            Ok(found) => assert_eq!(found, capability(1)),
            Err(error) => assert_eq!(error, Error::BadHandle),
        }
    });
}

/// A reader that has the new handle early (a guess) sees nothing or all of the new entry. All objects are of one
/// generation here, so that comparing generations cannot hide a mixture.
#[test]
fn a_new_entry_appears_at_once() {
    let entry = |object: u64| Capability { generation: 5, ..capability(object) };
    model(move || {
        let table = Arc::new(TestTable::new(slots(), 1));
        let old = table.insert(entry(1)).expect("room");
        table.remove(old).expect("there");
        let guess = anax_abi::Handle::new(old.index(), old.generation() + 1);
        let reader = thread::spawn({
            let table = table.clone();
            move || table.lookup(guess, Rights::NONE, |_| 5)
        });
        assert_eq!(table.insert(entry(2)), Ok(guess));
        match reader.join().expect("ends") {
            Ok(found) => assert_eq!(found, entry(2)),
            Err(error) => assert_eq!(error, Error::BadHandle),
        }
    });
}

/// Narrowing does not make a reader stumble: it has the rights from before or from after.
#[test]
fn narrowing_is_one_step() {
    model(|| {
        let table = Arc::new(TestTable::new(slots(), 1));
        let handle = table.insert(Capability { rights: Rights(3), ..capability(1) }).expect("room");
        let reader = thread::spawn({
            let table = table.clone();
            move || table.lookup(handle, Rights::SEND, live)
        });
        table.narrow(handle, Rights(1)).expect("there");
        let found = reader.join().expect("ends").expect("there all the time");
        assert!(found.object == 1 && matches!(found.rights, Rights(1) | Rights(3)));
    });
}

/// Two senders on two CPUs, one posted slot: one gets it, the other keeps its handle.
#[test]
fn a_posted_slot_is_claimed_once() {
    model(|| {
        let target = Arc::new(TestTable::new(slots(), 2));
        target.post(1).expect("room");
        let send = |object: u64| {
            let target = target.clone();
            move || {
                let source = TestTable::new(slots(), 1);
                let handle =
                    source.insert(Capability { rights: Rights::ALL, ..capability(object) }).expect("room");
                let offer = Offer { handle, rights: Rights::ALL, transfer: Transfer::Move };
                let parcel = source.pack(&[offer], &target, live);
                assert_eq!(source.used(), u32::from(parcel.is_err()));
                parcel
            }
        };
        let other = thread::spawn(send(1));
        let parcels = [send(2)(), other.join().expect("ends")];
        assert_eq!(parcels.iter().filter(|parcel| **parcel == Err(Error::NoSlot)).count(), 1);
        for parcel in parcels.into_iter().flatten() {
            let received = target.unpack(parcel, live);
            assert!(target.lookup(received[0], Rights::ALL, live).is_ok());
        }
        assert_eq!((target.used(), target.set_aside(), target.available()), (1, 0, 1));
    });
}
