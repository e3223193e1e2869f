//! A message in a slot: eight words.

use anax_abi::{Flags, MAX_HANDLES, Message};

use crate::block::Slot;
use crate::sync::Ordering;

/// Where the handle count begins in the first word; the byte above it is reserved.
const HANDLES_SHIFT: u32 = 48;

/// Copies a message into a slot, under the name `token`.
///
/// Relaxed: publishing the position orders it.
#[inline]
pub(crate) fn store(slot: &Slot, message: &Message, token: u64, flags: Flags) {
    let head =
        u64::from(message.command) | u64::from(flags.0) << 32 | u64::from(message.handles) << HANDLES_SHIFT;
    let [first, result, name, words @ ..] = slot;
    first.store(head, Ordering::Relaxed);
    result.store(message.result.cast_unsigned(), Ordering::Relaxed);
    name.store(token, Ordering::Relaxed);
    for (word, value) in words.iter().zip(message.words) {
        word.store(value, Ordering::Relaxed);
    }
}

/// Copies a message out of a slot, each word once; nothing if it is none.
#[inline]
pub(crate) fn load(slot: &Slot) -> Option<Message> {
    let [first, result, name, words @ ..] = slot;
    let head = first.load(Ordering::Relaxed);
    // Above the handle count is the reserved byte: with anything in it, this is too large as well.
    if head >> HANDLES_SHIFT > MAX_HANDLES as u64 && !cfg!(bite = "ring-message-unchecked") {
        return None;
    }
    Some(Message {
        command: head as u32,
        flags: Flags((head >> 32) as u16),
        handles: (head >> HANDLES_SHIFT) as u8,
        reserved: 0,
        result: result.load(Ordering::Relaxed).cast_signed(),
        token: name.load(Ordering::Relaxed),
        words: words.each_ref().map(|word| word.load(Ordering::Relaxed)),
    })
}
