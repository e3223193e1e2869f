//! Whatever anybody asks, and whatever the line does meanwhile: nobody waits for ever, and few wait at a time.

use anax_storm::{Dice, Promises, cases, storm};
use anax_tty::{PIECE, Terminal as _, terminal};
use serial::{BUFFER, MOST_WAITING};

use crate::{PARITY, SOMEBODY, interrupt, opened, write};

/// From here on tickets are the test's own.
const OWN: u64 = 1 << 63;

#[test]
fn a_storm_of_requests() {
    let (line, model) = opened();
    let (mut server, mut promises, mut dice) = (terminal::Serve(line), Promises::new(), Dice::new(2));
    let (mut most, mut left, mut own) = (0, 0, OWN);
    storm(&mut server, 1, cases(), &["tty"], |server, case| {
        promises.asked(case);
        match dice.below(8) {
            // A line that stands still for a while holds everybody up.
            0 if left == 0 => left = dice.below(2000),
            1 => model.comes(dice.byte(), if dice.once_in(9) { PARITY } else { 0 }),
            2 if left == 0 => model.leaves(dice.below(20) as usize),
            // Somebody sane.
            3 => {
                own += 1;
                promises.waits(SOMEBODY, own);
                write(&mut server.0, own, &[b'a'; PIECE]);
            }
            _ => left = u64::saturating_sub(left, 1),
        }
        interrupt(&mut server.0, &model);
        // What a driver's loop does when it has waited for the device in vain.
        if dice.once_in(4) {
            server.0.look();
        }
        server.0.answers().iter().for_each(|answered| promises.answered(answered));
        most = most.max(promises.owed());
        // What was sent was checked elsewhere, and is not to fill the memory.
        model.state.borrow_mut().sent.clear();
    });
    assert!(most > MOST_WAITING + 1, "nobody ever had to wait: {most}");
    assert!(most <= 2 * MOST_WAITING + 1, "{most} wait");
    // The reader's byte, and the way out for the others.
    model.comes(b'x', 0);
    for _ in 0..(BUFFER / 16 + 3 * MOST_WAITING) {
        model.leaves(16);
        server.0.look();
    }
    server.0.answers().iter().for_each(|answered| promises.answered(answered));
    assert_eq!(promises.owed(), 0, "somebody waits for ever");
    let statistics = server.0.statistics().expect("it counts");
    assert!(statistics.sent > BUFFER as u64 && statistics.received > 0, "most of it went by: {statistics:?}");
}
