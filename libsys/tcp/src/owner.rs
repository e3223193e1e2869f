//! Which protocol thread a connection belongs to.
//!
//! The hash is Toeplitz' with the key 0x6d5a repeated, which makes it symmetric: both directions of a connection have the same one, and so
//! has a card that was given this key for receive-side scaling. Its low 16 bits modulo the number of threads say who the owner is; that may be any number.

use smoltcp::wire::IpAddress;

use crate::Tuple;

/// The key's period, most significant bit first.
const KEY: u16 = 0x6d5a;

/// Toeplitz' hash of some bytes under the repeated key.
#[must_use]
pub fn toeplitz(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks();
    let last = rest.first().map_or(0, |last| u16::from(*last) << 8);
    of_folded(words.iter().fold(last, |folded, word| folded ^ u16::from_be_bytes(*word)))
}

/// The hash of 16-bit words of which this is the exclusive or: the 32 bits of the key from bit `n` on depend on `n` modulo 16 alone, so all words
/// count as if they stood at the same place, and the hash's halves are equal.
fn of_folded(folded: u16) -> u32 {
    // For each bit that is set, the key from there on: or for each bit of the key, these from there on.
    let reversed = folded.reverse_bits();
    let half =
        (0..16).filter(|bit| KEY >> bit & 1 == 1).fold(0, |half, bit| half ^ reversed.rotate_left(bit));
    u32::from(half) << 16 | u32::from(half)
}

/// The hash of a connection: source address, destination address, ports; the same from both ends.
fn hash(tuple: &Tuple) -> u32 {
    let fold = |end: &crate::Endpoint| {
        let address = match end.address {
            IpAddress::Ipv4(address) => address.to_bits(),
            IpAddress::Ipv6(address) => {
                let bits = address.to_bits();
                (bits ^ bits >> 32 ^ bits >> 64 ^ bits >> 96) as u32
            }
        };
        address as u16 ^ (address >> 16) as u16 ^ end.port
    };
    of_folded(fold(&tuple.local) ^ fold(&tuple.remote))
}

/// Which of `count` protocol threads a connection belongs to. 0 if there is none at all.
#[must_use]
pub fn owner(tuple: &Tuple, count: u32) -> u32 {
    (hash(tuple) & 0xffff).checked_rem(count).unwrap_or(0)
}

/// The first port from `start` on, round `ports`, that makes a connection `own`'s and that `is_free`; none if there is no such one.
pub fn local_port(
    (local, remote): (IpAddress, crate::Endpoint),
    ports: core::ops::RangeInclusive<u16>,
    start: u16,
    (own, count): (u32, u32),
    is_free: impl Fn(u16) -> bool,
) -> Option<u16> {
    let upper = start.max(*ports.start())..=*ports.end();
    let lower = *ports.start()..=start.max(*ports.start());
    upper.chain(lower).find(|port| {
        let tuple = Tuple { local: crate::Endpoint::new(local, *port), remote };
        owner(&tuple, count) == own && is_free(*port)
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Endpoint;

    fn tuple(local: [u8; 4], remote: [u8; 4], ports: (u16, u16)) -> Tuple {
        let address = |[a, b, c, d]: [u8; 4]| IpAddress::v4(a, b, c, d);
        Tuple {
            local: Endpoint::new(address(local), ports.0),
            remote: Endpoint::new(address(remote), ports.1),
        }
    }

    /// As the definition has it: for each bit that is set, the key's 32 bits from there on.
    fn slowly(bytes: &[u8]) -> u32 {
        let key: Vec<u8> = [0x6d, 0x5a].repeat(32);
        let bit = |from: usize| u32::from(key[from / 8] >> (7 - from % 8) & 1);
        let mut hash = 0;
        for index in 0..8 * bytes.len() {
            if bytes[index / 8] >> (7 - index % 8) & 1 == 1 {
                hash ^= (0..32).fold(0, |window, offset| window << 1 | bit(index + offset));
            }
        }
        hash
    }

    proptest! {
        #[test]
        fn the_hash_is_as_defined_and_symmetric(
            local in any::<u128>(), remote in any::<u128>(), ports in any::<(u16, u16)>(), is_v6 in any::<bool>(),
        ) {
            let address = |bits: u128| match is_v6 {
                true => IpAddress::Ipv6(bits.into()),
                false => IpAddress::Ipv4((bits as u32).into()),
            };
            let local = Endpoint::new(address(local), ports.0);
            let one = Tuple { local, remote: Endpoint::new(address(remote), ports.1) };
            let (bytes, used) = one.bytes();
            prop_assert_eq!(used, if is_v6 { 36 } else { 12 });
            prop_assert_eq!(hash(&one), slowly(&bytes[..used]));
            prop_assert_eq!(hash(&one), hash(&one.reversed()));
            prop_assert_eq!(toeplitz(&bytes[..used - 1]), slowly(&bytes[..used - 1]));
        }
    }

    #[test]
    fn any_number_of_threads_shares_them_out() {
        for count in [1, 2, 3, 5, 7, 8] {
            let mut of = alloc::vec![0u32; count as usize];
            for port in 1024..9216 {
                of[owner(&tuple([10, 0, 0, 1], [10, 0, 0, 2], (port, 80)), count) as usize] += 1;
            }
            let even = 8192 / count;
            assert!(of.iter().all(|got| *got > even / 2 && *got < 2 * even), "{count}: {of:?}");
        }
    }

    #[test]
    fn ports_are_chosen_for_their_owner() {
        let ends = (IpAddress::v4(10, 0, 0, 1), Endpoint::new(IpAddress::v4(10, 0, 0, 2), 80));
        for own in 0..3 {
            let port = local_port(ends, 49_152..=65_535, 65_530, (own, 3), |port| port != 65_531).unwrap();
            let chosen = Tuple { local: Endpoint::new(ends.0, port), remote: ends.1 };
            assert_eq!(owner(&chosen, 3), own);
            assert_ne!(port, 65_531);
        }
        assert_eq!(local_port(ends, 49_152..=65_535, 50_000, (0, 1), |_| false), None);
    }
}
