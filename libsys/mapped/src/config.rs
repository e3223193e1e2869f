//! PCI configuration space by the two ports of the PC (PCI Local Bus Specification 3.0, 3.2.2.3.2): for whoever owns the bus.

use core::arch::asm;

use anax_device::{Access, Address, ConfigSpace};
use anax_sys::Error;
use anax_sys::object::{Machine, Ports};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
/// Bytes of a function that can be reached.
const REACHED: u16 = 256;

/// The right to both ports.
#[derive(Clone, Copy, Debug)]
pub struct Bus(#[expect(dead_code, reason = "shows that the ports are this program's")] Ports);

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    bus: Bus,
    address: Address,
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

    /// The first function of each device of bus 0.
    pub fn functions(self) -> impl Iterator<Item = Function> {
        let address = |device| Address::new(0, 0, device, 0);
        (0..Address::DEVICES).filter_map(address).map(move |address| Function { bus: self, address })
    }

    /// The function at an address.
    #[must_use]
    pub const fn function(self, address: Address) -> Function {
        Function { bus: self, address }
    }
}

/// All buses of segment 0, and the first 256 bytes of each function.
impl Access for Bus {
    fn read32(&self, address: Address, offset: u16) -> u32 {
        let Some(place) = place(address, offset) else { return u32::MAX };
        out(ADDRESS, place);
        let value;
        // SAFETY: touches no memory; a read of configuration space has no effect on anything that Rust code knows of.
        unsafe {
            asm!("in eax, dx", out("eax") value, in("dx") DATA, options(nomem, nostack, preserves_flags));
        }
        value
    }

    fn write32(&self, address: Address, offset: u16, value: u32) {
        if let Some(place) = place(address, offset) {
            out(ADDRESS, place);
            out(DATA, value);
        }
    }
}

impl ConfigSpace for Function {
    fn read(&self, offset: u8) -> u32 {
        self.bus.read32(self.address, offset.into())
    }

    fn write(&self, offset: u8, value: u32) {
        self.bus.write32(self.address, offset.into(), value);
    }
}

/// What selects a register; nothing for those that can't be reached.
fn place(address: Address, offset: u16) -> Option<u32> {
    let reached = address.segment() == 0 && offset < REACHED;
    reached.then(|| ENABLE | u32::from(address.number()) << 8 | u32::from(offset & !3))
}

fn out(port: u16, value: u32) {
    // SAFETY: touches no memory of this program; a device that is made a bus master reaches what its driver names, and no IOMMU
    // holds either back.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags));
    }
}
