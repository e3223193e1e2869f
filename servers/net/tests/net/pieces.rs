//! Streams whose bytes lie in memory that can be taken away at any time: not one is wrong, whatever is taken away and whoever lies.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anax_abi::Rights;
use anax_proto::Gift;
use anax_socket::{
    Failure, Kind, LONGEST_SHOWN, Lost, MOST_PIECES, MOST_SHOWN, Piece, Sockets as _, Stretch,
};
use proptest::prelude::*;

use crate::lending::{Lender, MEMORY};

#[test]
fn pieces_go_from_where_they_lie() {
    let mut lender = Lender::new();
    let (first, second) = (lender.show(0), lender.show(1));
    for _ in 0..20 {
        lender.write(100);
        lender.lend(&first, 333, 3000).unwrap();
        lender.lend(&second, MEMORY - 1501, 1501).unwrap();
        // Told in two steps, of which none ends where a piece does.
        lender.write(3100);
        lender.write(1402);
        lender.finish();
    }
    assert_eq!(lender.told(), None);
    assert_eq!(lender.world.threads[0].0.shard.mapped(), 3);
}

#[test]
fn a_piece_may_be_longer_than_the_ring() {
    let mut lender = Lender::new();
    let memory = lender.show(0);
    lender.lend(&memory, 0, MEMORY).unwrap();
    let mut left = MEMORY;
    while left > 0 {
        let count = lender.room().min(left);
        lender.write(count);
        lender.finish();
        left -= count;
    }
}

#[test]
fn what_is_taken_away_before_it_is_sent_comes_from_the_ring() {
    let mut lender = Lender::new();
    let memory = lender.show(0);
    lender.lend(&memory, 0, 4000).unwrap();
    lender.take_away(&memory);
    lender.write(4100);
    assert_eq!(lender.told(), Some(0));
    lender.look();
    assert_eq!(lender.read, 0, "nothing goes out meanwhile");
    lender.fill(0);
    lender.finish();
    assert_eq!(lender.world.threads[0].0.shard.counters().pieces_lost, 1);
}

/// Between the look at the table and the copy.
#[test]
fn what_is_taken_away_while_it_is_copied_is_not_sent() {
    let mut lender = Lender::new();
    let memory = lender.show(0);
    lender.lend(&memory, 0, 4000).unwrap();
    let (table, region) = (lender.table.clone(), memory.region.clone());
    *memory.region.on_look.lock().unwrap() = Some(Box::new(move || {
        table.words[0].store(0, Ordering::SeqCst);
        region.bytes().fill(0);
    }));
    lender.write(4000);
    lender.finish();
}

/// The same two words are another memory's, all of which is there.
#[test]
fn words_of_another_memory_say_nothing() {
    let mut lender = Lender::new();
    let memory = lender.show(0);
    lender.lend(&memory, 0, 4000).unwrap();
    memory.region.bytes().fill(0);
    lender.table.words[1].store(memory.number + 1000, Ordering::SeqCst);
    lender.write(4000);
    lender.finish();
}

#[test]
fn what_was_lost_on_its_way_is_read_again() {
    for is_taken_away in [false, true] {
        let mut lender = Lender::new();
        let memory = lender.show(0);
        lender.lend(&memory, 0, 4000).unwrap();
        lender.world.lossy = 100;
        lender.write(4000);
        lender.world.lossy = 0;
        lender.look();
        assert_eq!(lender.read, 0);
        if is_taken_away {
            lender.take_away(&memory);
        }
        lender.finish();
        assert_eq!(lender.world.threads[0].0.shard.counters().pieces_lost, is_taken_away.into());
    }
}

#[test]
fn lies_are_refused() {
    let mut lender = Lender::new();
    let memory = lender.show(3);
    lender.write(100);
    lender.lend(&memory, 0, 1000).unwrap();
    let good = lender.piece(&memory, 1100, 0, 1000);
    let (caller, socket) = (lender.program.caller, lender.one.socket);
    let lies = [
        Piece { place: 2, ..good },
        Piece { place: u32::MAX, ..good },
        Piece { length: 0, ..good },
        Piece { length: MEMORY as u32 + 1, ..good },
        Piece { offset: MEMORY as u32, ..good },
        Piece { offset: u32::MAX, length: u32::MAX, ..good },
        Piece { from: 99, ..good },
        Piece { from: 1099, ..good },
        Piece { from: u64::MAX, ..good },
        Piece { from: 100_000, ..good },
    ];
    let thread = &mut lender.world.threads[0].0;
    for lie in lies {
        assert_eq!(thread.piece(caller, socket, lie), Err(Failure::BadArgument), "{lie:?}");
    }
    let thief = lender.world.attach();
    let thread = &mut lender.world.threads[0].0;
    assert_eq!(thread.piece(thief.caller, socket, good), Err(Failure::Gone));
    assert_eq!(thread.filled(thief.caller, socket, 100), Err(Failure::Gone));
    assert_eq!(thread.filled(caller, socket, 101), Err(Failure::BadArgument));
    let rings = lender.program.rings();
    let fresh = thread.open(caller, Kind::Stream, rings).unwrap();
    assert_eq!(thread.piece(caller, fresh, good), Err(Failure::BadState));
    lender.write(1000);
    lender.finish();
}

