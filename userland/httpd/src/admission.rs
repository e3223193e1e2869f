//! Who may have another connection: so many in all, so many of one address.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use crate::limits::Limits;

/// The connections that there are, by their addresses.
#[derive(Debug, Default)]
pub struct Admission {
    all: u32,
    by_address: BTreeMap<IpAddr, u32>,
}

impl Admission {
    /// One more of that address. False if that is one too many; else it has to [leave](Self::leave).
    #[must_use]
    pub fn enter(&mut self, address: IpAddr, limits: &Limits) -> bool {
        if self.all >= limits.connections {
            return false;
        }
        let each = self.by_address.entry(address.to_canonical()).or_default();
        if *each >= limits.connections_each {
            return false;
        }
        *each += 1;
        self.all += 1;
        true
    }

    /// One less of that address.
    pub fn leave(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        let Some(each) = self.by_address.get_mut(&address) else { return };
        *each -= 1;
        self.all -= 1;
        if *each == 0 {
            self.by_address.remove(&address);
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    #[test]
    fn so_many_and_no_more() {
        let limits = Limits { connections: 3, connections_each: 2, ..Limits::default() };
        let [a, b] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let mut admission = Admission::default();
        assert_eq!(
            [a, a, a, b, b].map(|address| admission.enter(address, &limits)),
            [true, true, false, true, false]
        );
        admission.leave(a);
        assert!(!admission.enter(
            Ipv4Addr::new(10, 0, 0, 2).to_ipv6_mapped().into(),
            &Limits { connections_each: 1, ..limits }
        ));
        assert!(admission.enter(b, &limits));
        for address in [a, b, b, b] {
            admission.leave(address);
        }
        assert_eq!(admission.count(), 0);
        assert!(admission.by_address.is_empty());
    }
}
