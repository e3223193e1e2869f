//! UDP (RFC 768): whose a datagram is, and a header for one. Sending to somebody needs no connection.

mod demux;

use smoltcp::wire::IpProtocol;

pub use anax_tcp::Endpoint;
pub use demux::{Demux, InUse, Local};

use crate::frame::pseudo_sum;

/// Bytes of a header.
pub const HEADER: usize = 8;
/// Bytes of the longest datagram without its header.
pub const MOST: usize = 0xffff - HEADER - 20;

/// Who computes a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumBy {
    /// Here, from the payload's [sum](crate::Bytes::sum).
    Us(u16),
    /// The card, which is given the pseudo-header's.
    Card,
}

/// The header of a datagram with `length` bytes of payload, at most [`MOST`].
#[must_use]
pub fn header(from: Endpoint, to: Endpoint, length: usize, sum_by: SumBy) -> [u8; HEADER] {
    let all = (HEADER + length).min(0xffff) as u16;
    let pseudo = pseudo_sum(from.address, to.address, IpProtocol::Udp, all.into());
    let mut bytes = [0; HEADER];
    for (at, word) in [from.port, to.port, all].into_iter().enumerate() {
        bytes[2 * at..2 * at + 2].copy_from_slice(&word.to_be_bytes());
    }
    let field = match sum_by {
        SumBy::Card => pseudo,
        SumBy::Us(payload) => {
            let mut sum = crate::Sum::default();
            sum.add(&bytes);
            sum.word(pseudo);
            sum.word(payload);
            // 0 means that there is none.
            match !sum.folded() {
                0 => 0xffff,
                field => field,
            }
        }
    };
    bytes[6..].copy_from_slice(&field.to_be_bytes());
    bytes
}
