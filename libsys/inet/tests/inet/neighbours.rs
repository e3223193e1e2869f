//! Where neighbours are: the states, the bounds, what is learnt and what is not.

use anax_inet::neighbours::{Effect, Heard, NEIGHBOURS, Neighbours, Resolution, SOUGHT, Token, WAITING};
use anax_inet::{Change, Hop, Known, Random};
use smoltcp::wire::{EthernetAddress, IpAddress};

use crate::support::{ETH, OURS, THEIRS, ms, secs};

fn table() -> Neighbours {
    Neighbours::new(Random::new((5, 6)))
}

fn hop(index: u16) -> Hop {
    Hop::new(ETH, IpAddress::v4(10, 0, (index >> 8) as u8, index as u8))
}

fn effects(table: &mut Neighbours) -> Vec<Effect> {
    std::iter::from_fn(|| table.effect()).collect()
}

const ANSWER: Heard = Heard::Saying { is_answer: true, replaces: true };
const UNASKED: Heard = Heard::Saying { is_answer: false, replaces: true };

fn told(link: EthernetAddress, is_stale: bool) -> Effect {
    Effect::Change(Change::Neighbour(ETH, hop(1).next, Known { link, is_stale }))
}

#[test]
fn whoever_is_sought_is_asked_for_and_then_known() {
    let mut table = table();
    assert_eq!(table.resolve(ms(0), hop(1), Token(1)), Resolution::Waits);
    assert_eq!(table.resolve(ms(1), hop(1), Token(2)), Resolution::Waits);
    assert_eq!(effects(&mut table), [Effect::Ask(hop(1), None)]);
    table.heard(ms(5), hop(1), THEIRS, ANSWER);
    let expected = [told(THEIRS, false), Effect::Ready(Token(1), THEIRS), Effect::Ready(Token(2), THEIRS)];
    assert_eq!(effects(&mut table), expected);
    assert_eq!(table.resolve(ms(6), hop(1), Token(3)), Resolution::Known(THEIRS));
    assert_eq!(effects(&mut table), []);
}

#[test]
fn whoever_does_not_answer_is_asked_three_times_and_given_up() {
    let mut table = table();
    table.resolve(ms(0), hop(1), Token(1));
    for step in 0..=2 {
        table.poll(secs(step));
        assert_eq!(effects(&mut table), [Effect::Ask(hop(1), None)], "{step}");
        assert_eq!(table.next_deadline(), Some(secs(step + 1)));
    }
    table.poll(secs(3));
    assert_eq!(effects(&mut table), [Effect::Failed(Token(1), hop(1))]);
    assert_eq!((table.count(), table.next_deadline()), (0, None));
}

#[test]
fn whoever_is_used_is_asked_whether_it_is_still_there() {
    let mut table = table();
    table.resolve(ms(0), hop(1), Token(1));
    table.heard(ms(0), hop(1), THEIRS, ANSWER);
    effects(&mut table);
    // Reachable for half to one and a half times 30 s.
    let stale = table.next_deadline().unwrap();
    assert!((secs(15)..=secs(45)).contains(&stale));
    table.poll(stale);
    assert_eq!(effects(&mut table), [told(THEIRS, true)]);
    // Nobody uses it: nothing is asked.
    table.poll(stale + secs(100));
    assert_eq!(effects(&mut table), []);
    let now = stale + secs(100);
    table.used(now, hop(1));
    assert_eq!(effects(&mut table), [told(THEIRS, false)]);
    for step in 0..3 {
        table.poll(now + secs(5 + step));
        assert_eq!(effects(&mut table), [Effect::Ask(hop(1), Some(THEIRS))]);
    }
    table.poll(now + secs(8));
    assert_eq!(effects(&mut table), [Effect::Change(Change::NeighbourGone(ETH, hop(1).next))]);
    assert_eq!(table.count(), 0);
}

