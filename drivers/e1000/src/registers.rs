//! The 82540EM's registers, as far as the driver uses them: byte offsets (13.4, statistics 13.7) and bits.

/// Device Control, and its bits: full duplex, automatic speed, link up, reset.
pub(crate) const CTRL: usize = 0x0000;
pub(crate) const CTRL_FD: u32 = 1 << 0;
pub(crate) const CTRL_ASDE: u32 = 1 << 5;
pub(crate) const CTRL_SLU: u32 = 1 << 6;
pub(crate) const CTRL_RST: u32 = 1 << 26;

/// Device Status, and its bit for a link that is up.
pub(crate) const STATUS: usize = 0x0008;
pub(crate) const STATUS_LU: u32 = 1 << 1;

/// EEPROM Read of this family: start, done; the word's number from bit 8 on, its value from bit 16 on.
pub(crate) const EERD: usize = 0x0014;
pub(crate) const EERD_START: u32 = 1 << 0;
pub(crate) const EERD_DONE: u32 = 1 << 4;

/// Interrupt Cause Read, which clears what it reads; Throttling, in units of 256 ns; Mask Set, Mask Clear.
pub(crate) const ICR: usize = 0x00c0;
pub(crate) const ITR: usize = 0x00c4;
pub(crate) const IMS: usize = 0x00d0;
pub(crate) const IMC: usize = 0x00d8;

/// Causes: a transmit descriptor written back, the link changed, receive sequence error, few receive descriptors left, receiver overrun,
/// a frame received.
pub(crate) const TXDW: u32 = 1 << 0;
pub(crate) const LSC: u32 = 1 << 2;
pub(crate) const RXSEQ: u32 = 1 << 3;
pub(crate) const RXDMT0: u32 = 1 << 4;
pub(crate) const RXO: u32 = 1 << 6;
pub(crate) const RXT0: u32 = 1 << 7;

/// Receive Control: enabled, broadcasts accepted, the frame's checksum stripped. Zeros mean: no damaged and no long frames, buffers of
/// 2,048 bytes, nothing promiscuous.
pub(crate) const RCTL: usize = 0x0100;
pub(crate) const RCTL_EN: u32 = 1 << 1;
pub(crate) const RCTL_BAM: u32 = 1 << 15;
pub(crate) const RCTL_SECRC: u32 = 1 << 26;

/// Transmit Control: enabled, short frames padded, collision threshold and distance for full duplex.
pub(crate) const TCTL: usize = 0x0400;
pub(crate) const TCTL_EN: u32 = 1 << 1;
pub(crate) const TCTL_PSP: u32 = 1 << 3;
pub(crate) const TCTL_COLLISIONS: u32 = 0x0f << 4 | 0x40 << 12;

/// Transmit gap between packets, and its values for copper (13.4.34).
pub(crate) const TIPG: usize = 0x0410;
pub(crate) const TIPG_COPPER: u32 = 10 | 8 << 10 | 6 << 20;

/// The rings' registers, from where each ring's begin.
pub(crate) const RECEIVE_RING: usize = 0x2800;
pub(crate) const TRANSMIT_RING: usize = 0x3800;
pub(crate) const BASE_LOW: usize = 0x00;
pub(crate) const BASE_HIGH: usize = 0x04;
pub(crate) const LENGTH: usize = 0x08;
pub(crate) const HEAD: usize = 0x10;
pub(crate) const TAIL: usize = 0x18;

/// Receive delay, transmit delay since the last frame and since the first one, in units of 1.024 µs.
pub(crate) const RDTR: usize = 0x2820;
pub(crate) const TIDV: usize = 0x3820;
pub(crate) const TADV: usize = 0x382c;

/// Receive Checksum Control: IP, and TCP or UDP.
pub(crate) const RXCSUM: usize = 0x5000;
pub(crate) const RXCSUM_BOTH: u32 = 1 << 8 | 1 << 9;

/// Multicast Table Array, of so many words; Receive Address 0, and the bit that says that it is one.
pub(crate) const MTA: usize = 0x5200;
pub(crate) const MTA_WORDS: usize = 128;
pub(crate) const RAL: usize = 0x5400;
pub(crate) const RAH: usize = 0x5404;
pub(crate) const RAH_VALID: u32 = 1 << 31;

/// Statistics, each of which reading clears: frames with a bad checksum, missed, not stored for want of a buffer; good ones received and
/// sent; segmentation contexts, and those that failed.
pub(crate) const CRCERRS: usize = 0x4000;
pub(crate) const MPC: usize = 0x4010;
pub(crate) const GPRC: usize = 0x4074;
pub(crate) const GPTC: usize = 0x4080;
pub(crate) const RNBC: usize = 0x40a0;
pub(crate) const TSCTC: usize = 0x40f8;
pub(crate) const TSCTFC: usize = 0x40fc;
