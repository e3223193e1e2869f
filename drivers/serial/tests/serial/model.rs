//! A 16550 as its data sheet describes it, with both ends of its line in the test's hand.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use anax_device::Ports;

const FIFO: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) receive: VecDeque<(u8, u8)>,
    pub(crate) transmit: VecDeque<u8>,
    /// What has left on the line.
    pub(crate) sent: Vec<u8>,
    errors: u8,
    enabled: u8,
    format: u8,
    scratch: u8,
    divisor: [u8; 2],
    modem: u8,
    /// That there is room was not told yet.
    room_pending: bool,
    /// Comes in right after the driver has seen that nothing is there.
    pub(crate) late: Option<u8>,
    /// Accesses to registers.
    pub(crate) accesses: u64,
}

/// Its registers; clones are the same device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) state: Rc<RefCell<State>>,
    pub(crate) is_there: Rc<Cell<bool>>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let model = Self::default();
        model.is_there.set(true);
        model
    }

    /// A byte comes in, with error bits of the status.
    pub(crate) fn comes(&self, byte: u8, errors: u8) {
        let mut state = self.state.borrow_mut();
        if state.receive.len() == FIFO {
            state.errors |= 1 << 1;
        } else {
            state.receive.push_back((byte, errors));
        }
    }

    /// So many bytes leave.
    pub(crate) fn leaves(&self, count: usize) {
        let state = &mut *self.state.borrow_mut();
        let count = count.min(state.transmit.len());
        state.sent.extend(state.transmit.drain(..count));
        state.room_pending |= count > 0 && state.transmit.is_empty();
    }

    /// Whether it pulls the interrupt line.
    pub(crate) fn interrupts(&self) -> bool {
        self.state.borrow().cause() & 1 == 0
    }

    /// The baud rate's divisor, the format, and the modem's lines.
    pub(crate) fn settings(&self) -> ([u8; 2], u8, u8) {
        let state = self.state.borrow();
        (state.divisor, state.format, state.modem)
    }
}

impl State {
    fn cause(&self) -> u8 {
        let cause = if self.enabled & 4 != 0 && self.status() & 0b1_1110 != 0 {
            0b110
        } else if self.enabled & 1 != 0 && !self.receive.is_empty() {
            0b100
        } else if self.enabled & 2 != 0 && self.room_pending {
            0b010
        } else {
            1
        };
        cause | 0xc0
    }

    fn status(&self) -> u8 {
        let (received, errors) = self.receive.front().map_or((0, 0), |(_, errors)| (1, *errors));
        let room = if self.transmit.is_empty() { 0b110_0000 } else { 0 };
        received | errors | self.errors | room
    }
}

impl Ports for Model {
    fn read8(&self, offset: u16) -> u8 {
        if !self.is_there.get() {
            return 0xff;
        }
        let mut state = self.state.borrow_mut();
        state.accesses += 1;
        match offset {
            0 => state.receive.pop_front().map_or(0, |(byte, _)| byte),
            1 => state.enabled,
            2 => {
                let cause = state.cause();
                if cause & 0xf == 0b010 {
                    state.room_pending = false;
                }
                cause
            }
            3 => state.format,
            4 => state.modem,
            5 => {
                let status = state.status();
                state.errors = 0;
                if let Some((_, errors)) = state.receive.front_mut() {
                    *errors = 0;
                } else if let Some(byte) = state.late.take() {
                    state.receive.push_back((byte, 0));
                }
                status
            }
            7 => state.scratch,
            _ => 0,
        }
    }

    fn write8(&self, offset: u16, value: u8) {
        let mut state = self.state.borrow_mut();
        state.accesses += 1;
        let divides = state.format & 0x80 != 0;
        match offset {
            0 | 1 if divides => state.divisor[usize::from(offset)] = value,
            0 => {
                assert!(state.transmit.len() < FIFO, "more than fits");
                state.transmit.push_back(value);
                state.room_pending = false;
            }
            1 => {
                state.room_pending |= value & !state.enabled & 2 != 0 && state.transmit.is_empty();
                state.enabled = value;
            }
            3 => state.format = value,
            4 => state.modem = value,
            7 => state.scratch = value,
            _ => {}
        }
    }

    fn read16(&self, _: u16) -> u16 {
        unreachable!("its registers have 8 bits")
    }

    fn write16(&self, _: u16, _: u16) {
        unreachable!("its registers have 8 bits")
    }
}
