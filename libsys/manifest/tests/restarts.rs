//! When a program is started again.

use anax_manifest::{Restart, RestartPolicy, Restarts, Verdict};

const MS: u64 = 1_000_000;

const PLAN: Restart = Restart {
    policy: RestartPolicy::Always,
    limit: 4,
    within_ms: 1000,
    first_delay_ms: 10,
    longest_delay_ms: 30,
};

#[test]
fn each_waits_longer_up_to_the_longest() {
    let mut restarts = Restarts::new(PLAN);
    let delays: Vec<Verdict> = (0..5).map(|_| restarts.ended(1, 100 * MS)).collect();
    let at = |ms: u64| Verdict::At((100 + ms) * MS);
    assert_eq!(delays, [at(10), at(20), at(30), at(30), Verdict::GiveUp]);
    assert_eq!(restarts.count(), 4);
}

#[test]
fn what_is_long_ago_does_not_count() {
    let mut restarts = Restarts::new(PLAN);
    for second in 0..100 {
        let now = second * 1100 * MS;
        assert_eq!(restarts.ended(1, now), Verdict::At(now + 10 * MS));
    }
}

#[test]
fn policies() {
    let mut never = Restarts::new(Restart { policy: RestartPolicy::Never, ..PLAN });
    assert_eq!(never.ended(1, 0), Verdict::Stop);
    let mut on_failure =
        Restarts::new(Restart { policy: RestartPolicy::OnFailure, first_delay_ms: 0, ..PLAN });
    assert_eq!(on_failure.ended(0, 5), Verdict::Stop);
    assert_eq!(on_failure.ended(u64::MAX, 5), Verdict::At(5));
}
