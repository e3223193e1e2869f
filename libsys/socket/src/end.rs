//! Addresses and ports.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anax_proto::{Fixed, Reader, Writer};
use serde::{Deserialize, Serialize};

/// An address of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address(pub IpAddr);

impl Address {
    /// "Any", of version 4.
    pub const ANY_V4: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    /// "Any", of version 6.
    pub const ANY_V6: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    /// 4 or 6.
    #[must_use]
    pub const fn version(&self) -> u8 {
        match self.0 {
            IpAddr::V4(_) => 4,
            IpAddr::V6(_) => 6,
        }
    }

    fn words(self, port: u16) -> [u64; 3] {
        let (high, low) = match self.0 {
            IpAddr::V4(address) => (0, u64::from(u32::from(address))),
            IpAddr::V6(address) => {
                let all = u128::from(address);
                ((all >> 64) as u64, all as u64)
            }
        };
        [high, low, u64::from(port) | u64::from(self.version()) << 16]
    }

    fn from_words([high, low, rest]: [u64; 3]) -> Option<(Self, u16)> {
        let address = match rest >> 16 {
            4 if high == 0 => IpAddr::V4(u32::try_from(low).ok()?.into()),
            6 => IpAddr::V6((u128::from(high) << 64 | u128::from(low)).into()),
            _ => return None,
        };
        Some((Self(address), rest as u16))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Three words, as an [`End`] with port 0.
impl Fixed for Address {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        self.words(0).into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (address, port) = Self::from_words([from.word()?, from.word()?, from.word()?])?;
        (port == 0).then_some(address)
    }
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    /// The address.
    pub address: Address,
    /// The port; 0 is "any", or "none".
    pub port: u16,
}

impl End {
    /// That address and port.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self { address: Address(address.into()), port }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::net::SocketAddr::new(self.address.0, self.port).fmt(f)
    }
}

/// Three words.
impl Fixed for End {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        self.address.words(self.port).into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (address, port) = Address::from_words([from.word()?, from.word()?, from.word()?])?;
        Some(Self { address, port })
    }
}

impl End {
    /// As it stands in a [datagram's](crate::datagram) record.
    #[must_use]
    pub fn to_words(self) -> [u64; 3] {
        self.address.words(self.port)
    }

    /// From there; nothing for what no end looks like.
    #[must_use]
    pub fn from_words(words: [u64; 3]) -> Option<Self> {
        Address::from_words(words).map(|(address, port)| Self { address, port })
    }
}
