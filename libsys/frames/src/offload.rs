//! What a card can do with a frame beside moving it: checksums, and cutting a long frame into segments.
//!
//! Whoever builds frames says it in the same words whatever the card. What cards do differently is one thing, which [`Offers`] tells.

use crate::{Coalescing, MAX_FRAME, MIN_FRAME};

/// Bytes of the longest frame that is to be cut: what an internet header's length can say, behind a link header with a tag.
pub const MAX_CUT: usize = 18 + 0xffff;

/// Which internet protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internet {
    /// Version 4. Its header's checksum is the caller's business.
    V4,
    /// Version 6, which has none.
    V6,
}

/// Which checksum is inserted. The field holds the sum over the pseudo-header, not complemented.
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

impl Offload {
    /// For a request's word. 0 is no offload.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        let (version, protocol) = (self.internet as u64, self.transport as u64);
        let (header, mss) = match self.segmentation {
            Some(cut) => (cut.header as u64, cut.mss as u64),
            None => (0, 0),
        };
        let places = (self.internet_at as u64) << 8 | (self.transport_at as u64) << 16;
        1 | version << 1 | protocol << 2 | places | header << 24 | mss << 32
    }

    /// From a request's word; no offload for 0.
    ///
    /// # Errors
    /// It says what no offload is.
    pub const fn from_word(word: u64) -> Result<Option<Self>, NoOffload> {
        if word == 0 {
            return Ok(None);
        }
        let [bits, internet_at, transport_at, header, low, high, ..] = word.to_le_bytes();
        let mss = u16::from_le_bytes([low, high]);
        let offload = Self {
            internet: if bits & 2 == 0 { Internet::V4 } else { Internet::V6 },
            internet_at,
            transport: if bits & 4 == 0 { Transport::Tcp } else { Transport::Udp },
            transport_at,
            segmentation: if mss == 0 { None } else { Some(Segmentation { header, mss }) },
        };
        // There is one word for each.
        if offload.to_word() == word { Ok(Some(offload)) } else { Err(NoOffload) }
    }

    /// Bytes that a frame with this offload, or none, can have.
    #[must_use]
    pub fn lengths(offload: Option<Self>) -> core::ops::RangeInclusive<usize> {
        let is_cut = offload.is_some_and(|offload| offload.segmentation.is_some());
        MIN_FRAME..=if is_cut { MAX_CUT } else { MAX_FRAME }
    }

    /// Where the checksum is, in bytes from the beginning of the transport header.
    #[must_use]
    pub const fn sum_at(&self) -> u8 {
        match self.transport {
            Transport::Tcp => 16,
            Transport::Udp => 6,
        }
    }
}

/// A word that is no offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOffload;

/// What stands in the headers of a frame that is to be cut, for lengths in the internet header and in the sum over the pseudo-header, and for IPv4's
/// own checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// What is right for the frame as it is.
    Whole = 1,
    /// 0, since each segment has another.
    Zero = 2,
}

/// What a card offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// To insert checksums.
    pub checksum: bool,
    /// To cut frames of TCP over IPv4, which have to be so.
    pub cut_v4: Option<Lengths>,
    /// The same over IPv6.
    pub cut_v6: Option<Lengths>,
    /// To put received frames together, for a client that takes them.
    pub coalesced: Coalescing,
}

impl Offers {
    /// Whether the card does that.
    #[must_use]
    pub fn include(&self, offload: &Offload) -> bool {
        self.checksum && (offload.segmentation.is_none() || self.cut(offload.internet).is_some())
    }

    /// Whether it cuts frames of TCP at all.
    #[must_use]
    pub const fn cuts(&self) -> bool {
        self.cut_v4.is_some() || self.cut_v6.is_some()
    }

    /// Whether it cuts frames of TCP over that protocol, and how they have to be.
    #[must_use]
    pub const fn cut(&self, internet: Internet) -> Option<Lengths> {
        match internet {
            Internet::V4 => self.cut_v4,
            Internet::V6 => self.cut_v6,
        }
    }

    pub(crate) const fn to_word(self) -> u64 {
        let cut = Lengths::to_bits(self.cut_v4) << 8 | Lengths::to_bits(self.cut_v6) << 16;
        self.checksum as u64 | cut | self.coalesced.to_word() << 24
    }

    /// Any word is something, if perhaps not true.
    pub(crate) const fn from_word(word: u64) -> Self {
        let [bits, cut_v4, cut_v6, coalesced, ..] = word.to_le_bytes();
        let (cut_v4, cut_v6) = (Lengths::from_bits(cut_v4), Lengths::from_bits(cut_v6));
        let coalesced = Coalescing::from_word(coalesced as u64);
        Self { checksum: bits & 1 != 0, cut_v4, cut_v6, coalesced }
    }
}

impl Lengths {
    const fn to_bits(lengths: Option<Self>) -> u64 {
        match lengths {
            None => 0,
            Some(lengths) => lengths as u64,
        }
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1 => Some(Self::Whole),
            2 => Some(Self::Zero),
            _ => None,
        }
    }
}

/// What a card thinks of a checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It has not looked.
    #[default]
    Unknown,
    /// Right, or of a frame that has never been on a wire, which has no sum yet.
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

impl Checked {
    pub(crate) const fn to_word(self) -> u64 {
        self.internet as u64 | (self.transport as u64) << 8
    }

    /// Any word is something, if perhaps not true.
    pub(crate) const fn from_word(word: u64) -> Self {
        Self { internet: Verdict::from_bits(word), transport: Verdict::from_bits(word >> 8) }
    }
}

impl Verdict {
    const fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            1 => Self::Good,
            2 => Self::Bad,
            _ => Self::Unknown,
        }
    }
}
