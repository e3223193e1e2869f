//! What can be wrong with one manifest by itself.

use core::fmt;

use crate::set::MAX_LIST;
use crate::{Layer, MAX_PROGRAM_NAME, MAX_SERVICE_NAME, Manifest, PAGE, is_program_name, is_service_name};

/// A rule that a manifest breaks by itself, whatever the others say. Its text is also the hint of what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program's name.
    Name,
    /// The service provided at this place.
    Provides(usize),
    /// The service needed at this place.
    Needs(usize),
    /// A list has too many entries.
    List(&'static str),
    /// The capability at this place.
    Capability(usize),
    /// The priority.
    Priority,
    /// One of the quotas.
    Quota,
    /// The stack.
    Stack,
    /// Limits or delays of restarts.
    Restart,
    /// Devices of a program that is no driver.
    Devices,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => {
                write!(f, "a program's name has 1 to {MAX_PROGRAM_NAME} bytes of a-z, 0-9, - and _")
            }
            Self::Provides(_) | Self::Needs(_) => {
                write!(
                    f,
                    "a service's name has 1 to {MAX_SERVICE_NAME} bytes of a-z, 0-9 and -, and is listed once"
                )
            }
            Self::List(list) => write!(f, "`{list}` has at most {MAX_LIST} entries"),
            Self::Capability(_) => {
                f.write_str("ports are first and count, from 0 to 0xffff; an irq is 0 to 15")
            }
            Self::Priority => f.write_str("a priority is 4 to 28"),
            Self::Quota => f.write_str("a program has at least 1 page, 8 handles and 1 thread"),
            Self::Stack => {
                write!(f, "a stack is whole pages of {PAGE} bytes, at least one, and within the quota")
            }
            Self::Restart => f.write_str(
                "the first delay is at most the longest, and restarts are counted over at least 1 ms",
            ),
            Self::Devices => write!(f, "only the layer `{}` drives devices", Layer::Driver),
        }
    }
}

impl core::error::Error for Fault {}

impl Manifest {
    /// Fewest handles that a program can begin with: what everybody is given, and some for its own objects.
    const MIN_HANDLES: u32 = 8;

    /// The first rule that it breaks.
    ///
    /// # Errors
    /// That rule.
    pub fn check(&self) -> Result<(), Fault> {
        let demand = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
        demand(is_program_name(&self.name), Fault::Name)?;
        let lists = [
            ("provides", self.provides.len()),
            ("needs", self.needs.len()),
            ("capabilities", self.capabilities.len()),
            ("devices", self.devices.len()),
        ];
        for (list, length) in lists {
            demand(length <= MAX_LIST, Fault::List(list))?;
        }
        for (place, name) in self.provides.iter().enumerate() {
            let once = !self.provides[..place].contains(name);
            demand(is_service_name(name) && once, Fault::Provides(place))?;
        }
        for (place, name) in self.needs.iter().enumerate() {
            let once = !self.needs[..place].contains(name);
            demand(is_service_name(name) && once, Fault::Needs(place))?;
        }
        for (place, capability) in self.capabilities.iter().enumerate() {
            demand(capability.makes_sense(), Fault::Capability(place))?;
        }
        demand(anax_abi::object::priority::is_allowed(self.priority.into()), Fault::Priority)?;
        let quota = self.quota;
        demand(quota.pages > 0 && quota.handles >= Self::MIN_HANDLES && quota.threads > 0, Fault::Quota)?;
        let pages = self.stack / PAGE;
        demand(self.stack.is_multiple_of(PAGE) && (1..=quota.pages).contains(&pages), Fault::Stack)?;
        let restart = self.restart;
        let ordered = restart.first_delay_ms <= restart.longest_delay_ms && restart.within_ms > 0;
        demand(ordered, Fault::Restart)?;
        demand(self.devices.is_empty() || self.layer == Layer::Driver, Fault::Devices)
    }
}
