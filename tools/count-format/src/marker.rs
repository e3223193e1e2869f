//! The instruction by which a guest says "count up to here".
//!
//! `nop dword ptr [rax + disp32]` does nothing on any x86 CPU and needs no register, so a guest can carry markers
//! in its release build at the price of one instruction; assemblers pad with the same form but displacement 0,
//! so the displacement's upper half tells markers from padding.

/// The upper half of a marker's displacement; the lower half is the marker's number.
pub const MARKER_HIGH: u16 = 0x414e;

/// Length of a marker, in bytes.
pub const MARKER_LENGTH: usize = 7;

const OPCODE: [u8; 3] = [0x0f, 0x1f, 0x80];

/// Before a marker in 16-bit code, where it selects the 32-bit form of address.
pub const ADDRESS_SIZE_PREFIX: u8 = 0x67;

/// The machine code of marker `id`, the same in 32-bit and 64-bit mode.
pub const fn marker_bytes(id: u16) -> [u8; MARKER_LENGTH] {
    let [low, high] = id.to_le_bytes();
    let [tag_low, tag_high] = MARKER_HIGH.to_le_bytes();
    [OPCODE[0], OPCODE[1], OPCODE[2], low, high, tag_low, tag_high]
}

/// The number of the marker that `instruction` is, if it is one.
pub(crate) fn marker_of(instruction: &[u8]) -> Option<u16> {
    let instruction = instruction.strip_prefix(&[ADDRESS_SIZE_PREFIX]).unwrap_or(instruction);
    let id = u16::from_le_bytes([*instruction.get(3)?, *instruction.get(4)?]);
    (instruction == marker_bytes(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back() {
        for id in [0, 1, 0x1234, u16::MAX] {
            assert_eq!(marker_of(&marker_bytes(id)), Some(id));
            let in_16_bit_code = [&[ADDRESS_SIZE_PREFIX][..], &marker_bytes(id)].concat();
            assert_eq!(marker_of(&in_16_bit_code), Some(id));
        }
    }

    #[test]
    fn padding_is_no_marker() {
        assert_eq!(marker_of(&[0x0f, 0x1f, 0x80, 0, 0, 0, 0]), None);
        assert_eq!(marker_of(&[0x0f, 0x1f, 0x80, 0, 0]), None);
        assert_eq!(marker_of(&[]), None);
    }
}
