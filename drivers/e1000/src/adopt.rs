//! Going on with a device that runs, in the place of a driver that is gone: a swap without a reset, and so without a lost frame.
//!
//! Registers say where the rings are and how far the device is; the rings say what it has. Neither is the successor's own, so
//! whatever does not fit together is refused, and then a reset is the way.

use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_driver::{Flow, Refusal};
use anax_e1000::registers::*;
use anax_nic::Handed;

use crate::descriptor::{self, Found};
use crate::{Nic, SetupError, Throttle, hardware};

/// What a predecessor had handed in and not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// A buffer to receive into.
    Buffer(DmaAddress),
    /// A frame to transmit, and its bytes.
    Frame(DmaAddress, u32),
}

/// Why a device can't be adopted. It has been left as it was, but for its interrupts, which are masked: [`Nic::start`] is what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptError {
    /// Its rings are not in this memory, or not of this size; or it is gone.
    Elsewhere,
    /// It is nowhere in its rings, or there is what no driver wrote, or something that the caller does not know.
    Doubtful,
    /// As for [`Nic::start`].
    Setup(SetupError),
}

impl<'a, R: Registers, T, const D: usize> Nic<'a, R, T, D> {
    /// Takes over a device from a driver of the same `D` that is gone, and which used `memory`: one that runs, or one that was
    /// [handed over](Self::hand_over). `known` names the token of each thing in flight, oldest first, buffers before frames; "nothing" is what
    /// the caller knows nothing of. What the predecessor had not shown to the device, or had taken from it without telling, is not
    /// among them. Bus mastering and memory access are on, and nobody else uses the device.
    ///
    /// # Errors
    /// [`AdoptError`].
    pub fn adopt(
        registers: R,
        memory: DmaBlock<'a>,
        reach: &Reach,
        throttle: Throttle,
        mut known: impl FnMut(InFlight) -> Option<T>,
    ) -> Result<Self, AdoptError> {
        let mut nic = Self::new(registers, memory, reach, throttle).map_err(AdoptError::Setup)?;
        nic.registers.write32(IMC, u32::MAX);
        let read = |ring: usize, register| nic.registers.read32(ring + register);
        for (ring, place) in [(RECEIVE_RING, nic.receive.place()), (TRANSMIT_RING, nic.transmit.place())] {
            let base = u64::from(read(ring, BASE_HIGH)) << 32 | u64::from(read(ring, BASE_LOW));
            if (DmaAddress::new(base), read(ring, LENGTH)) != place {
                return Err(AdoptError::Elsewhere);
            }
        }
        let [received, sent] = [RECEIVE_RING, TRANSMIT_RING].map(|ring| [read(ring, HEAD), read(ring, TAIL)]);
        let mut token = |at| known(InFlight::Buffer(DmaAddress::new(at)));
        let buffer = |[at, _]: [u64; 2]| Some(([at, 0], Some(token(at)?)));
        nic.receive.adopt(received, buffer).ok_or(AdoptError::Doubtful)?;
        let mut frame: Option<(u64, u32)> = None;
        let piece = |words| {
            let (given, found) = descriptor::parse(words)?;
            let Found::Data(bytes, last) = found else { return frame.is_none().then_some((given, None)) };
            let (start, before) = frame.unwrap_or((given[0], 0));
            frame = Some((start, before + bytes));
            let next = start.checked_add(before.into()) == Some(given[0]);
            match frame.filter(|_| last) {
                _ if !next => None,
                None => Some((given, None)),
                Some((start, bytes)) => {
                    frame = None;
                    Some((given, Some(known(InFlight::Frame(DmaAddress::new(start), bytes))?)))
                }
            }
        };
        nic.transmit.adopt(sent, piece).ok_or(AdoptError::Doubtful)?;
        let mac = hardware::mac(&nic.registers).map_err(AdoptError::Setup)?;
        nic.resume(mac);
        Ok(nic)
    }

    /// As [`Self::adopt`], after a driver that was suspended and said by a record what it had handed in: all of that has to be found, and
    /// nothing else.
    ///
    /// # Errors
    /// [`Refusal::Device`] if registers, memory and record do not agree. The device is as it was, its interrupts masked, which is how
    /// who was suspended has left it.
    pub fn adopt_handed(
        registers: R,
        memory: DmaBlock<'a>,
        reach: &Reach,
        throttle: Throttle,
        mut handed: Handed<T>,
    ) -> Result<Self, Refusal> {
        if handed.words.first() != Some(&(D as u64)) {
            return Err(Refusal::Device);
        }
        let nic = Self::adopt(registers, memory, reach, throttle, |thing| match thing {
            InFlight::Buffer(address) => handed.find(Flow::In, address, None),
            InFlight::Frame(address, length) => handed.find(Flow::Out, address, Some(length)),
        });
        let nic = nic.map_err(|_| Refusal::Device)?;
        // One that was not in the rings would never come back.
        if !handed.is_empty() && cfg!(not(bite = "e1000-handed-and-lost")) {
            Err(Refusal::Device)
        } else {
            Ok(nic)
        }
    }
}