#[test]
fn lies_about_memory_are_refused() {
    let mut lender = Lender::new();
    let memory = lender.show(0);
    let caller = lender.program.caller;
    let good = Stretch { number: 1, at: 0, length: 4096 };
    let (_, table) = lender.world.region(1);
    let (thief, lender_of_none) = (lender.world.attach(), memory.gift);
    let thread = &mut lender.world.threads[0].0;
    for (place, stretch) in [
        (MOST_SHOWN, good),
        (0, Stretch { length: 0, ..good }),
        (0, Stretch { at: 1 << 40, ..good }),
        (0, Stretch { at: u64::MAX, ..good }),
        (0, Stretch { length: u64::MAX, ..good }),
        (0, Stretch { at: 7 * 4096, length: 4097, number: 1 }),
        (0, Stretch { length: LONGEST_SHOWN + 1, ..good }),
    ] {
        assert_eq!(
            thread.show(caller, place, stretch, memory.gift),
            Err(Failure::BadArgument),
            "{stretch:?}"
        );
    }
    let write_only = Gift::copy(memory.gift.handle, Rights::WRITE);
    assert_eq!(thread.show(caller, 1, good, write_only), Err(Failure::BadArgument));
    assert_eq!(thread.show_table(caller, table), Err(Failure::BadArgument), "it is too short");
    assert_eq!(thread.show(thief.caller, 0, good, lender_of_none), Err(Failure::BadState));
    // What pieces lie in stays as it is.
    lender.lend(&memory, 0, 4000).unwrap();
    assert_eq!(lender.show_at(&memory, 0), Err(Failure::BadState));
    let (_, table) = lender.world.region(2);
    assert_eq!(lender.world.threads[0].0.show_table(caller, table), Err(Failure::BadState));
    lender.write(4000);
    lender.finish();
    // Acknowledgements take their time.
    lender.world.pass(Duration::from_millis(500));
    assert_eq!(lender.show_at(&memory, 0), Ok(()));
    assert_eq!(lender.world.threads[0].0.show_table(caller, table), Ok(()));
    assert_eq!(lender.world.threads[0].0.shard.mapped(), 1, "with the table all else is forgotten");
}

#[test]
fn nobody_has_more_than_his_share() {
    let mut lender = Lender::new();
    let memories: Vec<_> = (0..MOST_SHOWN).map(|place| lender.show(place)).collect();
    assert_eq!(lender.world.threads[0].0.shard.mapped(), MOST_SHOWN as usize + 1);
    for at in 0..MOST_PIECES as u64 {
        lender.lend(&memories[7], 10 * at, 10).unwrap();
    }
    assert_eq!(lender.lend(&memories[7], 1000, 10), Err(Failure::Full));
    // Others can't have all that there is.
    let stretch = Stretch { number: 1, at: 0, length: 4096 };
    let mut failed = None;
    'all: for _ in 0..64 {
        let other = lender.world.attach();
        let (_, table) = lender.world.region(2);
        let thread = &mut lender.world.threads[0].0;
        for place in 0..MOST_SHOWN {
            let shown = if place == 0 { thread.show_table(other.caller, table) } else { Ok(()) };
            let shown = shown.and_then(|()| thread.show(other.caller, place, stretch, memories[0].gift));
            if let Err(failure) = shown {
                failed = Some(failure);
                break 'all;
            }
        }
    }
    assert_eq!(failed, Some(Failure::Full));
    lender.write(160);
    lender.finish();
}

fn detach(lender: &mut Lender) {
    let number = lender.program.caller.0;
    let net::thread::Thread { shard, zero: Some(zero) } = &mut lender.world.threads[0].0 else { panic!() };
    zero.detach(number, shard);
    lender.world.run();
}

