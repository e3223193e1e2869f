//! What happens to frames, how often; and where a bit may be flipped so that somebody has to notice.

use std::time::Duration;

use anax_pattern::split_mix;

/// How often what happens, in percent of all frames of each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mischief {
    /// Lost.
    pub loss: f64,
    /// Passed on twice.
    pub duplication: f64,
    /// Passed on only after one to five later ones, or 50 ms.
    pub reordering: f64,
    /// One bit is flipped, anywhere that a sum or an address covers.
    pub corruption: f64,
    /// How long each takes.
    pub delay: Duration,
    /// One seed, one fate for each frame, by its number.
    pub seed: u64,
}

impl Mischief {
    /// A good network.
    #[must_use]
    pub const fn none() -> Self {
        Self { loss: 0.0, duplication: 0.0, reordering: 0.0, corruption: 0.0, delay: Duration::ZERO, seed: 1 }
    }

    /// Each of the four so often.
    #[must_use]
    pub const fn all(percent: f64, seed: u64) -> Self {
        Self {
            loss: percent,
            duplication: percent,
            reordering: percent,
            corruption: percent,
            delay: Duration::ZERO,
            seed,
        }
    }
}

/// Numbers that look as if they came by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(split_mix(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        split_mix(self.0)
    }

    /// Below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(super) fn hits(&mut self, percent: f64) -> bool {
        // 53 bits are what such a number holds.
        ((self.next() >> 11) as f64) < percent / 100.0 * (1_u64 << 53) as f64
    }
}

/// Flips one bit of the frame: of the link's header, of the packet's, of the transport's, or of what is behind, each as often. `false` if nobody could
/// notice: neither ARP nor a datagram without a sum is touched.
pub(super) fn flip(frame: &mut [u8], dice: &mut Dice) -> bool {
    let Some(parts) = parts(frame) else { return false };
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let part = parts[dice.below(parts.len())].clone();
    let at = part.start + dice.below(part.len());
    frame[at] ^= 1 << dice.below(8);
    true
}

/// The headers and the rest of a frame, if all that matters in it is covered.
fn parts(frame: &[u8]) -> Option<[std::ops::Range<usize>; 4]> {
    const LINK: usize = 14;
    let half = |at: usize| frame.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let (packet, protocol, end) = match half(12)? {
        0x0800 => {
            let header = usize::from(frame.get(LINK)? & 15) * 4;
            (header, *frame.get(LINK + 9)?, LINK + usize::from(half(LINK + 2)?))
        }
        0x86DD => (40, *frame.get(LINK + 6)?, LINK + 40 + usize::from(half(LINK + 4)?)),
        _ => return None,
    };
    let transport = LINK + packet;
    // What is behind the packet is padding.
    let end = end.min(frame.len());
    let header = match protocol {
        6 => usize::from(frame.get(transport + 12)? >> 4) * 4,
        17 if half(transport + 6)? == 0 => return None,
        17 => 8,
        // Of ICMP all is covered; whatever else there is has to take it.
        _ => 4,
    };
    let data = (transport + header).min(end);
    let first = LINK.min(end);
    (first < end && transport <= data).then_some([0..LINK, LINK..transport, transport..data, data..end])
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Address, Ipv4Packet, UdpPacket};

    use super::*;

    const HERE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    const THERE: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

    fn frame() -> Vec<u8> {
        let mut frame = vec![0x55; 14 + 20 + 8 + 40];
        let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
        ethernet.set_ethertype(EthernetProtocol::Ipv4);
        let mut ip = Ipv4Packet::new_unchecked(ethernet.payload_mut());
        ip.set_version(4);
        ip.set_header_len(20);
        ip.set_total_len(68);
        ip.clear_flags();
        ip.set_frag_offset(0);
        ip.set_next_header(IpProtocol::Udp);
        ip.set_src_addr(HERE);
        ip.set_dst_addr(THERE);
        ip.fill_checksum();
        let mut udp = UdpPacket::new_unchecked(ip.payload_mut());
        udp.set_len(48);
        udp.fill_checksum(&HERE.into(), &THERE.into());
        frame
    }

    fn is_whole(frame: &[u8]) -> bool {
        let original = self::frame();
        let ethernet = EthernetFrame::new_unchecked(frame);
        let Ok(ip) = Ipv4Packet::new_checked(ethernet.payload()) else { return false };
        let Ok(udp) = UdpPacket::new_checked(ip.payload()) else { return false };
        frame[..14] == original[..14]
            && ip.verify_checksum()
            && udp.verify_checksum(&ip.src_addr().into(), &ip.dst_addr().into())
    }

    #[test]
    fn one_bit_that_somebody_notices() {
        let mut dice = Dice::new(3);
        let mut hit = [0; 4];
        assert!(is_whole(&frame()));
        for _ in 0..2000 {
            let mut flipped = frame();
            assert!(flip(&mut flipped, &mut dice));
            let changed: Vec<usize> = (0..flipped.len()).filter(|at| flipped[*at] != frame()[*at]).collect();
            let [at] = changed[..] else { panic!("{changed:?}") };
            assert_eq!((flipped[at] ^ frame()[at]).count_ones(), 1);
            assert!(!is_whole(&flipped), "byte {at}");
            hit[[14, 34, 42, 82].iter().position(|end| at < *end).expect("in the frame")] += 1;
        }
        assert!(hit.iter().all(|count| *count > 400), "{hit:?}");
    }

    #[test]
    fn what_nothing_covers_is_left_alone() {
        let mut dice = Dice::new(3);
        let mut without_sum = frame();
        without_sum[40..42].fill(0);
        let mut arp = frame();
        arp[13] = 6;
        for mut frame in [without_sum, arp, vec![], vec![8; 20]] {
            let before = frame.clone();
            assert!(!flip(&mut frame, &mut dice) && frame == before);
        }
    }

    #[test]
    fn dice_hit_as_often_as_they_should() {
        let mut dice = Dice::new(7);
        for percent in [0.0, 1.0, 5.0, 50.0, 100.0] {
            let hits = (0..100_000).filter(|_| dice.hits(percent)).count() as f64 / 1000.0;
            assert!((hits - percent).abs() < 0.5, "{hits} instead of {percent}");
        }
    }
}
