//! The walk: which functions there are behind the host bridge and all bridges, as firmware numbered them.

use alloc::vec::Vec;

use anax_device::{Access, Address, Config};

use crate::{Function, Header};

/// Most functions that are listed.
pub const MAX_FUNCTIONS: usize = 1024;

/// Buses that a host bridge leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// The segment.
    pub segment: u16,
    /// The bus at which it begins.
    pub first_bus: u8,
    /// The highest bus that can be reached.
    pub last_bus: u8,
}

/// Whether windows are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// Yes, which takes each function off the bus for a moment: while no driver runs.
    Measure,
    /// No; nothing is written at all.
    Leave,
}

/// Something that was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A base address register that makes no sense; the window is left out.
    BadBar(u8),
    /// It can't be kept from answering, so its windows were not measured.
    AlwaysDecodes,
    /// A register lost its value when it was measured; the function is left off the bus.
    SwitchedOff,
    /// A table of MSI-X that is in no window; the capability is left out.
    BadMsiX,
    /// Buses that can't be behind this bridge, or are behind another one; nobody looks there.
    BadBridge,
    /// There are more functions than can be listed; this one and those behind it are left out.
    TooMany,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The functions, in the order of their addresses.
    pub functions: Vec<Function>,
    /// What was not believed, and whose it was.
    pub warnings: Vec<(Address, Warning)>,
}

/// Lists the functions on the buses of `roots`.
///
/// Each bus is looked at once at most, whatever bridges say: a bridge is followed if the buses behind it lie above its own and within
/// what is behind the bridge before it, and nobody has been there.
pub fn walk<A: Access + ?Sized>(access: &A, roots: &[Root], sizing: Sizing) -> Found {
    let mut found = Found::default();
    let mut visited = Visited::default();
    for root in roots {
        if root.first_bus > root.last_bus || !visited.enter(root.segment, root.first_bus) {
            continue;
        }
        // Buses to be looked at, and the highest behind each.
        let mut buses = Vec::from([(root.first_bus, root.last_bus)]);
        while let Some((bus, last)) = buses.pop() {
            let known = found.functions.len();
            if !scan(access, root.segment, bus, sizing, &mut found) {
                break;
            }
            let behind = |function: &Function| match function.header {
                Header::Bridge { secondary, subordinate } => Some((function.address, secondary, subordinate)),
                _ => None,
            };
            for (address, secondary, subordinate) in found.functions[known..].iter().filter_map(behind) {
                // Firmware that found nothing worth numbering behind it leaves zeros.
                if secondary == 0 {
                    continue;
                }
                let within = bus < secondary && secondary <= subordinate && subordinate <= last;
                let within = within || cfg!(bite = "pci-bridge-believed");
                if within && visited.enter(root.segment, secondary) {
                    buses.push((secondary, subordinate));
                } else {
                    found.warnings.push((address, Warning::BadBridge));
                }
            }
        }
    }
    found.functions.sort_by_key(|function| function.address);
    found
}

/// Lists the functions of one bus; whether there was room for all.
fn scan<A: Access + ?Sized>(access: &A, segment: u16, bus: u8, sizing: Sizing, found: &mut Found) -> bool {
    for device in 0..Address::DEVICES {
        for number in 0..Address::FUNCTIONS {
            let Some(address) = Address::new(segment, bus, device, number) else { continue };
            let config = Config::new(access, address);
            let warn = |warning| found.warnings.push((address, warning));
            let function = Function::read(address, &config, sizing, warn);
            let present = function.is_some();
            if present && found.functions.len() == MAX_FUNCTIONS {
                found.warnings.push((address, Warning::TooMany));
                return false;
            }
            found.functions.extend(function);
            if number == 0 && !(present && Function::is_multiple(&config)) {
                break;
            }
        }
    }
    true
}

/// The buses that were looked at.
#[derive(Default)]
struct Visited(Vec<(u16, [bool; 256])>);

impl Visited {
    /// Notes a bus; whether it is the first time.
    fn enter(&mut self, segment: u16, bus: u8) -> bool {
        let place = self.0.iter().position(|(number, _)| *number == segment).unwrap_or_else(|| {
            self.0.push((segment, [false; 256]));
            self.0.len() - 1
        });
        let seen = &mut self.0[place].1[usize::from(bus)];
        let first = !*seen || cfg!(bite = "pci-bus-twice");
        *seen = true;
        first
    }
}
