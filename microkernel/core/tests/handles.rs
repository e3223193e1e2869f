//! Capability tables on one thread: each call's success and failures, and random use against a map.
#![cfg(not(loom))]

use anax_abi::{Error, Handle, Rights};
use microkernel_core::handles::{Capability, Offer, Slot, Swept, Table, Transfer, slots};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;

static STATIC: Table<u64, [Slot; 4]> = Table::new(slots(), 4);

type TestTable = Table<u64, [Slot; 8]>;

fn table(limit: u32) -> TestTable {
    Table::new(slots(), limit)
}

fn capability(object: u64) -> Capability<u64> {
    Capability { object, generation: 1, rights: Rights::ALL, badge: 0 }
}

fn live(_: u64) -> u32 {
    1
}

fn offer(handle: Handle, transfer: Transfer) -> Offer {
    Offer { handle, rights: Rights::ALL, transfer }
}

#[test]
fn a_handle_is_good_until_it_is_removed() {
    let handle = STATIC.insert(capability(7)).expect("room");
    assert_eq!(STATIC.lookup(handle, Rights::SEND, live), Ok(capability(7)));
    assert_eq!(STATIC.remove(handle), Ok(capability(7)));
    assert_eq!(STATIC.remove(handle), Err(Error::BadHandle));
    let again = STATIC.insert(capability(8)).expect("room");
    assert_eq!(again.index(), handle.index(), "the slot is used again");
    assert_eq!(STATIC.lookup(handle, Rights::NONE, live), Err(Error::BadHandle), "the old handle is not");
    assert_eq!(STATIC.narrow(handle, Rights::NONE), Err(Error::BadHandle));
    assert_eq!(STATIC.lookup(again, Rights::NONE, live), Ok(capability(8)));
}

#[test]
fn any_word_is_a_handle_and_most_are_bad() {
    let table = table(8);
    let good = table.insert(capability(1)).expect("room");
    for word in [0, 1, u64::MAX, u64::from(u32::MAX), good.to_word() + 1, good.to_word() ^ 1 << 63] {
        assert_eq!(
            table.lookup(Handle::from_word(word), Rights::NONE, live),
            Err(Error::BadHandle),
            "{word:#x}"
        );
    }
}

#[test]
fn rights_only_shrink() {
    let table = table(8);
    let handle = table.insert(capability(1)).expect("room");
    assert_eq!(table.narrow(handle, Rights::READ.with(Rights::WRITE)), Ok(()));
    assert_eq!(table.narrow(handle, Rights::READ.with(Rights::SEND)), Ok(()));
    assert_eq!(table.lookup(handle, Rights::READ, live).map(|found| found.rights), Ok(Rights::READ));
    assert_eq!(table.lookup(handle, Rights::READ.with(Rights::WRITE), live), Err(Error::NoRights));
}

#[test]
fn revocation_kills_every_handle_and_sweeping_frees_them() {
    let (table, generation) = (table(8), Cell::new(1));
    let current = |object| if object == 1 { generation.get() } else { 1 };
    let handles: Vec<_> = (0..6).map(|count| table.insert(capability(count % 2)).expect("room")).collect();
    generation.set(2);
    for (count, handle) in handles.iter().enumerate() {
        let expected = if count % 2 == 0 { Ok(capability(0)) } else { Err(Error::BadHandle) };
        assert_eq!(table.lookup(*handle, Rights::NONE, current), expected);
    }
    assert_eq!(table.used(), 6);
    let mut gone = vec![];
    assert_eq!(
        table.sweep(0, 4, current, |entry| gone.push(entry.object)),
        Swept { removed: 2, next: Some(4) }
    );
    assert_eq!(
        table.sweep(4, u32::MAX, current, |entry| gone.push(entry.object)),
        Swept { removed: 1, next: None }
    );
    assert_eq!((gone, table.used()), (vec![1, 1, 1], 3));
    assert_eq!(table.clear_all(0, u32::MAX, |_| ()), Swept { removed: 3, next: None });
    assert_eq!((table.used(), table.available()), (0, 8));
}

#[test]
fn the_limit_counts_what_is_set_aside() {
    let table = table(3);
    table.post(2).expect("room");
    let handle = table.insert(capability(1)).expect("one left");
    assert_eq!(table.insert(capability(2)), Err(Error::Quota));
    assert_eq!(table.post(1), Err(Error::Quota));
    assert_eq!(table.withdraw(5), 2);
    assert_eq!(table.withdraw(5), 0);
    assert_eq!(table.post(2), Ok(()));
    table.set_limit(1);
    assert_eq!((table.available(), table.remove(handle)), (0, Ok(capability(1))));
    assert_eq!(table.insert(capability(1)), Err(Error::Quota));
}

