//! What is between neighbours: ARP and neighbour discovery, and whether an address is ours alone.

use core::ops::Range;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol, Ipv4Address, Ipv6Address};

use super::{Control, Output};
use crate::arp::Arp;
use crate::interface::solicited_node;
use crate::ndp::{self, Ndp};
use crate::neighbours::{self, Heard};
use crate::routers::Routers;
use crate::{Assigned, Bytes, Change, Drop, Hop, Ingress, InterfaceId, Packet, Standing, detection};

use super::Sending;

const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

impl Control {
    pub(super) fn arp<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        ingress: &Ingress,
        range: Range<usize>,
        bytes: &B,
    ) -> Result<(), Drop> {
        let said = Arp::parse(bytes, range, ingress.from)?;
        let id = ingress.interface;
        let interface = self.tables.interface(id).ok_or(Drop::NotOurs)?;
        let own = interface.link_address();
        if said.link == own {
            return Err(Drop::Spoofed);
        }
        let (sender, target) = (IpAddress::Ipv4(said.sender), IpAddress::Ipv4(said.target));
        let is_in_use =
            |address| interface.has(address).is_some_and(|standing| standing != Standing::Tentative);
        let (has_sender, has_target) = (is_in_use(sender), is_in_use(target));
        // Whom nobody on this link can be is not learnt of.
        let is_near = self.is_near(Hop::new(id, sender));
        let asks_for_ours = said.sender.is_unspecified() && self.detection.is_tentative(id, target);
        if has_sender || self.detection.is_tentative(id, sender) || asks_for_ours {
            let address = if asks_for_ours { target } else { sender };
            self.detection.conflict(now, id, address);
            return Ok(());
        }
        let hop = Hop::new(id, sender);
        if !said.sender.is_unspecified() && is_near {
            let how = match (has_target, said.is_request) {
                (true, true) => Heard::Asking,
                (true, false) => Heard::Saying { is_answer: ingress.to == own, replaces: true },
                (false, _) => Heard::Saying { is_answer: false, replaces: true },
            };
            self.neighbours.heard(now, hop, said.link, how);
        }
        if has_target && said.is_request {
            let answer = Arp { is_request: false, link: own, sender: said.target, target: said.sender };
            self.output.push_back(Output::Frame(id, answer.frame(said.link).to_vec()));
        }
        Ok(())
    }

    pub(super) fn discovery<B: Bytes + ?Sized>(
        &mut self,
        now: Duration,
        ingress: &Ingress,
        packet: &Packet,
        bytes: &B,
    ) -> Result<(), Drop> {
        let said = Ndp::parse(packet, bytes)?;
        let id = ingress.interface;
        let IpAddress::Ipv6(source) = packet.source else { return Err(Drop::Discovery) };
        let interface = self.tables.interface(id).ok_or(Drop::NotOurs)?;
        let own = interface.link_address();
        let standing = |target| interface.has(IpAddress::Ipv6(target));
        let is_near = self.is_near(Hop::new(id, packet.source));
        match said {
            Ndp::Solicit(target, _) if standing(target) == Some(Standing::Tentative) => {
                // Our own question may come back to us (RFC 4862, 5.4.3).
                if source.is_unspecified() && ingress.from != own {
                    self.detection.conflict(now, id, IpAddress::Ipv6(target));
                }
            }
            Ndp::Solicit(target, link) => {
                if standing(target).is_none() {
                    return Ok(());
                }
                if let Some(link) = link.filter(|_| is_near) {
                    self.neighbours.heard(now, Hop::new(id, packet.source), link, Heard::Asking);
                }
                let to = if source.is_unspecified() { ALL_NODES } else { source };
                let message = ndp::advert(own, target, to, target);
                self.send_discovery(now, id, (target, to), message);
            }
            Ndp::Advert { target, link, is_answer, replaces } => {
                let address = IpAddress::Ipv6(target);
                if standing(target).is_some() {
                    if ingress.from != own {
                        self.detection.conflict(now, id, address);
                    }
                    return Ok(());
                }
                let hop = Hop::new(id, address);
                let known = self.tables.neighbour(hop).map(|known| known.link);
                if let Some(link) = link.or(known) {
                    self.neighbours.heard(now, hop, link, Heard::Saying { is_answer, replaces });
                }
            }
            Ndp::RouterAdvert(advert) => {
                if let Some(link) = advert.link {
                    self.neighbours.heard(now, Hop::new(id, packet.source), link, Heard::Asking);
                }
                let of_interface =
                    self.interfaces.get_mut(&id).and_then(|interface| interface.routers.as_mut());
                if let Some(routers) = of_interface {
                    routers.heard(now, source, &advert);
                }
            }
            Ndp::RouterSolicit(_) | Ndp::Redirect => {}
        }
        Ok(())
    }

    /// Whether that is on the link of its interface.
    fn is_near(&self, hop: Hop) -> bool {
        self.tables.hop(hop.next, Some(hop.interface)) == Ok(hop)
    }

    fn send_discovery(
        &mut self,
        now: Duration,
        id: InterfaceId,
        (source, destination): (Ipv6Address, Ipv6Address),
        payload: alloc::vec::Vec<u8>,
    ) {
        let (source, destination) = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
        let hop = Hop::new(id, destination);
        let protocol = IpProtocol::Icmpv6;
        self.emit(now, Sending { hop, source, destination, protocol, hop_limit: 255, payload });
    }

    pub(super) fn solicit_routers(&mut self, now: Duration, id: InterfaceId) {
        let Some(own) = self.tables.interface(id).map(crate::Interface::link_address) else { return };
        let routers = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
        let source = match self.tables.route(IpAddress::Ipv6(routers), Some(id)) {
            Ok((_, IpAddress::Ipv6(source))) => source,
            _ => Ipv6Address::UNSPECIFIED,
        };
        let message = ndp::solicit_routers(own, source, routers);
        self.send_discovery(now, id, (source, routers), message);
    }

    /// What neighbours and detection want. Whether they wanted anything.
    pub(super) fn settle_link(&mut self, now: Duration) -> bool {
        let mut did = false;
        while let Some(effect) = self.neighbours.effect() {
            did = true;
            match effect {
                neighbours::Effect::Ask(hop, link) => self.ask_for(now, hop, link),
                neighbours::Effect::Ready(token, link) => self.ready(token, Ok(link)),
                neighbours::Effect::Failed(token, hop) => self.ready(token, Err(hop)),
                neighbours::Effect::Change(change) => {
                    // There are as many places as neighbours.
                    let _ = self.change(change);
                }
            }
        }
        while let Some(effect) = self.detection.effect() {
            did = true;
            match effect {
                detection::Effect::Ask(id, address) => self.probe(now, id, address),
                detection::Effect::Free(id, address) => self.free(now, id, address),
                detection::Effect::Taken(id, address) | detection::Effect::GiveUp(id, address) => {
                    self.taken(now, id, address);
                }
                detection::Effect::Defend(id, address) => self.announce(now, id, address),
            }
        }
        did
    }

    /// Asks where the next hop is.
    fn ask_for(&mut self, now: Duration, hop: Hop, link: Option<EthernetAddress>) {
        let id = hop.interface;
        let Some(interface) = self.tables.interface(id) else { return };
        let own = interface.link_address();
        let source = self.tables.route(hop.next, Some(id)).map(|(_, source)| source);
        match (hop.next, source) {
            (IpAddress::Ipv4(target), source) => {
                let sender = match source {
                    Ok(IpAddress::Ipv4(source)) => source,
                    _ => Ipv4Address::UNSPECIFIED,
                };
                let question = Arp { is_request: true, link: own, sender, target };
                let frame = question.frame(link.unwrap_or(EthernetAddress::BROADCAST));
                self.output.push_back(Output::Frame(id, frame.to_vec()));
            }
            (IpAddress::Ipv6(target), Ok(IpAddress::Ipv6(source))) => {
                let to = if link.is_some() { target } else { solicited_node(target) };
                let message = ndp::solicit(own, source, to, target);
                self.send_discovery(now, id, (source, to), message);
            }
            _ => {}
        }
    }

    /// Asks, from no address, whether anybody has that one.
    fn probe(&mut self, now: Duration, id: InterfaceId, address: IpAddress) {
        let Some(own) = self.tables.interface(id).map(crate::Interface::link_address) else { return };
        match address {
            IpAddress::Ipv4(target) => {
                let sender = Ipv4Address::UNSPECIFIED;
                let question = Arp { is_request: true, link: own, sender, target };
                let frame = question.frame(EthernetAddress::BROADCAST).to_vec();
                self.output.push_back(Output::Frame(id, frame));
            }
            IpAddress::Ipv6(target) => {
                let (source, to) = (Ipv6Address::UNSPECIFIED, solicited_node(target));
                let message = ndp::solicit(own, source, to, target);
                self.send_discovery(now, id, (source, to), message);
            }
        }
    }

    /// Tells everybody that an address is ours.
    pub(super) fn announce(&mut self, now: Duration, id: InterfaceId, address: IpAddress) {
        let Some(own) = self.tables.interface(id).map(crate::Interface::link_address) else { return };
        match address {
            IpAddress::Ipv4(address) => {
                let announcement = Arp { is_request: true, link: own, sender: address, target: address };
                let frame = announcement.frame(EthernetAddress::BROADCAST).to_vec();
                self.output.push_back(Output::Frame(id, frame));
            }
            IpAddress::Ipv6(address) => {
                let message = ndp::advert(own, address, ALL_NODES, address);
                self.send_discovery(now, id, (address, ALL_NODES), message);
            }
        }
    }

    /// Nobody has that address: it is used from now on.
    fn free(&mut self, now: Duration, id: InterfaceId, address: IpAddress) {
        let assigned = self.tables.interface(id).and_then(|interface| {
            interface.addresses.iter().find(|own| own.address.address() == address).copied()
        });
        if let Some(own) = assigned {
            let own = Assigned { standing: Standing::Preferred, ..own };
            let _ = self.change(Change::Address(id, own));
            self.announce(now, id, address);
        }
        let own = self.tables.interface(id).map(crate::Interface::link_address);
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        match address {
            IpAddress::Ipv4(address) => {
                if let Some(client) = &mut interface.dhcp {
                    client.free(address);
                }
            }
            // As soon as there is an address to ask from, routers are asked.
            IpAddress::Ipv6(address) if address.is_unicast_link_local() && interface.v6 => {
                if interface.routers.is_none()
                    && let Some(own) = own
                {
                    let mut routers = Routers::new(now, id, own);
                    routers.poll(now);
                    interface.routers = Some(routers);
                }
            }
            IpAddress::Ipv6(_) => {}
        }
    }

    /// Somebody else has that address.
    fn taken(&mut self, now: Duration, id: InterfaceId, address: IpAddress) {
        let _ = self.change(Change::AddressGone(id, address));
        self.output.push_back(Output::Conflict(id, address));
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        if let (IpAddress::Ipv4(address), Some(client)) = (address, &mut interface.dhcp) {
            client.taken(now, address);
        }
        if let Some(routers) = &mut interface.routers {
            routers.taken(address);
        }
    }
}
