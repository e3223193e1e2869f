//! What a card can do with a frame beside moving it: checksums, and cutting a long frame into segments. Here, because whoever builds
//! frames says it in the same words whatever the card.

use anax_frames::MAX_FRAME;

/// Which internet protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internet {
    /// Version 4, whose header's checksum is inserted.
    V4,
    /// Version 6, which has none.
    V6,
}

/// Which checksum is inserted. The field holds the sum over the pseudo-header: with the length, or without it for segmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Of TCP, 16 bytes into its header.
    Tcp,
    /// Of UDP, 6 bytes into its header.
    Udp,
}

/// A frame that is to become several: of TCP alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// Bytes of all headers, the link's too, which each segment repeats.
    pub header: u8,
    /// Bytes of payload in each segment but the last.
    pub mss: u16,
}

/// What a card does with a frame on its way out. Offsets are bytes from the frame's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// Protocol of the internet header.
    pub internet: Internet,
    /// Where it begins.
    pub internet_at: u8,
    /// Protocol of the transport header.
    pub transport: Transport,
    /// Where it begins.
    pub transport_at: u8,
    /// Whether it is cut.
    pub segmentation: Option<Segmentation>,
}

impl Offload {
    /// Whether a frame of `length` bytes can be what this says.
    #[must_use]
    pub fn fits(&self, length: u32) -> bool {
        let least = |protocol| if protocol == Transport::Tcp { 20 } else { 8 };
        let (internet, transport) = (u32::from(self.internet_at), u32::from(self.transport_at));
        let header = if self.internet == Internet::V4 { 20 } else { 40 };
        let end = transport + least(self.transport);
        let cut = self.segmentation.is_none_or(|cut| {
            let bytes = u32::from(cut.header);
            // What comes out has to be a frame.
            let longest = bytes + u32::from(cut.mss);
            let sizes = end <= bytes && bytes < length && longest <= MAX_FRAME as u32;
            self.transport == Transport::Tcp && cut.mss > 0 && sizes
        });
        internet >= 14 && internet + header <= transport && end <= length && cut
    }
}

/// What a card thinks of a checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It has not looked.
    #[default]
    Unknown,
    /// Right.
    Good,
    /// Wrong.
    Bad,
}

/// What a card thinks of a received frame's checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Of IPv4's header.
    pub internet: Verdict,
    /// Of TCP or UDP.
    pub transport: Verdict,
}
