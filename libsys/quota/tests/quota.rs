//! Accounts on one thread: sums exact after any sequence.
#![cfg(not(loom))]

use anax_quota::{Account, Exceeded, Limits, Quota, Usage, pages_for};
use proptest::prelude::*;

static STATIC: Quota = Quota::new(Limits { pages: 10, handles: 1, threads: 1, messages: 1 });

#[test]
fn a_dropped_reservation_is_given_back() {
    let pages = &STATIC.pages;
    {
        let reservation = pages.reserve(10).expect("the limit");
        assert_eq!((reservation.units(), pages.usage()), (10, Usage { committed: 0, reserved: 10 }));
        assert_eq!(pages.charge(1), Err(Exceeded));
    }
    assert!(STATIC.is_clear());
    pages.charge(4).expect("room");
    let mut reservation = pages.reserve(6).expect("room");
    reservation.commit_part(2);
    assert_eq!(pages.usage(), Usage { committed: 6, reserved: 4 });
    drop(reservation);
    assert_eq!(pages.usage(), Usage { committed: 6, reserved: 0 });
    assert!(!STATIC.is_clear());
    pages.release(6);
    assert!(STATIC.is_clear());
}

#[test]
fn a_kept_reservation_serves_page_faults() {
    let account = Account::new(5);
    account.reserve(5).expect("room").keep();
    account.commit_kept(2);
    assert_eq!(account.usage(), Usage { committed: 2, reserved: 3 });
    account.release_kept(3);
    account.release(2);
    assert_eq!(account.usage().total(), 0);
}

#[test]
fn limits_at_the_edge() {
    let account = Account::new(u32::MAX);
    account.charge(u32::MAX).expect("the limit");
    assert_eq!((account.charge(1), account.charge(0)), (Err(Exceeded), Ok(())));
    account.set_limit(7);
    assert_eq!((account.charge(0), account.limit()), (Err(Exceeded), 7));
    account.release(u32::MAX - 6);
    assert_eq!(account.charge(1), Ok(()));
    assert_eq!((pages_for(0), pages_for(1), pages_for(4096), pages_for(4097)), (Ok(0), Ok(1), Ok(1), Ok(2)));
    assert_eq!((pages_for(u64::from(u32::MAX) * 4096), pages_for(u64::MAX)), (Ok(u32::MAX), Err(Exceeded)));
}

#[test]
#[should_panic(expected = "released 2 of")]
fn releasing_what_is_not_there_is_a_defect() {
    let account = Account::new(5);
    account.charge(1).expect("room");
    account.release(2);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(u32),
    Commit(usize),
    CommitPart(usize, u32),
    Drop(usize),
    Release(u32),
    SetLimit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![0..20_u32, Just(u32::MAX)].prop_map(Step::Reserve),
        1 => (0..9_usize).prop_map(Step::Commit),
        1 => (0..9_usize, 0..9_u32).prop_map(|(pick, units)| Step::CommitPart(pick, units)),
        1 => (0..9_usize).prop_map(Step::Drop),
        1 => (0..20_u32).prop_map(Step::Release),
        1 => (0..60_u32).prop_map(Step::SetLimit),
    ]
}

proptest! {
    /// Against two plain sums; nothing is ever charged beyond the limit of that moment.
    #[test]
    fn sums_are_exact(steps in prop::collection::vec(step(), 0..100)) {
        let account = Account::new(50);
        let (mut limit, mut committed, mut held) = (50_u64, 0_u64, vec![]);
        for step in steps {
            let reserved: u64 = held.iter().map(|(_, units)| u64::from(*units)).sum();
            match step {
                Step::Reserve(units) => {
                    let fits = committed + reserved + u64::from(units) <= limit;
                    let reservation = account.reserve(units);
                    prop_assert_eq!(reservation.is_ok(), fits);
                    held.extend(reservation.ok().map(|reservation| (reservation, units)));
                }
                Step::Commit(pick) if pick < held.len() => {
                    let (reservation, units) = held.remove(pick);
                    reservation.commit();
                    committed += u64::from(units);
                }
                Step::CommitPart(pick, part) if pick < held.len() => {
                    let (reservation, units) = &mut held[pick];
                    reservation.commit_part(part);
                    committed += u64::from(part.min(*units));
                    *units -= part.min(*units);
                }
                Step::Drop(pick) if pick < held.len() => drop(held.remove(pick)),
                Step::Release(units) if u64::from(units) <= committed => {
                    account.release(units);
                    committed -= u64::from(units);
                }
                Step::SetLimit(to) => {
                    account.set_limit(to);
                    limit = u64::from(to);
                }
                _ => {}
            }
            let reserved: u64 = held.iter().map(|(_, units)| u64::from(*units)).sum();
            let usage = account.usage();
            prop_assert_eq!((u64::from(usage.committed), u64::from(usage.reserved)), (committed, reserved));
        }
        held.clear();
        prop_assert_eq!(account.usage(), Usage { committed: committed as u32, reserved: 0 });
    }
}

#[test]
fn a_space_costs_its_maker_its_limits_or_nothing() {
    let limits = Limits { pages: 10, handles: 100, threads: 3, messages: 5 };
    let quota = Quota::new(Limits { pages: 0, handles: 0, threads: 0, messages: 0 });
    assert!(quota.reserve(&limits).is_err());
    quota.set_limits(&Limits { messages: 4, ..limits });
    assert!(quota.reserve(&limits).is_err(), "one message too many");
    assert!(quota.is_clear());
    quota.set_limits(&limits);
    drop(quota.reserve(&limits).expect("just enough"));
    assert!(quota.is_clear());
    quota.reserve(&limits).expect("just enough").into_iter().for_each(|reserved| reserved.commit());
    assert_eq!((quota.pages.usage().committed, quota.handles.usage().committed), (10, 0));
    assert!(quota.reserve(&limits).is_err());
    quota.release(&limits);
    assert!(quota.is_clear());
}