#[test]
fn a_program_that_ends_has_nothing_mapped() {
    for is_taken_away in [false, true] {
        let mut lender = Lender::new();
        // The other end is another program's.
        let mut other = lender.world.attach();
        let listener = crate::streams::listen(&mut lender.world, &mut other, 9).unwrap();
        let (caller, rings) = (lender.program.caller, lender.program.rings());
        let socket = lender.world.threads[0].0.open(caller, Kind::Stream, rings).unwrap();
        let accepted = other.rings();
        let (later, accept) = lender.world.later();
        lender.world.threads[0].0.accept(other.caller, listener, accepted, later);
        let (later, _) = lender.world.later();
        let here = anax_socket::End::new(std::net::Ipv4Addr::LOCALHOST, 9);
        lender.world.threads[0].0.connect(caller, socket, here, later);
        let (name, _) =
            lender.world.answer::<(anax_socket::Socket, anax_socket::End)>(accept).unwrap().unwrap();
        lender.one = crate::streams::Half::new(0, socket, rings);
        let mut theirs = crate::streams::Half::new(0, name, accepted);
        let memory = lender.show(0);
        lender.show(1);
        lender.lend(&memory, 0, 4000).unwrap();
        lender.world.lossy = 100;
        lender.write(4000);
        detach(&mut lender);
        lender.world.lossy = 0;
        if is_taken_away {
            lender.take_away(&memory);
        }
        lender.world.pass(Duration::from_secs(5));
        let come = theirs.read(&mut lender.world, &other);
        if is_taken_away {
            // Nobody could put it right.
            assert_eq!(come, Err(Failure::Reset));
        } else {
            assert_eq!(come, Ok(crate::lending::stream(0, 4000)));
        }
        lender.world.pass(Duration::from_secs(200));
        assert_eq!(lender.world.threads[0].0.shard.mapped(), 0);
    }
}

#[test]
fn whoever_asks_for_what_is_lost_is_answered_once() {
    let mut lender = Lender::new();
    let caller = lender.program.caller;
    let (later, second) = lender.world.later();
    lender.world.threads[0].0.lost(caller, later);
    // The first one was asked by the lender itself.
    let (later, third) = lender.world.later();
    lender.world.threads[0].0.lost(caller, later);
    assert_eq!(lender.world.answer::<Lost>(second), Some(Err(anax_abi::Error::Aborted.into())));
    detach(&mut lender);
    assert_eq!(lender.world.answer::<Lost>(third), Some(Err(Failure::Gone)));
    let stranger = lender.world.attach();
    let (later, fourth) = lender.world.later();
    lender.world.threads[0].0.lost(stranger.caller, later);
    assert_eq!(lender.world.answer::<Lost>(fourth), Some(Err(Failure::BadState)));
}

/// What a program does next.
#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    Lend(usize, u64, u64),
    TakeAway(usize),
    TakeAwayWhileCopied(usize),
    ShowAnew(usize),
    Read,
    Pass(u64),
    Lossy(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..6000).prop_map(Step::Write),
        4 => (0usize..4, 0..MEMORY, 1u64..MEMORY).prop_map(|(which, offset, length)| Step::Lend(which, offset, length)),
        1 => (0usize..4).prop_map(Step::TakeAway),
        1 => (0usize..4).prop_map(Step::TakeAwayWhileCopied),
        2 => (0usize..4).prop_map(Step::ShowAnew),
        3 => Just(Step::Read),
        2 => (1u64..300).prop_map(Step::Pass),
        1 => (0u64..60).prop_map(Step::Lossy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_storm_of_pieces_has_not_one_wrong_byte(steps in proptest::collection::vec(step(), 1..120)) {
        let mut lender = Lender::new();
        let mut memories: Vec<_> = (0..4).map(|place| lender.show(place)).collect();
        for step in steps {
            match step {
                Step::Write(count) => {
                    let count = count.min(lender.room());
                    lender.write(count);
                }
                Step::Lend(which, offset, length) => {
                    // What lies there already must not be overwritten while it is lent.
                    lender.room();
                    if lender.lent.iter().all(|(_, end, place)| *end <= lender.taken || *place != which as u32) {
                        let length = length.min(MEMORY - offset);
                        let lent = lender.lend(&memories[which], offset, length);
                        // Not too far beyond what can be written, nor behind what is lost.
                        assert!(lent.is_ok() || lent == Err(Failure::BadArgument));
                    }
                }
                Step::TakeAway(which) => lender.take_away(&memories[which]),
                Step::TakeAwayWhileCopied(which) => {
                    let (table, region) = (lender.table.clone(), memories[which].region.clone());
                    *memories[which].region.on_look.lock().unwrap() = Some(Box::new(move || {
                        table.words[2 * which].store(0, Ordering::SeqCst);
                        region.bytes().fill(0x55);
                    }));
                }
                Step::ShowAnew(which) => {
                    let caller = lender.program.caller;
                    let (region, gift) = lender.world.region(8);
                    let number = memories[which].number + 1000;
                    let stretch = Stretch { number, at: 4096 + 24, length: MEMORY };
                    if lender.world.threads[0].0.show(caller, which as u32, stretch, gift).is_ok() {
                        (memories[which].region, memories[which].gift) = (region, gift);
                        memories[which].number = number;
                        lender.stand(&memories[which]);
                    }
                }
                Step::Read => lender.look(),
                Step::Pass(time) => lender.world.pass(Duration::from_millis(time)),
                Step::Lossy(percent) => lender.world.lossy = percent,
            }
            if let Some(lost) = lender.told() {
                lender.fill(lost);
            }
        }
        lender.world.lossy = 0;
        lender.finish();
    }
}
