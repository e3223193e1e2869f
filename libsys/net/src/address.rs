//! Addresses as `core::net` has them, and as they travel.

use core::net::SocketAddr;

use anax_socket::End;

pub(crate) fn end(address: SocketAddr) -> End {
    End::new(address.ip(), address.port())
}

pub(crate) fn socket_address(end: End) -> SocketAddr {
    SocketAddr::new(end.address.0, end.port)
}
