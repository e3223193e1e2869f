//! Fences and resets.

use anax_device::{Config, ConfigSpace as _};
use anax_pci::{FunctionReset, Unfenced, fence, release};

use crate::model::{COMMAND, Model, Registers, at};

const HERE: (u8, u8, u8) = (0, 4, 0);

fn model(registers: Registers) -> Model {
    Model::new([(at(HERE.0, HERE.1, HERE.2), registers)])
}

#[test]
fn a_fence_is_seen_to_hold() {
    let registers = Registers::device(1, 2, 0).set(COMMAND, 0xf900_0006);
    let here = at(HERE.0, HERE.1, HERE.2);
    let machine = model(registers.clone());
    let config = Config::new(&machine, here);
    assert_eq!(fence(&config), Ok(()));
    assert_eq!(machine.word(here, COMMAND) & 0xffff, 2);
    release(&config);
    assert_eq!(machine.word(here, COMMAND) & 0xffff, 7);
    let mut stubborn = registers;
    stubborn.writable[1] = 0;
    let machine = model(stubborn);
    assert_eq!(fence(&Config::new(&machine, here)), Err(Unfenced::Refused));
    assert_eq!(fence(&Config::new(&machine, at(0, 5, 0))), Err(Unfenced::Silent));
}

#[test]
fn ways_to_reset() {
    let here = at(HERE.0, HERE.1, HERE.2);
    let find = |capabilities: &[(u16, u32)]| {
        let machine = model(Registers::device(1, 2, 0).capabilities(capabilities));
        FunctionReset::find(&Config::new(&machine, here))
    };
    assert_eq!(find(&[(0x40, 0x10), (0x44, 1 << 28)]), Some(FunctionReset::Express(0x40)));
    assert_eq!(find(&[(0x40, 0x10), (0x44, !(1 << 28))]), None);
    assert_eq!(find(&[(0x40, 0x0306_0013)]), Some(FunctionReset::Conventional(0x40)));
    assert_eq!(find(&[(0x40, 0x0106_0013)]), None);
    // Registers that would lie behind the end.
    assert_eq!(find(&[(0xfc, 0x10)]), None);
    assert_eq!(find(&[(0xf8, 0x10), (0xfc, 1 << 28)]), None);
    assert_eq!(find(&[(0xfc, 0x0306_0013)]), None);
}

#[test]
fn a_reset_clears_no_status() {
    let here = at(HERE.0, HERE.1, HERE.2);
    let mut registers = Registers::device(1, 2, 0).set(0x48, 0x000f_2810);
    registers.writable[0x48 / 4] = u32::MAX;
    let machine = model(registers);
    FunctionReset::Express(0x40).start(&Config::new(&machine, here));
    assert_eq!(machine.word(here, 0x48), 0x0000_a810);
    assert_eq!(Config::new(&machine, here).read(0), 0x0002_0001);
}
