//! Which thread a packet belongs to. Each protocol has its own function, and nobody else knows how it shares its work out; whoever receives packets and whoever
//! answers sockets' requests use the same one.

use anax_inet::Packet;
use anax_tcp::{Endpoint, Tuple, owner, toeplitz};
use smoltcp::wire::IpProtocol;

/// A protocol's way to share its packets out among so many threads.
pub type Dispatch = fn(&Packet, (u16, u16), u32) -> u32;

/// Those that have one; all others are thread 0's.
const PROTOCOLS: [(IpProtocol, Dispatch); 2] = [(IpProtocol::Tcp, tcp), (IpProtocol::Udp, udp)];

/// The thread that a packet which has come in belongs to.
#[must_use]
pub fn thread_of(packet: &Packet, threads: u32) -> u32 {
    let Some(ports) = packet.ports.filter(|_| packet.fragment.is_none()) else { return 0 };
    let dispatch = PROTOCOLS.iter().find(|(protocol, _)| *protocol == packet.protocol);
    dispatch.map_or(0, |(_, dispatch)| dispatch(packet, ports, threads))
}

/// The two ends of a packet that has come in, as this host sees them.
#[must_use]
pub const fn tuple(packet: &Packet, (from, to): (u16, u16)) -> Tuple {
    Tuple { local: Endpoint::new(packet.destination, to), remote: Endpoint::new(packet.source, from) }
}

fn tcp(packet: &Packet, ports: (u16, u16), threads: u32) -> u32 {
    owner(&tuple(packet, ports), threads)
}

/// A datagram socket has one ring for what comes, from wherever: so the port decides.
fn udp(_: &Packet, (_, to): (u16, u16), threads: u32) -> u32 {
    of_port(to, threads)
}

/// The thread whose datagram sockets have that port.
#[must_use]
pub fn of_port(port: u16, threads: u32) -> u32 {
    (toeplitz(&port.to_be_bytes()) >> 16).checked_rem(threads).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_shared_out() {
        for threads in [1, 2, 3, 4, 7] {
            let mut of = alloc::vec![0; threads as usize];
            (49_152..=65_535).for_each(|port| of[of_port(port, threads) as usize] += 1);
            let even = 16_384 / threads;
            assert!(of.iter().all(|got| *got > even / 2 && *got < 2 * even), "{of:?}");
        }
    }
}