#[test]
fn handles_travel_all_or_none() {
    let (source, target) = (table(8), table(8));
    let handles: Vec<_> = (0..4).map(|object| source.insert(capability(object)).expect("room")).collect();
    let offers: Vec<_> = handles.iter().map(|handle| offer(*handle, Transfer::Move)).collect();
    target.post(3).expect("room");
    assert_eq!(source.pack(&offers, &target, live), Err(Error::NoSlot));
    assert_eq!((source.used(), target.posted()), (4, 3), "nothing moved");
    for handle in &handles {
        assert!(source.lookup(*handle, Rights::NONE, live).is_ok(), "nothing moved");
    }
    target.post(1).expect("room");
    let parcel = source.pack(&offers, &target, live).expect("four posted");
    assert_eq!((source.used(), target.posted(), target.set_aside()), (0, 0, 4));
    assert_eq!(parcel.capabilities().iter().map(|entry| entry.object).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(target.withdraw(4), 0, "claimed");
    let received = target.unpack(parcel, live);
    assert_eq!((target.used(), target.set_aside()), (4, 0));
    for (object, handle) in received.iter().enumerate() {
        assert_eq!(target.lookup(*handle, Rights::NONE, live), Ok(capability(object as u64)));
    }
}

#[test]
fn a_bad_offer_moves_nothing() {
    let (source, target) = (table(8), table(8));
    target.post(8).expect("room");
    let (good, other) =
        (source.insert(capability(1)).expect("room"), source.insert(capability(2)).expect("room"));
    let kept = source.insert(Capability { rights: Rights::SEND, ..capability(3) }).expect("room");
    let (moved, copied) = (offer(good, Transfer::Move), offer(good, Transfer::Copy));
    let cases = [
        (vec![moved, offer(Handle::from_word(0), Transfer::Copy)], Error::BadHandle),
        (vec![moved, offer(kept, Transfer::Copy)], Error::NoRights),
        (vec![moved, moved], Error::BadHandle),
        (vec![moved, copied], Error::BadHandle),
        (vec![copied, offer(other, Transfer::Copy), moved], Error::BadHandle),
        (vec![copied; 5], Error::BadArgument),
    ];
    for (offers, error) in cases {
        assert_eq!(source.pack(&offers, &target, live), Err(error), "{offers:?}");
        assert_eq!((source.used(), target.posted()), (3, 8));
        assert!(source.lookup(good, Rights::NONE, live).is_ok());
    }
}

#[test]
fn copies_stay_and_are_narrowed() {
    let (source, target) = (table(8), table(8));
    target.post(2).expect("room");
    let handle = source.insert(capability(1)).expect("room");
    let narrow = Offer { handle, rights: Rights::SEND, transfer: Transfer::Copy };
    let parcel = source.pack(&[narrow, narrow], &target, live).expect("posted");
    let received = target.unpack(parcel, live);
    assert_eq!((received.len(), source.used(), target.used()), (2, 1, 2));
    assert_eq!(target.lookup(received[0], Rights::NONE, live).map(|entry| entry.rights), Ok(Rights::SEND));
    assert_eq!(target.lookup(received[1], Rights::GRANT, live), Err(Error::NoRights));
}

#[test]
fn revoked_on_the_way_arrives_bad_and_frees_its_slot() {
    let (source, target) = (table(8), table(2));
    target.post(2).expect("room");
    let offers = [1, 2].map(|object| offer(source.insert(capability(object)).expect("room"), Transfer::Move));
    let parcel = source.pack(&offers, &target, live).expect("posted");
    let received = target.unpack(parcel, |object| if object == 1 { 2 } else { 1 });
    assert_eq!(received[0], Handle::from_word(0));
    assert_eq!(target.lookup(received[1], Rights::ALL, live), Ok(capability(2)));
    assert_eq!((target.used(), target.set_aside(), target.available()), (1, 0, 1));
}

#[test]
fn an_undelivered_parcel_gives_its_claim_back() {
    let (source, target) = (table(8), table(8));
    target.post(1).expect("room");
    let handle = source.insert(capability(1)).expect("room");
    let parcel = source.pack(&[offer(handle, Transfer::Move)], &target, live).expect("posted");
    assert_eq!((parcel.len(), parcel.is_empty(), target.posted()), (1, false, 0));
    target.discard(parcel);
    assert_eq!((target.posted(), target.set_aside(), source.used()), (1, 1, 0));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u64, u16),
    Remove(usize),
    Narrow(usize, u16),
    Revoke(u64),
    Sweep,
    Post(u32),
    Withdraw(u32),
    Send { first: usize, count: usize, transfer: Transfer },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u64, 0..128_u16).prop_map(|(object, rights)| Step::Insert(object, rights)),
        2 => (0..20_usize).prop_map(Step::Remove),
        1 => (0..20_usize, 0..128_u16).prop_map(|(pick, rights)| Step::Narrow(pick, rights)),
        1 => (0..4_u64).prop_map(Step::Revoke),
        1 => Just(Step::Sweep),
        1 => (0..4_u32).prop_map(Step::Post),
        1 => (0..4_u32).prop_map(Step::Withdraw),
        2 => (0..20_usize, 0..5_usize, prop_oneof![Just(Transfer::Move), Just(Transfer::Copy)])
            .prop_map(|(first, count, transfer)| Step::Send { first, count, transfer }),
    ]
}

