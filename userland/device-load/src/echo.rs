//! Frames that the emulator's gateway sends back, and what is to be in them: ARP (RFC 826), IPv4 (RFC 791) and ICMP's echo (RFC 792), as far as it takes.

/// Bytes of a request, and of its reply.
pub const REQUEST: usize = 512;

const ETHERNET: usize = 14;
const IP: usize = 20;
const ICMP: usize = 8;
const DATA: usize = ETHERNET + IP + ICMP;
/// This machine and its gateway, as the emulator has them.
const HERE: [u8; 4] = [10, 0, 2, 15];
const GATEWAY: [u8; 4] = [10, 0, 2, 2];
const GATEWAY_MAC: [u8; 6] = [0x52, 0x55, 10, 0, 2, 2];
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
/// By which replies are known to be this program's.
const IDENTIFIER: [u8; 2] = [0xa4, 0xa8];

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing that was asked for.
    Other,
    /// The reply to the request of that number.
    Right(u64),
    /// A reply that is not what was sent under that number.
    Wrong(u64),
}

/// Asks for the gateway's address, by which it learns this one's.
#[must_use]
pub fn arp(mac: [u8; 6]) -> [u8; 42] {
    let mut frame = [0; 42];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&mac);
    // Ethernet and IPv4, and lengths of their addresses; a request.
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&HERE);
    frame[38..].copy_from_slice(&GATEWAY);
    frame
}

/// A request.
#[must_use]
pub fn frame(mac: [u8; 6], number: u64) -> [u8; REQUEST] {
    let mut frame = [0; REQUEST];
    frame[..6].copy_from_slice(&GATEWAY_MAC);
    frame[6..12].copy_from_slice(&mac);
    frame[12..ETHERNET].copy_from_slice(&[0x08, 0]);
    let [high, low] = ((REQUEST - ETHERNET) as u16).to_be_bytes();
    let ip = &mut frame[ETHERNET..ETHERNET + IP];
    // Version and length of the header; at most 64 routers; ICMP.
    ip[..10].copy_from_slice(&[0x45, 0, high, low, 0, 0, 0, 0, 64, 1]);
    ip[12..16].copy_from_slice(&HERE);
    ip[16..].copy_from_slice(&GATEWAY);
    let sum = checksum(ip);
    ip[10..12].copy_from_slice(&sum);
    let icmp = &mut frame[ETHERNET + IP..];
    icmp[0] = ECHO_REQUEST;
    icmp[4..6].copy_from_slice(&IDENTIFIER);
    icmp[6..8].copy_from_slice(&(number as u16).to_be_bytes());
    fill(&mut icmp[ICMP..], number);
    let sum = checksum(icmp);
    icmp[2..4].copy_from_slice(&sum);
    frame
}

/// The number, and what follows from it.
fn fill(data: &mut [u8], number: u64) {
    let words = (0..).map(|place: u64| number.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    data.chunks_mut(8).zip(words).for_each(|(chunk, word)| {
        let length = chunk.len();
        chunk.copy_from_slice(&word.to_le_bytes()[..length]);
    });
}

/// What has come.
#[must_use]
pub fn reply(frame: &[u8]) -> Reply {
    let is_ours = frame.len() >= DATA + 8
        && frame[12..ETHERNET] == [0x08, 0]
        && frame[ETHERNET] == 0x45
        && frame[ETHERNET + 9] == 1
        && frame[ETHERNET + 12..ETHERNET + 16] == GATEWAY
        && frame[ETHERNET + IP] == ECHO_REPLY
        && frame[ETHERNET + IP + 4..ETHERNET + IP + 6] == IDENTIFIER;
    let number = frame.get(DATA..).and_then(|data| data.first_chunk()).filter(|_| is_ours);
    let Some(number) = number.map(|bytes| u64::from_le_bytes(*bytes)) else { return Reply::Other };
    let mut data = [0; REQUEST - DATA];
    fill(&mut data, number);
    if frame[DATA..] == data { Reply::Right(number) } else { Reply::Wrong(number) }
}

/// RFC 1071, of bytes whose own checksum is 0.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// As the gateway answers.
    fn answer(number: u64) -> [u8; REQUEST] {
        let mut frame = frame(MAC, number);
        frame[ETHERNET + 12..ETHERNET + 16].copy_from_slice(&GATEWAY);
        frame[ETHERNET + 16..ETHERNET + 20].copy_from_slice(&HERE);
        frame[ETHERNET + IP] = ECHO_REPLY;
        frame
    }

    #[test]
    fn what_comes_back_is_known() {
        assert_eq!(reply(&frame(MAC, 7)), Reply::Other);
        let mut back = answer(0x1_0000_0007);
        assert_eq!(reply(&back), Reply::Right(0x1_0000_0007));
        assert_eq!(reply(&back[..100]), Reply::Wrong(0x1_0000_0007));
        assert_eq!(reply(&back[..40]), Reply::Other);
        back[300] ^= 1;
        assert_eq!(reply(&back), Reply::Wrong(0x1_0000_0007));
    }

    #[test]
    fn sums_come_out() {
        // The example of RFC 1071, section 3.
        assert_eq!(checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), [0x22, 0x0d]);
        let frame = frame(MAC, 9);
        assert_eq!(checksum(&frame[ETHERNET..ETHERNET + IP]), [0, 0]);
        assert_eq!(checksum(&frame[ETHERNET + IP..]), [0, 0]);
    }
}
