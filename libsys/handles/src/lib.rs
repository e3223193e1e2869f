//! Capability tables: what handles stand for. The kernel keeps one for each space; a server can keep one for what it hands out to
//! its clients, over objects of its own.
//!
//! A [`Handle`](anax_abi::Handle) is an index and the generation of the slot's use; the slot holds the object, the object's
//! generation when the handle was made, and the rights. The table's home CPU alone changes it; every other CPU looks handles
//! up without a lock, and sees either one consistent entry or none ([`Slot`]).
//!
//! - **Revocation** moves the object's generation on, at the object's home. Each look-up compares, so all handles to it are
//!   dead at that moment, in all tables; [`Table::sweep`] clears them away later, a bounded number at a time.
//! - **Passing on** takes up to four handles from one table to another, all or none. Receivers post slots in advance
//!   ([`Table::post`]); the sender claims them from its own CPU before it takes anything out, so the arrival cannot fail and
//!   a sender without claim has lost nothing (`NoSlot`). See [`Table::pack`] and [`Table::unpack`].
//! - **Quota**: used and posted slots together never exceed the table's limit.

#![cfg_attr(not(loom), no_std)]
#![forbid(unsafe_code)]

mod life;
mod outbox;
mod slot;
mod table;
mod transfer;

pub use life::Life;
pub use outbox::Outbox;
pub use slot::{HEAD, OBJECT, OBJECT_GENERATION, Slot, USED, slots};
pub use table::{Swept, Table, look_up};
pub use transfer::{Offer, Parcel, Received, Transfer};

use anax_abi::Rights;

/// A reference to a kernel object as the table stores it: one word. What it names has to outlive the quiescent point
/// after its generation moved, since another CPU may have just looked it up.
pub trait Object: Copy {
    /// As a word.
    fn to_word(self) -> u64;
    /// From a word that [`Object::to_word`] gave.
    fn from_word(word: u64) -> Self;
}

impl Object for u64 {
    fn to_word(self) -> u64 {
        self
    }

    fn from_word(word: u64) -> Self {
        word
    }
}

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability<T> {
    /// The object.
    pub object: T,
    /// The generation that the object had when the handle was made.
    pub generation: u32,
    /// What is allowed.
    pub rights: Rights,
    /// What messages sent by it carry, for the receiver to know the sender by; 0 for none.
    pub badge: u32,
}