proptest! {
    /// Against a map from handle to entry; the table sends to itself, which is the hardest case of a transfer.
    #[test]
    fn a_table_is_a_map(steps in prop::collection::vec(step(), 0..120)) {
        let table = table(6);
        let mut map: BTreeMap<Handle, Capability<u64>> = BTreeMap::new();
        let (mut generations, mut ever, mut posted) = ([1_u32; 4], vec![Handle::from_word(0)], 0_u32);
        for step in steps {
            let current = |object: u64| generations[object as usize];
            let is_live = |entry: &Capability<u64>| current(entry.object) == entry.generation;
            let available = 6 - map.len() as u32 - posted;
            match step {
                Step::Insert(object, rights) => {
                    let entry = Capability { object, generation: current(object), rights: Rights(rights), badge: 0 };
                    match table.insert(entry) {
                        Ok(handle) => {
                            prop_assert!(available > 0 && !ever.contains(&handle));
                            map.insert(handle, entry);
                            ever.push(handle);
                        }
                        Err(error) => prop_assert_eq!((error, available), (Error::Quota, 0)),
                    }
                }
                Step::Remove(pick) => {
                    let handle = ever[pick % ever.len()];
                    prop_assert_eq!(table.remove(handle), map.remove(&handle).ok_or(Error::BadHandle));
                }
                Step::Narrow(pick, rights) => {
                    let handle = ever[pick % ever.len()];
                    let entry = map.get_mut(&handle);
                    prop_assert_eq!(table.narrow(handle, Rights(rights)).is_ok(), entry.is_some());
                    if let Some(entry) = entry {
                        entry.rights = entry.rights.narrowed(Rights(rights));
                    }
                }
                Step::Revoke(object) => generations[object as usize] += 1,
                Step::Sweep => {
                    let stale = map.values().filter(|entry| !is_live(entry)).count();
                    prop_assert_eq!(table.sweep(0, 8, current, |_| ()).removed, stale);
                    map.retain(|_, entry| is_live(entry));
                }
                Step::Post(count) => {
                    prop_assert_eq!(table.post(count).is_ok(), count <= available);
                    posted += if count <= available { count } else { 0 };
                }
                Step::Withdraw(count) => {
                    prop_assert_eq!(table.withdraw(count), count.min(posted));
                    posted -= count.min(posted);
                }
                Step::Send { first, count, transfer } => {
                    let offers: Vec<_> =
                        (0..count).map(|next| offer(ever[(first + next) % ever.len()], transfer)).collect();
                    let distinct = ever.len() >= count || transfer == Transfer::Copy;
                    let may_go = |offer: &Offer| {
                        map.get(&offer.handle).is_some_and(|entry| is_live(entry) && entry.rights.allows(Rights::GRANT))
                    };
                    let expected = distinct && offers.iter().all(may_go) && count as u32 <= posted;
                    let sent = table.pack(&offers, &table, current);
                    prop_assert_eq!(sent.is_ok(), expected, "{:?}", sent);
                    if let Ok(parcel) = sent {
                        posted -= count as u32;
                        let entries = parcel.capabilities().to_vec();
                        if transfer == Transfer::Move {
                            map.retain(|handle, _| offers.iter().all(|offer| offer.handle != *handle));
                        }
                        let received = table.unpack(parcel, current);
                        ever.extend(received.iter().copied());
                        map.extend(received.into_iter().zip(entries));
                    }
                }
            }
            prop_assert_eq!((table.used(), table.posted()), (map.len() as u32, posted));
            prop_assert_eq!(table.available(), 6 - map.len() as u32 - posted);
            for handle in &ever {
                let current = |object: u64| generations[object as usize];
                let expected = match map.get(handle) {
                    Some(entry) if current(entry.object) == entry.generation => Ok(*entry),
                    _ => Err(Error::BadHandle),
                };
                prop_assert_eq!(table.lookup(*handle, Rights::NONE, current), expected);
            }
        }
    }
}
