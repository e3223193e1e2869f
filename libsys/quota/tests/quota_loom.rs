//! Accounts under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test quota_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_quota::{Account, Usage};
use loom::sync::Arc;
use loom::thread;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Two CPUs that each want two of three: one gets them, and no moment shows more than three.
#[test]
fn an_account_is_never_overdrawn() {
    model(|| {
        let account = Arc::new(Account::new(3));
        let other = thread::spawn({
            let account = account.clone();
            move || account.charge(2).is_ok()
        });
        let mine = account.charge(2).is_ok();
        assert!(account.usage().total() <= 3, "overdrawn");
        let granted = u32::from(mine) + u32::from(other.join().expect("ends"));
        assert_eq!(granted, 1);
        assert_eq!(account.usage(), Usage { committed: 2, reserved: 0 });
    });
}

/// Reserving, committing, dropping and releasing on two CPUs leaves exact sums.
#[test]
fn sums_are_exact_across_cpus() {
    model(|| {
        let account = Arc::new(Account::new(4));
        account.charge(1).expect("room");
        let other = thread::spawn({
            let account = account.clone();
            move || {
                let reservation = account.reserve(1);
                account.release(1);
                drop(reservation);
            }
        });
        let mut mine = account.reserve(2).expect("room for both");
        mine.commit_part(1);
        assert!(account.usage().total() <= 4);
        other.join().expect("ends");
        assert_eq!(account.usage(), Usage { committed: 1, reserved: 1 });
        drop(mine);
        assert_eq!(account.usage(), Usage { committed: 1, reserved: 0 });
    });
}