#[test]
fn a_transport_that_gets_on_spares_the_question() {
    let mut table = table();
    table.heard(ms(0), hop(1), THEIRS, Heard::Asking);
    assert_eq!(effects(&mut table), [told(THEIRS, true)]);
    assert_eq!(table.resolve(ms(1), hop(1), Token(1)), Resolution::Known(THEIRS));
    table.confirmed(secs(2), hop(1));
    effects(&mut table);
    table.poll(secs(10));
    assert_eq!(effects(&mut table), []);
}

#[test]
fn nobody_is_learnt_of_unasked() {
    let mut table = table();
    for index in 0..100 {
        table.heard(ms(0), hop(index), THEIRS, UNASKED);
        table.heard(ms(0), hop(index), THEIRS, ANSWER);
    }
    assert_eq!((table.count(), effects(&mut table)), (0, vec![]));
}

#[test]
fn an_answer_to_nothing_makes_nobody_reachable() {
    let mut table = table();
    table.resolve(ms(0), hop(1), Token(1));
    table.heard(ms(0), hop(1), THEIRS, ANSWER);
    effects(&mut table);
    // Somebody else says that it is there: believed so far that it is asked.
    table.heard(ms(1), hop(1), OURS, ANSWER);
    assert_eq!(effects(&mut table), [told(OURS, true)]);
    // Without the wish to replace it only raises doubt.
    let doubt = Heard::Saying { is_answer: true, replaces: false };
    table.confirmed(ms(2), hop(1));
    effects(&mut table);
    table.heard(ms(3), hop(1), THEIRS, doubt);
    assert_eq!(effects(&mut table), [told(OURS, true)]);
    table.heard(ms(4), hop(1), EthernetAddress::BROADCAST, UNASKED);
    assert_eq!(effects(&mut table), []);
}

#[test]
fn a_scan_fills_nothing_and_floods_nobody() {
    let mut table = table();
    table.resolve(ms(0), hop(9999), Token(0));
    table.heard(ms(0), hop(9999), THEIRS, ANSWER);
    effects(&mut table);
    let (mut asked, mut failed) = (0, 0);
    for index in 0..5000 {
        table.resolve(ms(index.into()) / 5, hop(index), Token(index.into()));
        assert!(table.count() <= SOUGHT + 1);
        for effect in effects(&mut table) {
            asked += u32::from(matches!(effect, Effect::Ask(..)));
            failed += u32::from(matches!(effect, Effect::Failed(..)));
        }
    }
    // A burst of 50, and 100 a second.
    assert!(asked <= 50 + 100, "{asked} requests in a second");
    assert_eq!(failed, 5000 - SOUGHT as u32);
    assert_eq!(table.resolve(secs(1), hop(9999), Token(0)), Resolution::Known(THEIRS));
}

#[test]
fn those_who_ask_us_fill_only_their_part() {
    let mut table = table();
    for index in 0..2 * NEIGHBOURS as u16 {
        table.heard(ms(index.into()), hop(index), THEIRS, Heard::Asking);
    }
    assert_eq!(table.count(), NEIGHBOURS);
    // The oldest had to go; who is sought finds a place.
    table.resolve(secs(2), hop(5000), Token(1));
    assert_eq!(table.count(), NEIGHBOURS);
    table.heard(secs(2), hop(5000), THEIRS, ANSWER);
    assert!(effects(&mut table).contains(&Effect::Ready(Token(1), THEIRS)));
}

#[test]
fn only_a_few_packets_wait() {
    let mut table = table();
    let count = 20;
    for token in 0..count {
        table.resolve(ms(0), hop(1), Token(token));
    }
    let failed: Vec<u64> = effects(&mut table)
        .into_iter()
        .filter_map(|effect| if let Effect::Failed(token, _) = effect { Some(token.0) } else { None })
        .collect();
    assert_eq!(failed, Vec::from_iter(0..count - WAITING as u64));
    table.forget(ETH);
    assert_eq!(effects(&mut table).len(), WAITING);
}
