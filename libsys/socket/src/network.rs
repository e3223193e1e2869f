//! What can be seen of the network.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::Address;

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// This host itself.
    Loopback,
    /// A card, with its address.
    Ethernet([u8; 6]),
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// It.
    pub address: Address,
    /// Bits of its network.
    pub prefix: u8,
    /// Whether it is not known yet that nobody else has it.
    pub is_tentative: bool,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceReport {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub kind: LinkKind,
    /// Whether there is anybody at the other end of the cable.
    pub is_up: bool,
    /// Bytes of the longest packet.
    pub mtu: u16,
    /// Its addresses.
    pub addresses: Vec<AddressReport>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteReport {
    /// To where.
    pub network: Address,
    /// Bits of that.
    pub prefix: u8,
    /// By which router.
    pub via: Option<Address>,
    /// On which interface.
    pub interface: u32,
}

/// A neighbour on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourReport {
    /// On which interface.
    pub interface: u32,
    /// Its address.
    pub address: Address,
    /// Its card's.
    pub link: [u8; 6],
    /// Whether it may be gone.
    pub is_stale: bool,
}
