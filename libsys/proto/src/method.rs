//! What is known of an interface's methods, and what serves them.

use crate::FIRST_METHOD;
use crate::beside::Beside;
use crate::message::{Caller, Reply, Request};

/// How a method's arguments and result travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// In words.
    Fixed,
    /// As postcard.
    Control,
}

/// A method of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name in the trait.
    pub name: &'static str,
    /// The command that asks for it.
    pub command: u32,
    /// How it travels.
    pub format: Format,
    /// Whether asking twice is as good as asking once.
    pub is_idempotent: bool,
    /// Its documentation in the trait.
    pub documentation: &'static str,
}

/// A server of an interface as what carries messages sees it.
pub trait Dispatch {
    /// What both sides compare when they connect.
    const FINGERPRINT: u64;

    /// The interface's methods, by their commands.
    const METHODS: &'static [Method];

    /// Which of them are [`Format::Control`], a bit each.
    const CONTROL: u64 = control(Self::METHODS);

    /// Whether the command asks for a method that is [`Format::Control`].
    #[inline(always)]
    fn is_control(command: u32) -> bool {
        let place = command.wrapping_sub(FIRST_METHOD);
        place < u64::BITS && Self::CONTROL >> place & 1 != 0
    }

    /// Serves a request, whatever it says. The bytes of a long result are written to `space`, its handles to `beside`.
    fn dispatch(
        &mut self,
        caller: Caller,
        request: &Request<'_>,
        beside: &mut Beside,
        space: &mut [u8],
    ) -> Reply;
}

/// A bit for each method of that format; an interface has at most 64.
const fn control(methods: &[Method]) -> u64 {
    assert!(methods.len() <= u64::BITS as usize, "an interface has at most 64 methods");
    let (mut bits, mut place) = (0, 0);
    while place < methods.len() {
        if matches!(methods[place].format, Format::Control) {
            bits |= 1 << place;
        }
        place += 1;
    }
    bits
}
