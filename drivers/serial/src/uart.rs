//! The 16550: registers, and what may be done with them in which order.
//!
//! From the PC16550D data sheet (National Semiconductor, 1995), section 8; the numbers of sections stand beside what follows from them.

use anax_device::{Broken, Ports};

/// Receiver and transmitter; with [`DIVISOR`] on, the divisor's low byte.
const DATA: u16 = 0;
/// Interrupts that are enabled; with [`DIVISOR`] on, the divisor's high byte.
const ENABLE: u16 = 1;
/// Why it interrupts (read), and how the FIFOs work (write).
const CAUSE: u16 = 2;
const FIFO: u16 = 2;
const FORMAT: u16 = 3;
const MODEM: u16 = 4;
const STATUS: u16 = 5;
const SCRATCH: u16 = 7;

const ENABLE_RECEIVED: u8 = 1 << 0;
const ENABLE_ROOM: u8 = 1 << 1;
const ENABLE_ERRORS: u8 = 1 << 2;

/// Of the cause: nothing is pending.
const NONE: u8 = 1 << 0;
/// Of the cause: both bits are set if there are FIFOs that work (8.6.3).
const HAS_FIFOS: u8 = 0b11 << 6;

/// FIFOs on and emptied; interrupts from 8 bytes on, or when the line pauses (8.5).
const FIFOS: u8 = 0b10 << 6 | 0b111;

const EIGHT_BITS: u8 = 0b11;
const DIVISOR: u8 = 1 << 7;

/// Data terminal ready, request to send, and the output that PCs use as the interrupt's gate.
const READY: u8 = 0b1011;

const RECEIVED: u8 = 1 << 0;
const OVERRUN: u8 = 1 << 1;
/// Parity, framing, break.
const DAMAGED: u8 = 0b1_1100;
const ROOM: u8 = 1 << 5;
const EMPTY: u8 = 1 << 6;
/// What an empty bus reads: no device has all bits set.
const NOTHING: u8 = 0xff;

/// Bytes that fit when the device says that there is room: its FIFO is empty then (8.4).
const FIFO_BYTES: usize = 16;

/// Rounds that one call looks at the device: more than it can have to say, so that a broken one does not hold the driver.
const ROUNDS: usize = 64;

/// What the line brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// A byte.
    Byte(u8),
    /// One that is not what was sent.
    Damaged,
    /// Some are missing before this place.
    Overrun,
}

/// Where bytes come from and go to.
pub(crate) trait Ends {
    /// Whether another byte can be taken.
    fn has_room(&self) -> bool;
    /// Takes what came.
    fn take(&mut self, came: Came);
    /// The next byte to send.
    fn give(&mut self) -> Option<u8>;
}

/// A 16550.
#[derive(Debug)]
pub(crate) struct Uart<P> {
    ports: P,
    enabled: u8,
    /// How many bytes it takes at once.
    room: usize,
}

impl<P: Ports> Uart<P> {
    /// Prepares it: 115,200 baud, 8 bits, no parity, one stop bit; interrupts for what comes in.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub(crate) fn open(ports: P) -> Result<Self, Broken> {
        for pattern in [0x5a, 0xa5] {
            ports.write8(SCRATCH, pattern);
            if ports.read8(SCRATCH) != pattern {
                return Err(Broken);
            }
        }
        ports.write8(ENABLE, 0);
        ports.write8(FORMAT, DIVISOR | EIGHT_BITS);
        ports.write8(DATA, 1);
        ports.write8(ENABLE, 0);
        ports.write8(FORMAT, EIGHT_BITS);
        ports.write8(FIFO, FIFOS);
        ports.write8(MODEM, READY);
        let has_fifos = ports.read8(CAUSE) & HAS_FIFOS == HAS_FIFOS;
        Ok(Self { ports, enabled: 0, room: if has_fifos { FIFO_BYTES } else { 1 } })
    }

    /// Enables what is of interest: what comes in while there is room for it, and room for what is to go out.
    pub(crate) fn listen(&mut self, takes: bool, has_more: bool) {
        let received = if takes { ENABLE_RECEIVED | ENABLE_ERRORS } else { 0 };
        let room = if has_more { ENABLE_ROOM } else { 0 };
        if self.enabled != received | room {
            self.enabled = received | room;
            self.ports.write8(ENABLE, self.enabled);
        }
    }

    /// Looks at the device until it has nothing to say, and moves bytes both ways. The old bus signals by an edge: an interrupt that is left
    /// pending would be the last one.
    pub(crate) fn serve(&self, ends: &mut impl Ends) {
        for _ in 0..ROUNDS {
            let cause = self.ports.read8(CAUSE);
            let received = self.receive(ends);
            let sent = self.send(ends);
            let is_quiet = cause & NONE != 0 && cfg!(not(bite = "serial-one-look"));
            if !received && !sent && (is_quiet || !ends.has_room()) || cfg!(bite = "serial-one-look") {
                return;
            }
        }
    }

    /// Whether anything came. What there is no room for stays in the device, which holds the other side back, or drops it and says so.
    fn receive(&self, ends: &mut impl Ends) -> bool {
        for count in 0..FIFO_BYTES {
            let status = self.ports.read8(STATUS);
            if status == NOTHING {
                return false;
            }
            // Reading the status forgets its errors: they are told now, or never.
            if status & OVERRUN != 0 {
                ends.take(Came::Overrun);
            }
            let is_damaged = status & DAMAGED != 0;
            if status & RECEIVED == 0 || !ends.has_room() {
                return count > 0;
            }
            let byte = self.ports.read8(DATA);
            ends.take(if is_damaged { Came::Damaged } else { Came::Byte(byte) });
        }
        true
    }

    /// Whether anything was sent.
    fn send(&self, ends: &mut impl Ends) -> bool {
        let status = self.ports.read8(STATUS);
        if status == NOTHING || status & ROOM == 0 {
            return false;
        }
        let mut any = false;
        for byte in core::iter::from_fn(|| ends.give()).take(self.room) {
            self.ports.write8(DATA, byte);
            any = true;
        }
        any
    }

    /// Whether the last bit has left it.
    pub(crate) fn is_empty(&self) -> bool {
        self.ports.read8(STATUS) & EMPTY != 0
    }
}
