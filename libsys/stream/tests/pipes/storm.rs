//! Requests that nobody sane would send, by all who have an end of some pipe, or none.

use anax_storm::{Dice, Promises, Taken, cases, storm};
use anax_stream::{MOST_WAITING, Pipes, byte_stream};

use crate::table::Table;

#[test]
fn a_storm_of_requests() {
    let (mut dice, mut promises, mut taken) = (Dice::new(3), Promises::new(), Taken::new());
    let (mut pipes, mut answers, mut made) = (Pipes::new(Table::default()), 0, 1);
    pipes.make().expect("the first");
    storm(&mut byte_stream::Serve(pipes), 1, cases(), &["hello"], |byte_stream::Serve(pipes), case| {
        promises.asked(case);
        taken.asked(case);
        for answered in std::mem::take(&mut pipes.host().answered) {
            // Whoever can't be answered later is not.
            if answered.ticket != 0 {
                promises.answered(&answered);
                answers += 1;
            }
        }
        for handle in std::mem::take(&mut pipes.host().closed) {
            assert!(taken.closed(handle), "no handle of its");
        }
        assert_eq!(taken.held(), 0, "lent memory is kept");
        pipes.host().memory.clear();
        pipes.host().memory.extend(case.sent.iter().map(|gift| (gift.handle.to_word(), vec![7; 4096])));
        if dice.once_in(64) {
            pipes.gone(dice.below(8));
        }
        while pipes.count() < 3 && made < 64 {
            pipes.make().expect("few");
            made += 1;
        }
        assert!(promises.owed() <= pipes.count() * 4 * MOST_WAITING, "more wait than there is room for");
    });
    assert!(answers > cases() / 10, "{answers} answers");
}
