//! The registers, as far as a driver uses them: byte offsets (13.4, statistics 13.7) and bits.
#![expect(missing_docs, reason = "the names are the manual's; each group says what it is")]

/// Device Control, and its bits: full duplex, automatic speed, link up, reset.
pub const CTRL: usize = 0x0000;
pub const CTRL_FD: u32 = 1 << 0;
pub const CTRL_ASDE: u32 = 1 << 5;
pub const CTRL_SLU: u32 = 1 << 6;
pub const CTRL_RST: u32 = 1 << 26;

/// Device Status, and its bit for a link that is up.
pub const STATUS: usize = 0x0008;
pub const STATUS_LU: u32 = 1 << 1;

/// EEPROM Read of this family: start, done; the word's number from bit 8 on, its value from bit 16 on.
pub const EERD: usize = 0x0014;
pub const EERD_START: u32 = 1 << 0;
pub const EERD_DONE: u32 = 1 << 4;

/// Interrupt Cause Read, which clears what it reads; Throttling, in units of 256 ns; Mask Set, Mask Clear.
pub const ICR: usize = 0x00c0;
pub const ITR: usize = 0x00c4;
pub const IMS: usize = 0x00d0;
pub const IMC: usize = 0x00d8;

/// Causes: a transmit descriptor written back, the link changed, receive sequence error, few receive descriptors left, receiver overrun,
/// a frame received.
pub const TXDW: u32 = 1 << 0;
pub const LSC: u32 = 1 << 2;
pub const RXSEQ: u32 = 1 << 3;
pub const RXDMT0: u32 = 1 << 4;
pub const RXO: u32 = 1 << 6;
pub const RXT0: u32 = 1 << 7;

/// What enables, in Receive Control and in Transmit Control.
pub const EN: u32 = 1 << 1;

/// Receive Control: broadcasts and all groups accepted (whoever receives knows which it is in), the frame's checksum stripped.
/// Zeros mean: no damaged and no long frames, buffers of 2,048 bytes, other machines' frames not taken.
pub const RCTL: usize = 0x0100;
pub const RCTL_MPE: u32 = 1 << 4;
pub const RCTL_BAM: u32 = 1 << 15;
pub const RCTL_SECRC: u32 = 1 << 26;

/// Transmit Control: short frames padded, collision threshold and distance for full duplex.
pub const TCTL: usize = 0x0400;
pub const TCTL_PSP: u32 = 1 << 3;
pub const TCTL_COLLISIONS: u32 = 0x0f << 4 | 0x40 << 12;

/// Transmit gap between packets, and its values for copper (13.4.34).
pub const TIPG: usize = 0x0410;
pub const TIPG_COPPER: u32 = 10 | 8 << 10 | 6 << 20;

/// The rings' registers, from where each ring's begin.
pub const RECEIVE_RING: usize = 0x2800;
pub const TRANSMIT_RING: usize = 0x3800;
pub const BASE_LOW: usize = 0x00;
pub const BASE_HIGH: usize = 0x04;
pub const LENGTH: usize = 0x08;
pub const HEAD: usize = 0x10;
pub const TAIL: usize = 0x18;

/// Receive delay, transmit delay since the last frame and since the first one, in units of 1.024 µs.
pub const RDTR: usize = 0x2820;
pub const TIDV: usize = 0x3820;
pub const TADV: usize = 0x382c;

/// Receive Checksum Control: IP, and TCP or UDP.
pub const RXCSUM: usize = 0x5000;
pub const RXCSUM_BOTH: u32 = 1 << 8 | 1 << 9;

/// Multicast Table Array, of so many words; Receive Address 0, and the bit that says that it is one.
pub const MTA: usize = 0x5200;
pub const MTA_WORDS: usize = 128;
pub const RAL: usize = 0x5400;
pub const RAH: usize = 0x5404;
pub const RAH_VALID: u32 = 1 << 31;

/// Statistics, each of which reading clears: frames with a bad checksum, missed, not stored for want of a buffer; good ones received and
/// sent; segmentation contexts, and those that failed.
pub const CRCERRS: usize = 0x4000;
pub const MPC: usize = 0x4010;
pub const GPRC: usize = 0x4074;
pub const GPTC: usize = 0x4080;
pub const RNBC: usize = 0x40a0;
pub const TSCTC: usize = 0x40f8;
pub const TSCTFC: usize = 0x40fc;
