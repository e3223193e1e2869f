//! Packets, checksums and segmentation in software, as RFC 1071, RFC 791 and the manual's 3.5 have them: what the device has to make of a frame.

/// The ones' complement sum of big-endian words (RFC 1071).
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum = words.fold(0_u64, |sum, word| sum + u64::from(word));
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// The sum over an IPv4 packet's pseudo-header.
fn pseudo(ip: &[u8], length: u16) -> u16 {
    let head = [&ip[12..20], &[0, ip[9]], &length.to_be_bytes()].concat();
    sum(&head)
}

/// A frame of IPv4 with TCP (6) or UDP (17). The transport's checksum is what the device wants to find: the pseudo-header's sum, without the
/// length if the frame is to be cut. IPv4's own is right, or 0 if the frame is to be cut.
pub(crate) fn packet(protocol: u8, payload: usize, is_cut: bool) -> Vec<u8> {
    let header = if protocol == 6 { 20 } else { 8 };
    let mut frame = vec![0; 14 + 20 + header];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    let total = 20 + header + payload;
    let ip = &mut frame[14..34];
    ip[0] = 0x45;
    put(ip, 2, if is_cut { 0 } else { total as u16 });
    put(ip, 4, 0x1234);
    (ip[8], ip[9]) = (64, protocol);
    ip[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    if !is_cut {
        let value = !sum(ip);
        put(ip, 10, value);
    }
    let seed = pseudo(ip, if is_cut { 0 } else { (header + payload) as u16 });
    let transport = &mut frame[34..];
    put(transport, 0, 5001);
    put(transport, 2, 80);
    if protocol == 6 {
        transport[4..8].copy_from_slice(&0xffff_f000_u32.to_be_bytes());
        // ACK, PSH, FIN.
        (transport[12], transport[13]) = (0x50, 0x19);
        put(transport, 16, seed);
    } else {
        put(transport, 4, (8 + payload) as u16);
        put(transport, 6, seed);
    }
    frame.extend((0..payload).map(|at| (at * 7 + at / 251) as u8));
    frame
}

/// Checks lengths and checksums of a finished frame, and returns IPv4's identification, TCP's sequence number and flags, and the payload.
pub(crate) fn judge(frame: &[u8]) -> (u16, u32, u8, Vec<u8>) {
    let ip = &frame[14..34];
    assert_eq!(sum(ip), 0xffff, "IPv4's checksum");
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    assert_eq!(total, frame.len() - 14, "IPv4's length");
    let transport = &frame[34..];
    let whole = u32::from(pseudo(ip, transport.len() as u16)) + u32::from(sum(transport));
    assert_eq!((whole >> 16) + (whole & 0xffff), 0xffff, "the transport's checksum");
    let header = if ip[9] == 6 { 20 } else { 8 };
    let sequence = u32::from_be_bytes(transport[4..8].try_into().expect("four bytes"));
    (
        u16::from_be_bytes([ip[4], ip[5]]),
        sequence,
        transport.get(13).copied().unwrap_or(0),
        transport[header..].to_vec(),
    )
}

/// What the device puts on the wire: by the options IXSM, TXSM, TSE (bits 0, 1, 2) and the context's words.
pub(crate) fn cut(frame: Vec<u8>, options: u64, [ranges, word]: [u64; 2]) -> Vec<Vec<u8>> {
    let finish = |frame: &mut Vec<u8>| {
        let range = |shift: u64| {
            let (start, at) = ((ranges >> shift & 0xff) as usize, (ranges >> (shift + 8) & 0xff) as usize);
            let end = (ranges >> (shift + 16) & 0xffff) as usize;
            (start, at, if end == 0 { frame.len() } else { end + 1 })
        };
        let (internet, transport) = (range(0), range(32));
        for (wanted, (start, at, end)) in [(options & 1, internet), (options & 2, transport)] {
            if wanted != 0 {
                let value = !sum(&frame[start..end]);
                put(frame, at, value);
            }
        }
    };
    let mut frame = frame;
    if options & 4 == 0 {
        finish(&mut frame);
        return vec![frame];
    }
    let (header, mss) = ((word >> 40 & 0xff) as usize, (word >> 48) as usize);
    assert_eq!((word & 0xf_ffff) as usize, frame.len() - header, "PAYLEN");
    assert_eq!(word >> 24 & 7, 7, "TCP, IPv4, TSE");
    let (internet, transport) = ((ranges & 0xff) as usize, (ranges >> 32 & 0xff) as usize);
    let (head, payload) = frame.split_at(header);
    let count = payload.len().div_ceil(mss);
    let segment = |(number, part): (usize, &[u8])| {
        let mut segment = [head, part].concat();
        let length = (segment.len() - internet) as u16;
        put(&mut segment, internet + 2, length);
        let identification = u16::from_be_bytes([head[internet + 4], head[internet + 5]]);
        put(&mut segment, internet + 4, identification.wrapping_add(number as u16));
        let at = transport + 4;
        let sequence = u32::from_be_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let sequence = sequence.wrapping_add((number * mss) as u32);
        segment[at..at + 4].copy_from_slice(&sequence.to_be_bytes());
        if number + 1 < count {
            // PSH and FIN are the last one's.
            segment[transport + 13] &= !9;
        }
        // The pseudo-header's sum has come without the length.
        let length = (segment.len() - transport) as u16;
        let seed = u16::from_be_bytes([head[transport + 16], head[transport + 17]]);
        let seed = sum(&[seed.to_be_bytes(), length.to_be_bytes()].concat());
        put(&mut segment, transport + 16, seed);
        finish(&mut segment);
        segment
    };
    payload.chunks(mss).enumerate().map(segment).collect()
}
