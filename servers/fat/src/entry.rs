//! Entries of directories: 32 bytes each. Fatgen103, "FAT 32 Byte Directory Entry Structure" and "Long Directory Entries".

use alloc::string::String;
use alloc::vec::Vec;

use anax_files::Name;

use crate::layout::{Cluster, SLOT_BYTES, half, word};
use crate::name::Short;
use crate::time::Stamp;

/// Bytes of an entry.
pub(crate) type Slot = [u8; SLOT_BYTES];

/// The first byte of an entry that is free, and of one behind which all are.
pub(crate) const FREE: u8 = 0xe5;
pub(crate) const END: u8 = 0;

/// Bits of the attributes.
pub(crate) const READ_ONLY: u8 = 0x01;
pub(crate) const LABEL: u8 = 0x08;
pub(crate) const DIRECTORY: u8 = 0x10;
pub(crate) const ARCHIVE: u8 = 0x20;
const LONG: u8 = 0x0f;

/// The mark of the first slot of a long name, which has its last characters.
const LAST: u8 = 0x40;
/// Units of UTF-16 in a slot, and where.
const UNITS: usize = 13;
const PLACES: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// Slots of the longest name of 255 units.
const MOST_SLOTS: u8 = 20;

/// The entry that says where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record(pub(crate) Slot);

impl Record {
    pub(crate) fn new(name: Short, attributes: u8, stamp: Stamp) -> Self {
        let mut entry = Self([0; SLOT_BYTES]);
        entry.0[..11].copy_from_slice(&name.0);
        entry.0[11] = attributes;
        entry.0[14..18].copy_from_slice(&stamp.0.to_le_bytes());
        entry.0[18..20].copy_from_slice(&((stamp.0 >> 16) as u16).to_le_bytes());
        entry.set_modified(stamp);
        entry
    }

    pub(crate) fn name(&self) -> Short {
        self.0.first_chunk().map_or(Short([b' '; 11]), |name| Short(*name))
    }

    pub(crate) fn set_name(&mut self, name: Short) {
        self.0[..11].copy_from_slice(&name.0);
        // What Windows NT notes of upper and lower case went with the old one.
        self.0[12] = 0;
    }

    pub(crate) const fn case(&self) -> u8 {
        self.0[12]
    }

    pub(crate) const fn attributes(&self) -> u8 {
        self.0[11]
    }

    pub(crate) fn set_attributes(&mut self, attributes: u8) {
        self.0[11] = attributes;
    }

    pub(crate) const fn is_directory(&self) -> bool {
        self.0[11] & DIRECTORY != 0
    }

    /// The first cluster, if there is one.
    pub(crate) fn cluster(&self) -> Option<Cluster> {
        let number = u32::from(half(&self.0, 20)) << 16 | u32::from(half(&self.0, 26));
        (number != 0).then_some(Cluster(number))
    }

    pub(crate) fn set_cluster(&mut self, cluster: Option<Cluster>) {
        let [a, b, c, d] = cluster.map_or(0, |cluster| cluster.0).to_le_bytes();
        self.0[20..22].copy_from_slice(&[c, d]);
        self.0[26..28].copy_from_slice(&[a, b]);
    }

    pub(crate) fn size(&self) -> u32 {
        word(&self.0, 28)
    }

    pub(crate) fn set_size(&mut self, size: u32) {
        self.0[28..32].copy_from_slice(&size.to_le_bytes());
    }

    pub(crate) fn modified(&self) -> Stamp {
        Stamp(word(&self.0, 22))
    }

    pub(crate) fn set_modified(&mut self, stamp: Stamp) {
        self.0[22..26].copy_from_slice(&stamp.0.to_le_bytes());
    }
}

/// What a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing, and nothing behind it.
    End,
    /// Nothing.
    Free,
    /// A part of a long name.
    Part,
    /// A file or a directory.
    Entry,
    /// The volume's label, `.` or `..`: no name of anything here.
    Other,
}

/// What that slot is.
pub(crate) fn meaning(slot: &Slot) -> Meaning {
    match (slot[0], slot[11]) {
        (END, _) => Meaning::End,
        (FREE, _) => Meaning::Free,
        (_, attributes) if attributes & 0x3f == LONG => Meaning::Part,
        (_, attributes) if attributes & LABEL != 0 => Meaning::Other,
        _ if slot[..11] == Short::DOT.0 || slot[..11] == Short::DOTS.0 => Meaning::Other,
        _ => Meaning::Entry,
    }
}

/// The parts of a long name, as they come: the last one first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// Those that have come, in their order.
    slots: Vec<Slot>,
    /// How many there still have to be.
    due: u8,
    checksum: u8,
}

impl Parts {
    /// There is none.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.due = 0;
    }

    /// One more. What does not fit to those before is a beginning, or nothing.
    pub(crate) fn add(&mut self, slot: &Slot) {
        let (order, checksum) = (slot[0], slot[13]);
        let number = order & !LAST;
        if order & LAST != 0 {
            self.slots.clear();
            (self.due, self.checksum) = (if number <= MOST_SLOTS { number } else { 0 }, checksum);
        }
        if self.due == 0 || number != self.due || checksum != self.checksum {
            return self.clear();
        }
        self.slots.push(*slot);
        self.due -= 1;
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The long name of the entry that follows them, if they are its: and if it can be one.
    pub(crate) fn name(&self, entry: &Record) -> Option<String> {
        if self.slots.is_empty() || self.due > 0 || self.checksum != entry.name().checksum() {
            return None;
        }
        let units = self.slots.iter().rev().flat_map(|slot| PLACES.map(|place| half(slot, place)));
        let units = units.take_while(|unit| *unit != 0).take(255);
        let text: String =
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Name::new(&text).is_ok().then_some(text)
    }
}

/// The slots of a long name for a short one, in the order in which they lie.
pub(crate) fn parts(name: &str, short: Short) -> Vec<Slot> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let count = units.len().div_ceil(UNITS);
    let part = |number: usize| {
        let mut slot = [0; SLOT_BYTES];
        slot[0] = number as u8 + 1 + if number + 1 == count { LAST } else { 0 };
        slot[11] = LONG;
        slot[13] = short.checksum();
        for (at, place) in PLACES.into_iter().enumerate() {
            let at = number * UNITS + at;
            // One zero, and then what is no character.
            let unit = units.get(at).copied().unwrap_or(if at == units.len() { 0 } else { 0xffff });
            slot[place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        slot
    };
    (0..count).rev().map(part).collect()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;
    use crate::name::Basis;

    proptest! {
        #[test]
        fn long_names_come_back(name in "\\PC{1,120}") {
            let Ok(name) = Name::new(&name) else { return Ok(()) };
            let entry = Record::new(Basis::of(name).short, 0, Stamp(0));
            let mut gathered = Parts::default();
            for slot in parts(&name, entry.name()) {
                prop_assert_eq!(meaning(&slot), Meaning::Part);
                gathered.add(&slot);
            }
            prop_assert_eq!(gathered.name(&entry), Some(String::from(name.as_str())));
        }

        #[test]
        fn any_slots_are_a_name_or_none(slots in proptest::collection::vec(any::<[u8; 32]>(), 0..30)) {
            let mut gathered = Parts::default();
            for slot in slots {
                gathered.add(&slot);
                let _any = gathered.name(&Record(slot));
                prop_assert!(gathered.count() <= u32::from(MOST_SLOTS));
            }
        }
    }
}
