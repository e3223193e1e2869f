//! PCI configuration space by the two ports of the PC (PCI Local Bus Specification 3.0, 3.2.2.3.2): for whoever owns the bus.

use core::arch::asm;

use anax_device::ConfigSpace;
use anax_sys::Error;
use anax_sys::object::{Machine, Ports};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
const DEVICES: u32 = 32;

/// The right to both ports.
#[derive(Clone, Copy, Debug)]
pub struct Bus(#[expect(dead_code, reason = "shows that the ports are this program's")] Ports);

/// A function of bus 0.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    _bus: Bus,
    number: u32,
}

impl Bus {
    /// By the machine's leave.
    ///
    /// # Errors
    /// As [`Machine::ports`] and [`Ports::enable`].
    pub fn open(machine: Machine) -> Result<Self, Error> {
        let ports = machine.ports(ADDRESS, 8)?;
        ports.enable()?;
        Ok(Self(ports))
    }

    /// The first function of each device.
    pub fn functions(self) -> impl Iterator<Item = Function> {
        (0..DEVICES).map(move |device| Function { _bus: self, number: device << 11 })
    }
}

impl Function {
    fn select(&self, offset: u8) {
        out(ADDRESS, ENABLE | self.number | u32::from(offset & !3));
    }
}

impl ConfigSpace for Function {
    fn read(&self, offset: u8) -> u32 {
        self.select(offset);
        let value;
        // SAFETY: touches no memory; a read of configuration space has no effect on anything that Rust code knows of.
        unsafe {
            asm!("in eax, dx", out("eax") value, in("dx") DATA, options(nomem, nostack, preserves_flags));
        }
        value
    }

    fn write(&self, offset: u8, value: u32) {
        self.select(offset);
        out(DATA, value);
    }
}

fn out(port: u16, value: u32) {
    // SAFETY: touches no memory of this program; a device that is made a bus master reaches what its driver names, and no IOMMU
    // holds either back.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags));
    }
}
