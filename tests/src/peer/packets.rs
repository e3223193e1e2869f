//! Packets that the guest's card has finished: checksums inserted, long ones cut into segments. Judged by a reading of them that is not ours.
//!
//! What each packet is to be it says itself, as `userland/frame-echo` describes; the guest may have a few under way, and is asked for the next
//! one when one has come whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

use super::frame::{ETHERTYPE, GUEST_MAC, PEER_MAC};
use super::{Continue, Peer};

const NEXT: &[u8; 8] = b"ANAXNEXT";
/// Packets that the guest may have under way.
const WINDOW: u16 = 4;

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets that came whole.
    pub packets: u16,
    /// Those of them that came in several segments.
    pub cut: u16,
    /// Frames.
    pub frames: u32,
}

/// The next byte of each packet under way, and the frames it has come in.
type Parts = [(usize, u32); WINDOW as usize];

/// A finished packet, or a segment of one.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    number: u16,
    /// Where its payload is in the whole packet's, and bytes of that.
    at: usize,
    length: usize,
    /// Bytes of each segment; 0 of one that is whole.
    mss: usize,
    /// That nothing follows, as TCP's flags have it; always for UDP.
    is_last: bool,
    payload: Vec<u8>,
}

impl Peer {
    /// Judges `count` packets from the guest behind port `guest`.
    ///
    /// # Errors
    /// One is wrong, is missing, or is not followed by another one in time; the socket fails.
    pub fn judge_packets(
        &self,
        guest: u16,
        count: u16,
        patience: Duration,
        mut watch: impl FnMut(&Seen) -> Continue,
    ) -> anyhow::Result<Seen> {
        let guest = SocketAddr::from((Ipv4Addr::LOCALHOST, guest));
        let mut seen = Seen::default();
        let (mut parts, mut since) = (Parts::default(), Instant::now());
        while seen.packets < count {
            if watch(&seen) == Continue::Stop {
                bail!("the guest has ended: {seen:?}");
            }
            ensure!(since.elapsed() < patience, "nothing more has come in {patience:.0?}: {seen:?}");
            let Some(bytes) = self.receive(guest)? else { continue };
            let Some(part) =
                read(&bytes).with_context(|| format!("{seen:?}: {:02x?}", &bytes[..bytes.len().min(74)]))?
            else {
                continue;
            };
            seen.frames += 1;
            since = Instant::now();
            let number = part.number;
            let is_whole = judge(&part, seen.packets, &mut parts).with_context(|| {
                format!("packet {number} from {}: {parts:?} from {}", part.at, seen.packets)
            })?;
            if is_whole {
                // They come in order, so this is the oldest.
                ensure!(
                    number == seen.packets,
                    "packet {number} is whole before {}: {parts:?}",
                    seen.packets
                );
                seen.packets += 1;
                let [(_, frames), ..] = parts;
                seen.cut += u16::from(frames > 1);
                parts.rotate_left(1);
                parts[usize::from(WINDOW) - 1] = (0, 0);
                self.send(guest, &next(number))?;
            }
        }
        Ok(seen)
    }
}

/// Whether its packet is whole by it.
fn judge(part: &Part, oldest: u16, parts: &mut Parts) -> anyhow::Result<bool> {
    let place = part.number.checked_sub(oldest).map(usize::from);
    let (next, frames) = place.and_then(|place| parts.get_mut(place)).context("it is not expected")?;
    ensure!(part.at == *next, "byte {} instead of {next}", part.at);
    *next += part.payload.len();
    *frames += 1;
    ensure!(*next <= part.length, "too long");
    let is_whole = *next == part.length;
    ensure!(part.is_last == is_whole, "PSH and FIN belong to the last segment alone");
    let is_full = part.payload.len() == if part.mss == 0 { part.length } else { part.mss };
    ensure!(is_full || is_whole, "a segment of {} bytes", part.payload.len());
    let pattern = |at: usize| (usize::from(part.number) * 31 + at * 7 + at / 251) as u8;
    ensure!(
        (part.at..).zip(&part.payload).all(|(at, byte)| *byte == pattern(at)),
        "other bytes than were sent"
    );
    Ok(is_whole)
}

/// What a frame is; nothing if it is none of the guest's.
fn read(bytes: &[u8]) -> anyhow::Result<Option<Part>> {
    let frame = EthernetFrame::new_checked(bytes).map_err(|_| anyhow::anyhow!("no frame"))?;
    if frame.src_addr().0 != GUEST_MAC || frame.dst_addr().0 != PEER_MAC {
        return Ok(None);
    }
    let (source, destination, protocol, payload): (IpAddress, IpAddress, _, _) = match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).context("no IPv4 packet")?;
            ensure!(packet.verify_checksum(), "IPv4's checksum");
            let payload = packet.payload().to_vec();
            (packet.src_addr().into(), packet.dst_addr().into(), packet.next_header(), payload)
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).context("no IPv6 packet")?;
            let payload = packet.payload().to_vec();
            (packet.src_addr().into(), packet.dst_addr().into(), packet.next_header(), payload)
        }
        _ => return Ok(None),
    };
    let part = match protocol {
        IpProtocol::Tcp => {
            let tcp = TcpPacket::new_checked(&payload[..]).context("no TCP segment")?;
            ensure!(tcp.verify_checksum(&source, &destination), "TCP's checksum");
            let number = tcp.src_port();
            let at = tcp.seq_number().0.wrapping_sub(i32::from(number) << 16);
            Part {
                number,
                at: usize::try_from(at).context("a sequence number of another packet")?,
                length: usize::from(tcp.dst_port()).saturating_sub(1),
                mss: tcp.window_len().into(),
                is_last: tcp.psh() && tcp.fin(),
                payload: tcp.payload().to_vec(),
            }
        }
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(&payload[..]).context("no UDP datagram")?;
            ensure!(udp.verify_checksum(&source, &destination) && udp.checksum() != 0, "UDP's checksum");
            let length = usize::from(udp.dst_port()).saturating_sub(1);
            let payload = udp.payload().to_vec();
            Part { number: udp.src_port(), at: 0, length, mss: 0, is_last: true, payload }
        }
        other => bail!("protocol {other}"),
    };
    Ok(Some(part))
}

/// Asks for the packet behind another.
fn next(number: u16) -> Vec<u8> {
    let mut frame = [&GUEST_MAC[..], &PEER_MAC, &ETHERTYPE.to_be_bytes(), NEXT].concat();
    frame.extend(u64::from(number).to_be_bytes());
    frame.resize(60, 0);
    frame
}
