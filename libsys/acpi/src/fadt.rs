//! The FADT: the ACPI timer, reset and power-off (ACPI 5.2.9).

use ::acpi::address::{AddressSpace, GenericAddress};

use super::table::{HEADER, Table};
use super::{
    AcpiEnable, AcpiWarning, Fault, PhysMemory, Platform, PmTimer, PmTimerWidth, PowerOff, Register, Reset,
    Signature, sleep, view,
};

/// Bytes of the shortest FADT, that of ACPI 1.0.
pub(super) const MINIMUM: usize = 116;
/// Where the table keeps the length of the PM1 control registers.
const PM1_CONTROL_LENGTH: usize = 89;

/// Reads the timer, the reset register and, with the DSDT's help, how to switch off.
pub(super) fn read(memory: &impl PhysMemory, platform: &mut Platform, table: Table<'_>) -> Result<(), Fault> {
    let fadt = view::fadt(&table);
    match fadt.pm_timer_block().map(|block| block.map(|address| (register(address), fadt.flags))) {
        Ok(None) => {}
        Ok(Some((Some(register), flags))) => {
            let width = if flags.pm_timer_is_32_bit() { PmTimerWidth::Bits32 } else { PmTimerWidth::Bits24 };
            platform.pm_timer = Some(PmTimer { register, width });
        }
        _ => bad(platform, "address of the PM timer"),
    }
    let flags = fadt.flags;
    if flags.supports_system_reset_via_fadt() {
        match fadt.reset_register().ok().and_then(register) {
            Some(register) => platform.reset = Some(Reset { register, value: fadt.reset_value }),
            None => bad(platform, "reset register"),
        }
    }
    platform.power = power_off(memory, platform, &table);
    Ok(())
}

fn power_off(memory: &impl PhysMemory, platform: &mut Platform, table: &Table<'_>) -> Option<PowerOff> {
    // The crate multiplies this length by 8 in 8 bits, which would overflow for a nonsensical one.
    let control_length = table.bytes().get(PM1_CONTROL_LENGTH).copied().unwrap_or(0);
    if !(2..=31).contains(&control_length) {
        bad(platform, "length of the PM1 control registers");
        return None;
    }
    let fadt = view::fadt(table);
    let Some(pm1a_control) = fadt.pm1a_control_block().ok().and_then(port) else {
        bad(platform, "PM1a control register");
        return None;
    };
    let pm1b_control = match fadt.pm1b_control_block() {
        Ok(None) => None,
        Ok(Some(address)) if port(address).is_some() => port(address),
        _ => {
            bad(platform, "PM1b control register");
            return None;
        }
    };
    let Ok(address) = fadt.dsdt_address() else {
        bad(platform, "address of the DSDT");
        return None;
    };
    let (signature, address) = (Signature::DSDT, address as u64);
    let dsdt = match Table::load(memory, address, signature, HEADER) {
        Ok(dsdt) => dsdt,
        Err(fault) => {
            platform.warnings.push(AcpiWarning::BadTable { signature, address, fault });
            return None;
        }
    };
    let Some((slp_typ_a, slp_typ_b)) = sleep::s5(dsdt.after(HEADER)) else {
        platform.warnings.push(AcpiWarning::BadValue { signature, what: "sleep state S5" });
        return None;
    };
    let enable = match (u16::try_from(fadt.smi_cmd_port), fadt.acpi_enable) {
        (Ok(port), value) if port != 0 && value != 0 => Some(AcpiEnable { port, value }),
        _ => None,
    };
    Some(PowerOff { pm1a_control, pm1b_control, slp_typ_a, slp_typ_b, enable })
}

/// A port or memory address of a register; other address spaces, and address 0, are none.
fn register(address: GenericAddress) -> Option<Register> {
    match address.address_space {
        AddressSpace::SystemIo => port(address).map(Register::Port),
        AddressSpace::SystemMemory if (1..1 << 52).contains(&address.address) => {
            Some(Register::Memory(address.address))
        }
        _ => None,
    }
}

fn port(address: GenericAddress) -> Option<u16> {
    let port = u16::try_from(address.address).ok()?;
    (address.address_space == AddressSpace::SystemIo && port != 0).then_some(port)
}

fn bad(platform: &mut Platform, what: &'static str) {
    platform.warnings.push(AcpiWarning::BadValue { signature: Signature::FADT, what });
}
