//! What losses cost: `examples/loss.rs` with fewer segments.

#[path = "../../examples/loss/link.rs"]
mod link;

use std::time::Duration;

use link::{Link, transfer};

#[test]
fn one_lost_packet_in_a_hundred_costs_little() {
    for seed in 1..=4 {
        let link = Link { round_trip: Duration::from_millis(20), lost: 10, seed };
        let figures = transfer(10_000, link);
        assert!(figures.sent_per_delivered() <= 1.05, "seed {seed}: {figures:?}");
        // Mathis, with delayed acknowledgements.
        let goodput = figures.of_mathis(link, 0.75_f64.sqrt());
        assert!(goodput >= 1.0, "seed {seed}: {goodput}: {figures:?}");
        assert_eq!(transfer(10_000, link).digest, figures.digest, "one seed, one run");
    }
}

#[test]
fn without_losses_nothing_is_sent_twice() {
    let link = Link { round_trip: Duration::from_millis(20), lost: 0, seed: 1 };
    let figures = transfer(10_000, link);
    assert_eq!(figures.timeouts, 0);
    // Beside the data there is a SYN.
    assert_eq!(figures.sent, figures.delivered + 1);
}
