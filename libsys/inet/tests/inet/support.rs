//! Frames made by hand, with right lengths and sums, and hosts on a link.

use std::collections::HashMap;
use std::time::Duration;

use anax_inet::control::{Configuration, Output, Taken};
use anax_inet::egress::{Header, headers};
use anax_inet::fragments::BufferId;
use anax_inet::frame::{parse, pseudo_sum, reassembled};
use anax_inet::{
    Bytes, Control, Drop, Fragment, Ingress, InterfaceId, Kind, Packet, Random, Sum, Verified, What,
};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpProtocol};

pub(crate) const ETH: InterfaceId = InterfaceId(1);
pub(crate) const OURS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const THEIRS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn ip(text: &str) -> IpAddress {
    text.parse::<std::net::IpAddr>().expect("an address").into()
}

pub(crate) fn cidr(text: &str) -> IpCidr {
    let (address, length) = text.split_once('/').expect("a prefix");
    IpCidr::new(ip(address), length.parse().expect("a length"))
}

/// A frame from them to us.
pub(crate) fn frame(source: &str, destination: &str, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    frame_of(ip(source), ip(destination), protocol, None, 64, payload)
}

pub(crate) fn frame_of(
    source: IpAddress,
    destination: IpAddress,
    protocol: IpProtocol,
    fragment: Option<Fragment>,
    hop_limit: u8,
    payload: &[u8],
) -> Vec<u8> {
    let header = Header {
        source,
        destination,
        protocol,
        hop_limit,
        traffic_class: 0,
        fragment,
        length: payload.len(),
    };
    let mut frame = headers(THEIRS, OURS, &header).to_vec();
    frame.extend(payload);
    frame
}

/// A transport's message with its sum, which is at `at`.
pub(crate) fn summed(
    source: &str,
    destination: &str,
    protocol: IpProtocol,
    at: usize,
    message: &[u8],
) -> Vec<u8> {
    let mut message = message.to_vec();
    let mut sum = Sum::default();
    if protocol != IpProtocol::Icmp {
        sum.word(pseudo_sum(ip(source), ip(destination), protocol, message.len()));
    }
    sum.add(&message);
    message[at..at + 2].copy_from_slice(&(!sum.folded()).to_be_bytes());
    message
}

