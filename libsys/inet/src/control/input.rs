//! What comes in.

use core::time::Duration;

use smoltcp::wire::{IpAddress, IpProtocol};

use super::{Control, Output, Taken};
use crate::icmp::{About, Icmp, Problem};
use crate::udp::Endpoint;
use crate::{Bytes, Cast, Drop, Ingress, InterfaceId, Packet, What, dhcp, icmp};

impl Control {
    /// A frame has come in which [`parse`](crate::frame::parse) has looked at, or a packet was put together. What others say about packets of ours is shown to
    /// `is_known`.
    ///
    /// # Errors
    /// Why it was dropped, which is counted.
    pub fn input<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        ingress: &Ingress,
        bytes: &B,
        is_known: impl FnOnce(&About) -> bool,
    ) -> Result<Taken, Drop> {
        self.due.take();
        let taken = match &ingress.what {
            What::Arp(range) => self.arp(now, ingress, range.clone(), bytes).map(|()| Taken::Done),
            What::Packet(packet) => self.packet(now, ingress, packet, bytes, is_known),
        };
        if let Err(why) = taken {
            self.counters.count(why);
        }
        self.settle(now);
        taken
    }

    fn packet<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        ingress: &Ingress,
        packet: &Packet,
        bytes: &B,
        is_known: impl FnOnce(&About) -> bool,
    ) -> Result<Taken, Drop> {
        let id = ingress.interface;
        let cast = self.tables.admit(id, ingress.to, packet)?;
        if packet.fragment.is_some() {
            return self.reassembly.input(now, id, packet).map(Taken::Place);
        }
        match packet.protocol {
            IpProtocol::Icmp | IpProtocol::Icmpv6 => {
                match icmp::input(packet, bytes, cast, is_known)? {
                    Icmp::Answer(said) => self.say(now, id, said),
                    Icmp::Answered(echo) => {
                        let data = packet.payload.len() - 8;
                        self.output.push_back(Output::Answered(echo, packet.source, data));
                    }
                    Icmp::Error(about) => self.output.push_back(Output::Error(about)),
                    Icmp::Discovery => self.discovery(now, ingress, packet, bytes)?,
                    Icmp::Other => {}
                }
                Ok(Taken::Done)
            }
            IpProtocol::Udp => Ok(self.datagram(now, id, packet, bytes)),
            _ => Ok(Taken::Others),
        }
    }

    /// DHCP's and the resolver's.
    fn datagram<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        id: InterfaceId,
        packet: &Packet,
        bytes: &B,
    ) -> Taken {
        let Some((from, to)) = packet.ports else { return Taken::Others };
        let from = Endpoint::new(packet.source, from);
        let payload = || {
            let range = packet.datagram();
            let mut payload = alloc::vec![0; range.len()];
            bytes.copy(range.start, &mut payload);
            payload
        };
        let is_dhcp = (from.port, to) == (dhcp::SERVER_PORT, dhcp::CLIENT_PORT);
        if let Some(client) = self.interfaces.get_mut(&id).and_then(|interface| interface.dhcp.as_mut())
            && is_dhcp
            && matches!(packet.source, IpAddress::Ipv4(_))
        {
            client.input(now, &payload());
            return Taken::Done;
        }
        if self.resolver.expects(from, to) {
            self.resolver.input(now, from, to, &payload());
            return Taken::Done;
        }
        Taken::Others
    }

    /// Nobody takes that packet: its sender hears of it, where it may.
    pub fn refuse<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        ingress: &Ingress,
        bytes: &B,
        problem: Problem,
    ) {
        self.due.take();
        let What::Packet(packet) = &ingress.what else { return };
        let Ok(cast) = self.tables.admit(ingress.interface, ingress.to, packet) else { return };
        let about = (bytes, ingress.to, cast);
        if cast == Cast::Unicast
            && let Some(said) = icmp::error(problem, packet.destination, packet, about)
            && self.errors.take(now)
        {
            self.say(now, ingress.interface, said);
            self.settle(now);
        }
    }
}
