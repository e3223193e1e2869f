//! I/O ports by the line.

use std::rc::Rc;

use anax_device::Ports;

use crate::Line;

/// A range of ports.
#[derive(Clone, Debug)]
pub struct Range {
    /// The line.
    pub qemu: Rc<Line>,
    /// The first.
    pub first: u16,
    /// How many.
    pub count: u16,
}

impl Range {
    fn ask(&self, command: &str, offset: u16, value: Option<u16>) -> u64 {
        assert!(offset < self.count);
        let port = self.first + offset;
        let value = value.map_or(String::new(), |value| format!(" {value:#x}"));
        self.qemu.ask(&format!("{command} {port:#x}{value}"))
    }
}

impl Ports for Range {
    fn read8(&self, offset: u16) -> u8 {
        self.ask("inb", offset, None) as u8
    }

    fn write8(&self, offset: u16, value: u8) {
        self.ask("outb", offset, Some(value.into()));
    }

    fn read16(&self, offset: u16) -> u16 {
        self.ask("inw", offset, None) as u16
    }

    fn write16(&self, offset: u16, value: u16) {
        self.ask("outw", offset, Some(value));
    }
}
