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
    // The 32 bits of the key from bit `n` on depend on `n` modulo 16 alone.
    let doubled = u64::from(KEY) * 0x0001_0001_0001_0001;
    let window = |bit: usize| (doubled.rotate_left(bit as u32 % 16) >> 32) as u32;
    let mut hash = 0;
    for (index, byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            if byte & (0x80 >> bit) != 0 {
                hash ^= window(8 * index + bit);
            }
        }
    }
    hash
}

/// The hash of a connection: source address, destination address, ports; the same from both ends.
fn hash(tuple: &Tuple) -> u32 {
    let (bytes, used) = tuple.bytes();
    toeplitz(&bytes[..used])
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

    #[test]
    fn the_hash_is_as_defined_and_symmetric() {
        let one = tuple([10, 0, 2, 15], [192, 168, 7, 9], (49_321, 80));
        let (bytes, used) = one.bytes();
        assert_eq!(used, 12);
        assert_eq!(toeplitz(&bytes[..used]), slowly(&bytes[..used]));
        assert_eq!(hash(&one), hash(&one.reversed()));
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
