//! From a reset to a disk that is known, or to why not.

use std::cell::RefCell;
use std::time::Duration;

use anax_blocks::{Access, Disk, Id, SectorSize};
use ata::{Identity, SetupError, Starting, Unit};

use crate::model::{Block, Model, SERIAL, Whim, channel, identity};

/// Comes up, in at most 100 s by its own watch.
pub(crate) fn start<'m>(
    model: &'m RefCell<Model>,
    unit: Unit,
    now: &mut Duration,
) -> Result<(Starting<Block<'m>>, Identity), SetupError> {
    let mut starting = Starting::new(channel(model, unit), *now);
    for _ in 0..10_000 {
        if let Some(identity) = starting.poll(*now)? {
            return Ok((starting, identity));
        }
        *now = starting.look_again(*now);
    }
    panic!("neither up nor down");
}

fn disk(model: &RefCell<Model>) -> Result<Disk, SetupError> {
    let mut now = Duration::ZERO;
    start(model, Unit::Master, &mut now).map(|(_, identity)| identity.disk())
}

#[test]
fn a_disk_says_what_it_is() {
    let expected =
        |sectors| Disk { sectors, sector: SectorSize::SMALLEST, access: Access::ReadWrite, id: Id(SERIAL) };
    for delay in [0, 1, 3, 100, 1000] {
        for unit in [Unit::Master, Unit::Slave] {
            let model = Model::new(1 << 40);
            model.borrow_mut().delay = delay;
            model.borrow_mut().select_other(unit);
            let mut now = Duration::from_secs(7);
            let (_, identity) = start(&model, unit, &mut now).expect("nothing wrong");
            assert_eq!(identity.disk(), expected(1 << 40));
            assert!(now - Duration::from_secs(7) >= Duration::from_millis(2));
        }
    }
    // Without 48-bit addresses the other number counts.
    let model = Model::new(77);
    model.borrow_mut().words[83] = 1 << 14;
    model.borrow_mut().words[100] = 9999;
    assert_eq!(disk(&model), Ok(expected(77)));
    // With a checksum.
    let sum = identity(77).iter().flat_map(|word| word.to_le_bytes()).fold(0xa5_u8, u8::wrapping_add);
    let model = Model::new(77);
    model.borrow_mut().words[255] = 0xa5 | u16::from(sum.wrapping_neg()) << 8;
    assert_eq!(disk(&model), Ok(expected(77)));
    model.borrow_mut().words[11] ^= 4;
    assert_eq!(disk(&model), Err(SetupError::Garbled));
}

/// A predecessor may have died in the middle of something.
#[test]
fn a_device_that_is_at_something_is_given_time() {
    for hangs in [false, true] {
        let model = Model::new(100);
        model.borrow_mut().delay = 5;
        let mut now = Duration::from_secs(7);
        let _gone = Starting::new(channel(&model, Unit::Master), now);
        assert_eq!(model.borrow().resets, 1);
        if hangs {
            model.borrow_mut().hang();
        }
        let begun = now;
        let mut starting = Starting::new(channel(&model, Unit::Master), now);
        assert_eq!(model.borrow().resets, 1, "it is reset while it is at that");
        while model.borrow().resets == 1 {
            now = starting.look_again(now);
            assert_eq!(starting.poll(now), Ok(None));
        }
        let waited = now - begun;
        assert!(if hangs {
            waited >= Duration::from_millis(100)
        } else {
            waited < Duration::from_millis(100)
        });
        assert!(waited < Duration::from_millis(200), "it was let be for {waited:?}");
    }
}

type Change = fn(&mut Model);

#[test]
fn what_is_no_disk_to_drive() {
    let cases: [(Change, SetupError); 10] = [
        (|model| model.whim = Whim::Empty, SetupError::NoDevice),
        (|model| model.whim = Whim::NeverReady, SetupError::NoDevice),
        (|model| model.whim = Whim::Hangs, SetupError::NoDevice),
        (|model| model.whim = Whim::Packet, SetupError::Unsupported),
        (|model| model.words[0] = 1 << 15, SetupError::Unsupported),
        (|model| model.words[49] = 0, SetupError::Unsupported),
        (|model| model.words[106] = 1 << 14 | 1 << 12, SetupError::Unsupported),
        (|model| model.words = identity(0), SetupError::Garbled),
        (|model| model.words[103] = 1, SetupError::Garbled),
        (|model| model.words = [0xffff; 256], SetupError::Garbled),
    ];
    for (number, (change, error)) in cases.into_iter().enumerate() {
        let model = Model::new(100);
        change(&mut model.borrow_mut());
        let found = disk(&model);
        let other = found == Err(SetupError::Unsupported) && number == 9;
        assert!(found == Err(error) || other, "{number}: {found:?}");
    }
}
