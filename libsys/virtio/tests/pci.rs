//! Finding a device's windows in configuration spaces, good ones and bad ones.

use std::cell::RefCell;

use anax_device::{ConfigSpace, Window};
use anax_virtio::{ProbeError, Windows, device_type};
use proptest::prelude::*;

struct Config(RefCell<Vec<u32>>);

impl ConfigSpace for Config {
    fn read(&self, offset: u8) -> u32 {
        assert!(offset.is_multiple_of(4));
        self.0.borrow()[usize::from(offset) / 4]
    }

    fn write(&self, offset: u8, value: u32) {
        self.0.borrow_mut()[usize::from(offset) / 4] = value;
    }
}

/// As QEMU's network card has it, without what is of no interest here.
fn config() -> Config {
    let mut words = vec![0; 64];
    words[0] = 0x1000_1af4;
    words[0x2c / 4] = 0x0001_1af4;
    words[1] = 1 << 20;
    words[0x34 / 4] = 0x40;
    let mut structure = |at: usize, next: u32, kind: u32, offset: u32, length: u32| {
        words[at / 4] = 0x09 | next << 8 | 16 << 16 | kind << 24;
        words[at / 4 + 1..at / 4 + 4].copy_from_slice(&[4, offset, length]);
    };
    structure(0x40, 0x50, 1, 0, 0x1000);
    structure(0x50, 0x60, 3, 0x1000, 0x1000);
    structure(0x60, 0x70, 4, 0x2000, 0x1000);
    structure(0x70, 0x00, 2, 0x3000, 0x1000);
    words[0x80 / 4] = 4;
    Config(RefCell::new(words))
}

#[test]
fn a_network_card_is_found() {
    let config = config();
    let window = |offset| Window { bar: 4, offset, length: 0x1000 };
    let windows = Windows {
        common: window(0),
        notify: window(0x3000),
        notify_multiplier: 4,
        isr: window(0x1000),
        device: window(0x2000),
    };
    assert_eq!((device_type(&config), Windows::find(&config)), (Some(1), Ok(windows)));
    for (identifier, kind) in [
        (0x1041_1af4, Some(1)),
        (0x1042_1af4, Some(2)),
        (0x1080_1af4, None),
        (0x0fff_1af4, None),
        (0x1041_8086, None),
        (u32::MAX, None),
    ] {
        config.write(0, identifier);
        assert_eq!(device_type(&config), kind, "{identifier:#x}");
    }
}

#[test]
fn windows_that_cannot_be_are_passed_over() {
    // The common structure: in no base address register, too small, past the end of what 32 bits can name, of another kind.
    for (at, value) in [(0x44, 6), (0x4c, 55), (0x48, 0xffff_f001), (0x40, 0x0510_5009)] {
        let config = config();
        config.write(at, value);
        assert_eq!(Windows::find(&config), Err(ProbeError::Missing), "{at:#x}");
        // A second one is as good.
        config.write(0x70, 0x0210_8409);
        config.write(0x84, 0x0110_0009);
        for (at, value) in [(0x88, 2), (0x8c, 0x100), (0x90, 56)] {
            config.write(at, value);
        }
        let common = Windows::find(&config).map(|windows| windows.common);
        assert_eq!(common, Ok(Window { bar: 2, offset: 0x100, length: 56 }));
    }
}

proptest! {
    /// Whatever stands there, looking ends, and what is found is within 32 bits and one of six registers.
    #[test]
    fn anything(mut words in prop::collection::vec(any::<u32>(), 64), kinds in any::<bool>()) {
        words[1] |= 1 << 20;
        if kinds {
            for (at, word) in words.iter_mut().enumerate().skip(16) {
                *word = *word & 0x0300_fc00 | 9 | (at as u32 & 3) << 24;
            }
        }
        if let Ok(found) = Windows::find(&Config(RefCell::new(words))) {
            for window in [found.common, found.notify, found.isr, found.device] {
                prop_assert!(window.bar < 6 && window.offset.checked_add(window.length).is_some());
            }
        }
    }
}
