//! Who speaks with whom.

use core::fmt;
use core::hash::{Hash, Hasher};

use smoltcp::wire::IpAddress;

/// An address and a port, of TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddress,
    /// The port; 0 is nobody's.
    pub port: u16,
}

impl Endpoint {
    /// That address and port.
    #[must_use]
    pub const fn new(address: IpAddress, port: u16) -> Self {
        Self { address, port }
    }
}

/// In whole words, of which keyed hashes take one at a time: this is done for every packet.
impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let port = u64::from(self.port);
        match self.address {
            IpAddress::Ipv4(address) => state.write_u64(u64::from(address.to_bits()) << 16 | port),
            IpAddress::Ipv6(address) => {
                let bits = address.to_bits();
                state.write_u64((bits >> 64) as u64);
                state.write_u64(bits as u64);
                state.write_u64(port);
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddress::Ipv4(address) => write!(f, "{address}:{}", self.port),
            IpAddress::Ipv6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// A connection as both ends name it, seen from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tuple {
    /// This end.
    pub local: Endpoint,
    /// The other one.
    pub remote: Endpoint,
}

impl Tuple {
    /// As the other end has it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }

    /// Whether it can be a connection: both ports and addresses are somebody's, of one version, and the ends differ (which a LAND packet's do not).
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_somebodys =
            |end: &Endpoint| end.port != 0 && end.address.is_unicast() && !end.address.is_unspecified();
        is_somebodys(&self.local)
            && is_somebodys(&self.remote)
            && self.local.address.version() == self.remote.address.version()
            && self.local != self.remote
    }

    /// All of it as bytes, for keyed hashes: the same length for each version.
    pub(crate) fn bytes(&self) -> ([u8; 36], usize) {
        let mut bytes = [0; 36];
        let used = match (self.local.address, self.remote.address) {
            (IpAddress::Ipv4(local), IpAddress::Ipv4(remote)) => {
                bytes[..4].copy_from_slice(&local.octets());
                bytes[4..8].copy_from_slice(&remote.octets());
                12
            }
            (local, remote) => {
                let octets = |address| match address {
                    IpAddress::Ipv4(address) => address.to_ipv6_mapped().octets(),
                    IpAddress::Ipv6(address) => address.octets(),
                };
                bytes[..16].copy_from_slice(&octets(local));
                bytes[16..32].copy_from_slice(&octets(remote));
                36
            }
        };
        bytes[used - 4..used - 2].copy_from_slice(&self.local.port.to_be_bytes());
        bytes[used - 2..used].copy_from_slice(&self.remote.port.to_be_bytes());
        (bytes, used)
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.local, self.remote)
    }
}