pub(crate) fn udp(source: &str, destination: &str, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for word in [ports.0, ports.1, 8 + payload.len() as u16, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(payload);
    summed(source, destination, IpProtocol::Udp, 6, &message)
}

pub(crate) fn look(frame: &[u8]) -> Result<Ingress, Drop> {
    parse(ETH, frame, Verified::default())
}

pub(crate) fn packet(frame: &[u8]) -> Result<Packet, Drop> {
    match look(frame)?.what {
        What::Packet(packet) => Ok(packet),
        What::Arp(_) => panic!("no packet"),
    }
}

/// A host with one card, as a server would run it.
pub(crate) struct Host {
    pub(crate) control: Control,
    pub(crate) link: EthernetAddress,
    buffers: HashMap<BufferId, Vec<u8>>,
    /// What came out, but for frames to the card.
    pub(crate) told: Vec<Output>,
    /// Packets that were for others.
    pub(crate) others: Vec<(Packet, Vec<u8>)>,
    /// Reasons for which frames were dropped before they came in.
    pub(crate) dropped: Vec<Drop>,
}

impl Host {
    pub(crate) fn new(link: EthernetAddress, configuration: Configuration) -> Self {
        let mut control = Control::new(Random::new((link.0[5].into(), 7)));
        control
            .add_interface(ms(0), InterfaceId(0), (Kind::Loopback, 65_535), Configuration::default())
            .unwrap();
        control.add_interface(ms(0), ETH, (Kind::Ethernet(link), 1500), configuration).unwrap();
        let (buffers, told, others, dropped) = Default::default();
        Self { control, link, buffers, told, others, dropped }
    }

    /// With addresses that are in use.
    pub(crate) fn with(link: EthernetAddress, addresses: &[&str]) -> Self {
        let mut host = Self::new(link, Configuration::default());
        for address in addresses {
            host.control.assign(ms(0), ETH, cidr(address)).unwrap();
        }
        host.run(ms(0), secs(5));
        host.told.clear();
        host
    }

    /// Lets time pass with nobody on the link. What was sent is what comes back.
    pub(crate) fn run(&mut self, from: Duration, until: Duration) -> Vec<Vec<u8>> {
        let mut sent = self.frames();
        let mut now = from;
        while let Some(due) = self.control.next_deadline().filter(|due| *due <= until) {
            now = now.max(due);
            self.control.poll(now);
            sent.extend(self.frames());
        }
        sent
    }

    /// A frame comes in; frames go out.
    pub(crate) fn hear(&mut self, now: Duration, frame: &[u8]) -> Vec<Vec<u8>> {
        self.take(now, ETH, frame);
        self.frames()
    }

    pub(crate) fn take(&mut self, now: Duration, id: InterfaceId, frame: &[u8]) {
        let ingress = match parse(id, frame, Verified::default()) {
            Ok(ingress) => ingress,
            Err(why) => return self.dropped.push(why),
        };
        self.input(now, &ingress, frame);
    }

    fn input(&mut self, now: Duration, ingress: &Ingress, bytes: &[u8]) {
        let is_known = |about: &anax_inet::icmp::About| about.ports == (4000, 53);
        match self.control.input(now, ingress, bytes, is_known) {
            Err(why) => self.dropped.push(why),
            Ok(Taken::Done) => {}
            Ok(Taken::Others) => {
                let What::Packet(packet) = &ingress.what else { panic!("ARP is thread 0's") };
                let mut payload = vec![0; packet.payload.len()];
                bytes.copy(packet.payload.start, &mut payload);
                self.others.push((packet.clone(), payload));
            }
            Ok(Taken::Place(placed)) => {
                let buffer = self.buffers.entry(placed.buffer).or_insert_with(|| vec![0; 65_536]);
                buffer[placed.offset..placed.offset + placed.from.len()].copy_from_slice(&bytes[placed.from]);
                let Some(complete) = placed.complete else { return };
                let buffer = buffer.clone();
                match reassembled(&complete.first, &buffer[..], complete.length) {
                    Ok(packet) => {
                        let ingress = Ingress { what: What::Packet(packet), ..ingress.clone() };
                        self.input(now, &ingress, &buffer);
                    }
                    Err(why) => self.dropped.push(why),
                }
            }
        }
    }

    /// What is to be sent by the card. What goes to this host itself comes back at once.
    pub(crate) fn frames(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(output) = self.control.output() {
            match output {
                Output::Frame(ETH, frame) => frames.push(frame),
                Output::Frame(inside, frame) => self.take(ms(0), inside, &frame),
                other => self.told.push(other),
            }
        }
        frames
    }
}

/// Lets hosts talk on one link until `until`. Every frame arrives a millisecond later at whom it is for.
pub(crate) fn talk(hosts: &mut [Host], from: Duration, until: Duration) {
    let mut now = from;
    loop {
        for _ in 0..100 {
            let sent: Vec<(usize, Vec<u8>)> = hosts
                .iter_mut()
                .enumerate()
                .flat_map(|(index, host)| host.frames().into_iter().map(move |frame| (index, frame)))
                .collect();
            if sent.is_empty() {
                break;
            }
            now += ms(1);
            for (sender, frame) in sent {
                for (index, host) in hosts.iter_mut().enumerate() {
                    let to = EthernetAddress::from_bytes(&frame[..6]);
                    if index != sender && (to == host.link || to.is_multicast()) {
                        host.take(now, ETH, &frame);
                    }
                }
            }
        }
        let due = hosts.iter().filter_map(|host| host.control.next_deadline()).min();
        let Some(due) = due.filter(|due| *due <= until) else { return };
        now = now.max(due);
        for host in hosts.iter_mut() {
            host.control.poll(now);
        }
    }
}
