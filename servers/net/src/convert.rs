//! Addresses as programs say them, and as the engines do.

use core::net::IpAddr;

use anax_socket::{Address, End};
use anax_tcp::Endpoint;
use smoltcp::wire::IpAddress;

/// As programs say it.
#[must_use]
pub const fn end(end: Endpoint) -> End {
    End { address: address(end.address), port: end.port }
}

/// As programs say it.
#[must_use]
pub const fn address(address: IpAddress) -> Address {
    Address(match address {
        IpAddress::Ipv4(address) => IpAddr::V4(address),
        IpAddress::Ipv6(address) => IpAddr::V6(address),
    })
}

/// As the engines say it.
#[must_use]
pub const fn inner(address: Address) -> IpAddress {
    match address.0 {
        IpAddr::V4(address) => IpAddress::Ipv4(address),
        IpAddr::V6(address) => IpAddress::Ipv6(address),
    }
}

/// As the engines say it.
#[must_use]
pub const fn endpoint(end: End) -> Endpoint {
    Endpoint::new(inner(end.address), end.port)
}
