//! Lines that are printed.

use core::fmt;
use core::time::Duration;

use anax_net::{InterfaceReport, LinkKind, NeighbourReport, RouteReport};

/// A time in milliseconds, with three digits behind the point.
#[derive(Clone, Copy, Debug)]
pub struct Milliseconds(
    /// It.
    pub Duration,
);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03} ms", micros / 1000, micros % 1000)
    }
}

struct Link([u8; 6]);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

/// An interface, and a line for each of its addresses.
#[must_use]
pub fn interface(report: &InterfaceReport) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let state = if report.is_up { "up" } else { "down" };
        write!(f, "{}: ", report.number)?;
        match report.kind {
            LinkKind::Loopback => write!(f, "loopback")?,
            LinkKind::Ethernet(address) => write!(f, "ethernet {}", Link(address))?,
        }
        write!(f, " {state} mtu {}", report.mtu)?;
        for address in &report.addresses {
            let tentative = if address.is_tentative { " tentative" } else { "" };
            write!(f, "\n    {}/{}{tentative}", address.address, address.prefix)?;
        }
        Ok(())
    })
}

/// A route.
#[must_use]
pub fn route(report: &RouteReport) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        if report.prefix == 0 {
            write!(f, "default (IPv{})", report.network.version())?;
        } else {
            write!(f, "{}/{}", report.network, report.prefix)?;
        }
        if let Some(via) = &report.via {
            write!(f, " via {via}")?;
        }
        write!(f, " on {}", report.interface)
    })
}

/// A neighbour.
#[must_use]
pub fn neighbour(report: &NeighbourReport) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let stale = if report.is_stale { " stale" } else { "" };
        write!(f, "{} is {} on {}{stale}", report.address, Link(report.link), report.interface)
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn times() {
        assert_eq!(Milliseconds(Duration::from_nanos(1_234_567)).to_string(), "1.234 ms");
        assert_eq!(Milliseconds(Duration::from_micros(7)).to_string(), "0.007 ms");
        assert_eq!(Link([0x52, 0x54, 0, 0x12, 0x34, 0x56]).to_string(), "52:54:00:12:34:56");
    }
}
