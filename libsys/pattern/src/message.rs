//! What stands at the beginning and at the end of such a stream.

/// How a request begins.
pub const MAGIC: [u8; 8] = *b"ANAXPAT1";

/// What a client asks for, before its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The stream's number, which the client chooses.
    pub stream: u64,
    /// How many bytes the guest is to receive.
    pub to_guest: u64,
    /// How many bytes the guest is to send.
    pub from_guest: u64,
}

/// Somebody speaks another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARequest;

impl Request {
    /// Its length.
    pub const BYTES: usize = 32;

    /// As it is sent: the magic, and the fields in order, little-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let fields = [u64::from_le_bytes(MAGIC), self.stream, self.to_guest, self.from_guest];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// Reads one. Any numbers are allowed: whoever serves decides how much is too much.
    ///
    /// # Errors
    /// If it does not begin with [`MAGIC`].
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Result<Self, NotARequest> {
        let [magic, stream, to_guest, from_guest] = words(bytes);
        if magic.to_le_bytes() != MAGIC {
            return Err(NotARequest);
        }
        Ok(Self { stream, to_guest, from_guest })
    }
}

/// What a stream's receiver has seen; the guest sends it after all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many bytes have come.
    pub received: u64,
    /// The position of the first that was wrong.
    pub first_wrong: Option<u64>,
}

impl Report {
    /// Its length.
    pub const BYTES: usize = 16;

    /// As it is sent: how many, and the position of the first wrong one plus 1, or 0, little-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let wrong = self.first_wrong.map_or(0, |position| position.saturating_add(1));
        bytes[..8].copy_from_slice(&self.received.to_le_bytes());
        bytes[8..].copy_from_slice(&wrong.to_le_bytes());
        bytes
    }

    /// Reads one.
    #[must_use]
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Self {
        let [received, wrong] = words(bytes);
        Self { received, first_wrong: wrong.checked_sub(1) }
    }
}

fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u64; WORDS] {
    let (chunks, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|at| chunks.get(at).copied().map_or(0, u64::from_le_bytes))
}
