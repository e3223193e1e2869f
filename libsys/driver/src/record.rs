//! The record of a planned change of drivers: what the one that stops leaves for the one that goes on.
//!
//! It lies in memory that the supervisor gives to both, so a successor believes nothing of it: each word is copied once, then parsed, and
//! what it says is checked against the channel and the device by whoever goes on. It is used once: whoever has taken over clears it.
//!
//! | words | what |
//! |---|---|
//! | 0, 1 | magic; version and, above it, kind of driver |
//! | 2, 3 | the card's name, padded with zeros |
//! | 4, 5 | where the channel stands |
//! | 6, 7 | how many things are in flight; zero |
//! | 8-15 | counters |
//! | 16-23 | what the kind of card says besides |
//! | 24- | in flight, oldest first, five words each: token; epoch and, above it, length; offset; place and, above it, flow; what is to be done with it |

use anax_ring::{SharedBytes, Suspended, TicketWords};
use arrayvec::ArrayVec;

use crate::counters::{self, Counters};
use crate::refusal::Refusal;

/// Bytes of the memory for it.
pub const STATE_BYTES: usize = 16 * 1024;
/// The most that can be in flight, in all directions: as many as a driver's channel has slots.
pub const MAX_IN_FLIGHT: usize = 128;
/// Words that a kind of card has for itself.
pub const CARD_WORDS: usize = 8;

const MAGIC: u64 = u64::from_le_bytes(*b"AnaxSwap");
const VERSION: u32 = 2;

const NAME_AT: usize = 2;
const CHANNEL_AT: usize = 4;
const COUNT_AT: usize = 6;
const COUNTERS_AT: usize = 8;
const CARD_AT: usize = COUNTERS_AT + counters::WORDS;
const HEAD_WORDS: usize = CARD_AT + CARD_WORDS;
/// Words of each thing in flight.
const EACH: usize = 5;

const _: () = assert!((HEAD_WORDS + MAX_IN_FLIGHT * EACH) * size_of::<u64>() <= STATE_BYTES);

/// What a driver serves its client with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Frames of a network card.
    Frames = 1,
    /// Blocks of a disk.
    Blocks = 2,
}

/// Which card's structures the record tells of. Drivers of one name take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name([u8; Self::BYTES]);

impl Name {
    const BYTES: usize = 16;

    /// Of at most 16 bytes; what is longer does not compile as a constant.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let name = name.as_bytes();
        assert!(name.len() <= Self::BYTES, "a card's name has at most 16 bytes");
        let (mut bytes, mut place) = ([0; Self::BYTES], 0);
        while place < name.len() {
            bytes[place] = name[place];
            place += 1;
        }
        Self(bytes)
    }

    const fn to_words(self) -> [u64; 2] {
        let all = u128::from_le_bytes(self.0);
        [all as u64, (all >> 64) as u64]
    }

    const fn from_words([low, high]: [u64; 2]) -> Self {
        Self(((high as u128) << 64 | low as u128).to_le_bytes())
    }
}

/// Which way something in flight goes, and whether the device has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The device has an empty buffer to fill.
    In = 1,
    /// The device has something to send.
    Out = 2,
    /// To be sent, and the device had no room for it.
    Held = 3,
}

/// A part of the client's pool that was lent and not given back. Plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// What is to be answered.
    pub ticket: TicketWords,
    /// Which way it goes.
    pub flow: Flow,
    /// Its place in the device's queue, of a device that has places.
    pub place: u16,
    /// Bytes from the pool's beginning.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
    /// What is to be done with it, in the words of this kind of channel; 0 is nothing special.
    pub detail: u64,
}

/// What a successor has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the driver serves.
    pub kind: Kind,
    /// By which card.
    pub card: Name,
    /// Where the channel stands.
    pub channel: Suspended,
    /// What was counted.
    pub counters: Counters,
    /// What this kind of card says besides.
    pub words: [u64; CARD_WORDS],
    /// All that is in flight, oldest first of each flow.
    pub in_flight: ArrayVec<InFlight, MAX_IN_FLIGHT>,
}

