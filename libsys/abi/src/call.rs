//! The trap: which register carries what, and the few operations there are. All else is a message.
//!
//! | register | on the way in | on the way out |
//! |---|---|---|
//! | `rax` | [`Operation`] (bits 0-31), command (bits 32-63) | result: not negative, or an [`Error`](crate::Error)'s code |
//! | `rdi` | handle | number of the message received ([`MessageNumber`]), 0 for a reply |
//! | `rsi` `rdx` `r10` `r8` `r9` | five words | five words |
//! | `r12` | number of the message answered or aborted, or the token to send | badge of a request, token of a reply |
//! | `r13` | [`Flags`](crate::Flags) (bits 0-15), or [`Along`] | [`Envelope`] of what was received |
//! | `r14` | result to reply with, or the reply port's handle | result of a reply, occurrences of a notice |
//! | `r15` | deadline in nanoseconds since boot, 0 for none; or the handle that goes along | the one handle that came along, see [`Envelope::handles`] |
//!
//! `rcx` and `r11` are the processor's, vector registers come back cleared or as they were, all others are kept. [`Operation::Call`] uses the
//! first three rows only and keeps `r12` to `r15`; so do [`Operation::CallUntil`] and [`Operation::CallWith`] of an object of the kernel's,
//! which takes no deadline, flags or handles beside it.

use crate::{Flags, Rights};

macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident: $base:literal; $($(#[doc = $doc:literal])+ $variant:ident = $value:literal,)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant = $base + $value,)+
        }

        impl $name {
            /// The one with that number.
            #[inline]
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number.wrapping_sub($base) {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// What a trap does: the paper's Table II, and how handles go along.
    Operation: 0;
    /// `domsg`: sends to the object behind the handle and waits for its reply, which is what comes out.
    Call = 0,
    /// `domsg` with flags, a deadline, and the handles offered before.
    CallUntil = 1,
    /// `sendmsg`: sends and goes on; `r12` is the token, `r14` the reply port, owned by the calling thread. The result is the
    /// message's number, for [`Operation::Abort`] and [`Operation::WaitFor`]. The reply is always found at the reply port.
    Send = 2,
    /// `replymsg`: answers message `r12` with result `r14` and the words.
    Reply = 3,
    /// `replymsg`, then `waitport` on port `rdi`. With `r12` = 0 nothing is answered.
    ReplyWait = 4,
    /// `waitport`: the next message of port `rdi`, priority ones first.
    Wait = 5,
    /// `getport`: the same without waiting; [`Error::WouldBlock`](crate::Error::WouldBlock) if there is none.
    Get = 6,
    /// `waitmsg`: waits at port `rdi` for the reply to message `r12` and no other.
    WaitFor = 7,
    /// `forwardmsg`: passes message `r12`, command and words as given now, on to port `rdi`. Its sender and reply port stay.
    Forward = 8,
    /// `abortmsg`: asks whoever has message `r12`, sent with [`Flags::ABORTABLE`] from reply port `rdi`, to end it early.
    Abort = 9,
    /// Puts handle `rdi` on the list of those that the calling thread's next message takes along. Word 0: the rights that
    /// arrive. Word 1: 0 to keep a copy, 1 to give it away. Handle word 0 empties the list.
    Offer = 10,
    /// The handles that came with the message which this thread received last, in the words; 0 for none.
    Collect = 11,
    /// `domsg` with flags and handle `r15` beside it, in the way that `r13` says ([`Along`]); the shortest way for one handle.
    CallWith = 12,
    /// `replymsg` with handle `r15` beside it, in the way that `r13` says, then `waitport` on port `rdi`.
    ReplyWaitWith = 13,
    /// [`ChannelCommand::Ring`](crate::object::ChannelCommand::Ring) of the channel end `rdi`, the shortest way. Words are kept.
    Ring = 14,
    /// Many messages by one trap: those in a ring of slots laid out as [`Message`](crate::Message), with the target's handle as `result`.
    /// Words: address of the first slot, a multiple of 64; slots, a power of two up to 65,536; position of the first message, how many
    /// there are; a reply port for messages to ports, or 0. Each is served in order as by [`Operation::Call`] of an object of the kernel's,
    /// or sent as by [`Operation::Send`] to a port, and its slot gets result and words. The result is how many were: it ends before
    /// one for which the thread would have to wait, and after 64.
    Drain = 15,
}

/// How a handle goes along with [`Operation::CallWith`] and [`Operation::ReplyWaitWith`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Along(pub u64);

impl Along {
    /// The sender loses its handle once the message is accepted; without this bit it keeps it.
    pub const GIVEN: u64 = 1 << 32;

    /// A copy of the handle, or the handle itself with [`Along::given`], arrives with at most these rights.
    #[inline]
    #[must_use]
    pub const fn copied(flags: Flags, rights: Rights) -> Self {
        Self(flags.0 as u64 | (rights.0 as u64) << 16)
    }

    /// As [`Along::copied`], but the sender loses it.
    #[inline]
    #[must_use]
    pub const fn given(flags: Flags, rights: Rights) -> Self {
        Self(Self::copied(flags, rights).0 | Self::GIVEN)
    }

    /// How the message is handled.
    #[inline]
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags(self.0 as u16)
    }

    /// The rights that arrive, at most.
    #[inline]
    #[must_use]
    pub const fn rights(self) -> Rights {
        Rights((self.0 >> 16) as u16)
    }

    /// Whether the sender loses its handle.
    #[inline]
    #[must_use]
    pub const fn is_given(self) -> bool {
        self.0 & Self::GIVEN != 0
    }
}

/// Names a message from its sending to its reply, to the sender and to whoever holds it. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MessageNumber(u64);

impl MessageNumber {
    /// The `generation`th use of message object `index`. Only the kernel makes numbers that mean something.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Self {
        Self(((generation & (u32::MAX >> 1)) as u64) << 32 | index as u64)
    }

    /// From a register.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// For a register.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.0
    }

    /// The message object.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 as u32
    }

    /// Its use, 31 bits.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// What comes beside a received message's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Envelope(pub u64);

impl Envelope {
    /// Puts it together.
    #[inline]
    #[must_use]
    pub const fn new(command: u32, flags: Flags, handles: u8) -> Self {
        Self(command as u64 | (flags.0 as u64) << 32 | (handles as u64) << 48)
    }

    /// What is asked.
    #[must_use]
    pub const fn command(self) -> u32 {
        self.0 as u32
    }

    /// How it was sent; [`Flags::REPLY`] marks a reply.
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags((self.0 >> 32) as u16)
    }

    /// Handles that came along. If it is one, `r15` has it unless it is 0; else they are there for [`Operation::Collect`].
    #[must_use]
    pub const fn handles(self) -> u8 {
        (self.0 >> 48) as u8
    }
}
