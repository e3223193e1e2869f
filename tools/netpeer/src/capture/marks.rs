//! Echo requests as marks: what happens somewhere between two of them is found in a capture, whichever clock its host has.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Captured;

/// When so long an echo request has passed, since the capture's first frame; the first one, if there are several.
#[must_use]
pub fn mark(frames: &[Captured], from: Ipv4Addr, length: usize) -> Option<Duration> {
    let begin = frames.first()?.at;
    let found = frames.iter().find(|frame| echo_request(&frame.bytes, from) == Some(length));
    found.map(|frame| frame.at.saturating_sub(begin))
}

/// How many bytes an echo request of that host has behind its header, if it is one.
fn echo_request(frame: &[u8], from: Ipv4Addr) -> Option<usize> {
    let packet = frame.get(14..)?;
    let header = usize::from(*packet.first()? & 15) * 4;
    let total = usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk()?));
    let is_one = frame[12..14] == [8, 0]
        && packet.get(9) == Some(&1)
        && packet.get(12..16) == Some(&from.octets()[..])
        && packet.get(header) == Some(&8);
    if is_one { total.checked_sub(header + 8) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn request(at: u64, kind: u8, length: u8) -> Captured {
        let mut bytes = vec![0; 14 + 20 + 8 + usize::from(length)];
        bytes[12] = 8;
        bytes[14] = 0x45;
        bytes[17] = 28 + length;
        bytes[23] = 1;
        bytes[26..30].copy_from_slice(&GUEST.octets());
        bytes[34] = kind;
        Captured { at: Duration::from_secs(at), bytes }
    }

    #[test]
    fn the_first_request_of_that_length() {
        let frames = [request(10, 8, 50), request(11, 0, 60), request(12, 8, 60), request(13, 8, 60)];
        assert_eq!(mark(&frames, GUEST, 60), Some(Duration::from_secs(2)));
        assert_eq!(mark(&frames, GUEST, 61), None);
        assert_eq!(mark(&frames, Ipv4Addr::LOCALHOST, 60), None);
        assert_eq!(mark(&[], GUEST, 60), None);
        let cut: Vec<_> = (0..frames[0].bytes.len()).map(|end| frames[0].bytes[..end].to_vec()).collect();
        let cut: Vec<_> = cut.into_iter().map(|bytes| Captured { at: Duration::ZERO, bytes }).collect();
        assert_eq!(mark(&cut, GUEST, 61), None);
    }
}