impl Record {
    /// Writes it, whatever stood there.
    ///
    /// # Errors
    /// [`Refusal::State`] if there is too little memory.
    pub fn write(&self, to: SharedBytes<'_>) -> Result<(), Refusal> {
        Self::clear(to)?;
        let put = |at: usize, words: &[u64]| {
            let mut places = (at..).zip(words);
            places.try_for_each(|(at, word)| to.write_u64(at * size_of::<u64>(), *word))
        };
        let written = put(1, &[(self.kind as u64) << 32 | u64::from(VERSION)])
            .and_then(|()| put(NAME_AT, &self.card.to_words()))
            .and_then(|()| put(CHANNEL_AT, &self.channel.to_words()))
            .and_then(|()| put(COUNT_AT, &[self.in_flight.len() as u64, 0]))
            .and_then(|()| put(COUNTERS_AT, &self.counters.to_words()))
            .and_then(|()| put(CARD_AT, &self.words))
            .and_then(|()| {
                let mut all = (HEAD_WORDS..).step_by(EACH).zip(&self.in_flight);
                all.try_for_each(|(at, one)| put(at, &one.to_words()))
            })
            // Last: a driver that dies while it writes leaves no record.
            .and_then(|()| put(0, &[MAGIC]));
        written.map_err(|_| Refusal::State)
    }

    /// Reads one that somebody else wrote, each word once. Foreign all the same.
    ///
    /// # Errors
    /// [`Refusal`]: there is none, or it is none that this program understands.
    pub fn read(from: SharedBytes<'_>) -> Result<Self, Refusal> {
        let word = |at: usize| from.read_u64(at * size_of::<u64>()).map_err(|_| Refusal::State);
        if word(0)? != MAGIC {
            return Err(Refusal::NoRecord);
        }
        let version = word(1)?;
        if version as u32 != VERSION {
            return Err(Refusal::Version);
        }
        let kind = match version >> 32 {
            1 => Kind::Frames,
            2 => Kind::Blocks,
            _ => return Err(Refusal::Kind),
        };
        let card = Name::from_words([word(NAME_AT)?, word(NAME_AT + 1)?]);
        let channel = Suspended::from_words([word(CHANNEL_AT)?, word(CHANNEL_AT + 1)?]);
        let count = usize::try_from(word(COUNT_AT)?).map_err(|_| Refusal::InFlight)?;
        if count > MAX_IN_FLIGHT || word(COUNT_AT + 1)? != 0 {
            return Err(Refusal::InFlight);
        }
        let mut counts = [0; counters::WORDS];
        for (at, place) in (COUNTERS_AT..).zip(&mut counts) {
            *place = word(at)?;
        }
        let mut words = [0; CARD_WORDS];
        for (at, place) in (CARD_AT..).zip(&mut words) {
            *place = word(at)?;
        }
        let mut in_flight = ArrayVec::new();
        for at in (HEAD_WORDS..).step_by(EACH).take(count) {
            let one = [word(at)?, word(at + 1)?, word(at + 2)?, word(at + 3)?, word(at + 4)?];
            in_flight.push(InFlight::from_words(one).ok_or(Refusal::InFlight)?);
        }
        let channel = channel.ok_or(Refusal::Channel)?;
        Ok(Self { kind, card, channel, counters: Counters::from_words(counts), words, in_flight })
    }

    /// From here on there is no record.
    ///
    /// # Errors
    /// [`Refusal::State`] if there is no memory.
    pub fn clear(to: SharedBytes<'_>) -> Result<(), Refusal> {
        to.write_u64(0, 0).map_err(|_| Refusal::State)
    }

    /// Whether no two things in flight share a byte of the pool. A client may lend a buffer twice, to its own loss; but that can't be
    /// told from a record that lies, and two owners of a buffer are worse than a change of drivers that has to wait.
    #[must_use]
    pub fn is_disjoint(&self) -> bool {
        let ends = |one: &InFlight| (one.offset, one.offset.saturating_add(one.length.into()));
        let overlap = |one: &InFlight, other: &InFlight| {
            let ((begin, end), (other_begin, other_end)) = (ends(one), ends(other));
            begin < other_end && other_begin < end
        };
        let all = || self.in_flight.iter().enumerate();
        all().all(|(place, one)| !self.in_flight.iter().take(place).any(|other| overlap(one, other)))
    }
}

impl InFlight {
    const fn to_words(self) -> [u64; EACH] {
        let Self { ticket, flow, place, offset, length, detail } = self;
        let owed = (length as u64) << 32 | ticket.epoch() as u64;
        [ticket.token(), owed, offset, (flow as u64) << 16 | place as u64, detail]
    }

    const fn from_words([token, owed, offset, place, detail]: [u64; EACH]) -> Option<Self> {
        let flow = match place >> 16 {
            1 => Flow::In,
            2 => Flow::Out,
            3 => Flow::Held,
            _ => return None,
        };
        let ticket = TicketWords::new(token, owed as u32);
        Some(Self { ticket, flow, place: place as u16, offset, length: (owed >> 32) as u32, detail })
    }
}
