//! One request that nobody sane would send.

use anax_abi::WORDS;
use anax_abi::object::notice;
use anax_proto::{CONNECT, FIRST_METHOD, Format, Method, Request};

use crate::dice::Dice;

/// Bytes of the longest arguments that are tried.
pub const BYTES: usize = 192;
/// Bytes of a name.
const NAME: usize = 24;

/// Command and arguments, of which some look like what the interface expects.
#[derive(Clone, Debug)]
pub struct Wild {
    /// What is asked.
    pub command: u32,
    /// How it says that its arguments travel.
    pub format: Format,
    /// The words of a request of fixed layout.
    pub words: [u64; WORDS],
    /// The bytes of the other kind, of which `length` count.
    pub bytes: [u8; BYTES],
    /// At most [`BYTES`].
    pub length: usize,
}

impl Wild {
    /// The next one, of an interface with these methods. Some of the names in it are of the `vocabulary`, at least one.
    #[must_use]
    pub fn roll(dice: &mut Dice, methods: &[Method], vocabulary: &[&str]) -> Self {
        let mut bytes = [0; BYTES];
        bytes.fill_with(|| dice.byte());
        // As often as not, as many as two names take.
        let length = if dice.once_in(2) { 2 * NAME } else { dice.below(BYTES as u64) as usize };
        let mut words = [(); WORDS].map(|()| dice.word());
        // Names that mean something, where a name may stand: at the beginning, and behind another.
        let mut known = [[0; NAME]; 2];
        for name in &mut known {
            let text = dice.one_of(vocabulary).as_bytes();
            let count = text.len().min(NAME);
            name[..count].copy_from_slice(&text[..count]);
        }
        if !dice.once_in(4) {
            bytes[..2 * NAME].copy_from_slice(known.as_flattened());
            let place = dice.below(3) as usize;
            for (word, chunk) in words.iter_mut().skip(place).zip(known[0].as_chunks().0) {
                *word = u64::from_le_bytes(*chunk);
            }
        }
        let command = match dice.below(16) {
            0 => CONNECT,
            // A notice, which is the kernel's to send.
            1 if dice.once_in(2) => notice::TIMER + dice.below(8) as u32,
            1 => dice.roll() as u32,
            _ => FIRST_METHOD + dice.below(methods.len() as u64 + 1) as u32,
        };
        let is_control =
            methods.iter().any(|method| method.command == command && method.format == Format::Control);
        if command >= notice::TIMER {
            // A status, and the number of one of the first threads, of whose end it tells.
            words[1] = dice.below(64);
        }
        let format = if is_control && !dice.once_in(8) { Format::Control } else { Format::Fixed };
        Self { command, format, words, bytes, length }
    }

    /// As a server's dispatcher sees it.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        match self.format {
            Format::Control => Request::control(self.command, &self.bytes[..self.length]),
            Format::Fixed => Request::fixed(self.command, self.words),
        }
    }
}
