//! The device's common registers: status, features, queues, notifications, interrupts (4.1.4, 4.1.5).

use anax_device::Registers;

use crate::queue::Addresses;
use crate::{Broken, Features};

/// Offsets in the common configuration structure (4.1.4.3).
mod common {
    pub(super) const DEVICE_FEATURE_SELECT: usize = 0;
    pub(super) const DEVICE_FEATURE: usize = 4;
    pub(super) const DRIVER_FEATURE_SELECT: usize = 8;
    pub(super) const DRIVER_FEATURE: usize = 12;
    pub(super) const CONFIG_MSIX_VECTOR: usize = 16;
    pub(super) const DEVICE_STATUS: usize = 20;
    pub(super) const CONFIG_GENERATION: usize = 21;
    pub(super) const QUEUE_SELECT: usize = 22;
    pub(super) const QUEUE_SIZE: usize = 24;
    pub(super) const QUEUE_MSIX_VECTOR: usize = 26;
    pub(super) const QUEUE_ENABLE: usize = 28;
    pub(super) const QUEUE_NOTIFY_OFF: usize = 30;
    pub(super) const QUEUE_DESC: usize = 32;
    pub(super) const QUEUE_DRIVER: usize = 40;
    pub(super) const QUEUE_DEVICE: usize = 48;
}

/// Bits of the device status (2.1).
mod status {
    pub(super) const ACKNOWLEDGE: u8 = 1;
    pub(super) const DRIVER: u8 = 2;
    pub(super) const DRIVER_OK: u8 = 4;
    pub(super) const FEATURES_OK: u8 = 8;
    pub(super) const NEEDS_RESET: u8 = 64;
    pub(super) const FAILED: u8 = 128;
}

/// How often a reset is looked after: some 100 ms on a virtual machine, where each look leaves the guest.
const RESET_READS: u32 = 100_000;
/// How often a configuration that changes while it is read is read again.
const GENERATIONS: u32 = 16;

/// Why a device can't be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// It does not come out of its reset.
    Stuck,
    /// It is of before virtio 1.0.
    Legacy,
    /// It refuses a set of features that it offered.
    Features,
    /// A queue is missing, too small, or notified outside of the window.
    Queue,
    /// It has no such interrupt vector.
    Vector,
    /// Its configuration changes all the time, or can't be.
    Configuration,
    /// The driver has given it too little memory.
    Memory,
}

/// Where a queue is notified: a checked offset in the window.
#[derive(Clone, Copy, Debug)]
pub struct Doorbell {
    offset: usize,
    queue: u16,
}

/// Why the device interrupted (4.1.4.5), for interrupts by the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    bits: u8,
}

impl Cause {
    /// There may be something in a queue.
    #[must_use]
    pub const fn queue(self) -> bool {
        self.bits & 1 != 0
    }

    /// The configuration has changed: the link, for example.
    #[must_use]
    pub const fn configuration(self) -> bool {
        self.bits & 2 != 0
    }
}

/// The registers of one device.
#[derive(Debug)]
pub struct Transport<R> {
    common: R,
    notify: R,
    notify_multiplier: u32,
    isr: R,
    device: R,
}

impl<R: Registers> Transport<R> {
    /// Over the windows that [`Windows`](crate::Windows) names.
    #[must_use]
    pub const fn new(common: R, notify: R, notify_multiplier: u32, isr: R, device: R) -> Self {
        Self { common, notify, notify_multiplier, isr, device }
    }

    /// Resets the device and waits for it (4.1.4.3.2). After that it neither reads nor writes memory.
    ///
    /// # Errors
    /// [`SetupError::Stuck`]: it may still do so.
    pub fn reset(&self) -> Result<(), SetupError> {
        self.common.write8(common::DEVICE_STATUS, 0);
        let mut reads = (0..RESET_READS).map(|_| self.common.read8(common::DEVICE_STATUS));
        if reads.any(|status| status == 0) { Ok(()) } else { Err(SetupError::Stuck) }
    }

    /// From a reset to the agreed features, which are those of `wanted` that the device offers (3.1.1, steps 2 to 6).
    ///
    /// # Errors
    /// [`SetupError::Legacy`], [`SetupError::Features`].
    pub fn negotiate(&self, wanted: Features) -> Result<Features, SetupError> {
        self.add_status(status::ACKNOWLEDGE);
        self.add_status(status::DRIVER);
        let agreed = self.offered().common(wanted.with(Features::VERSION_1));
        if !agreed.contains(Features::VERSION_1) {
            return Err(SetupError::Legacy);
        }
        for half in 0..2 {
            self.common.write32(common::DRIVER_FEATURE_SELECT, half);
            self.common.write32(common::DRIVER_FEATURE, (agreed.bits() >> (32 * half)) as u32);
        }
        self.add_status(status::FEATURES_OK);
        if self.status() & status::FEATURES_OK == 0 {
            return Err(SetupError::Features);
        }
        Ok(agreed)
    }

    /// What the device offers, whatever was agreed on.
    pub fn offered(&self) -> Features {
        let mut offered = 0;
        for half in 0..2 {
            self.common.write32(common::DEVICE_FEATURE_SELECT, half);
            offered |= u64::from(self.common.read32(common::DEVICE_FEATURE)) << (32 * half);
        }
        Features::from_bits(offered)
    }

    /// The largest size of a queue; 0 if there is none of that number.
    pub fn queue_size(&self, queue: u16) -> u16 {
        self.common.write16(common::QUEUE_SELECT, queue);
        self.common.read16(common::QUEUE_SIZE)
    }

    /// Tells the device where a queue is, and switches it on (4.1.5.1.3). Its interrupts come by `vector`, or by the line.
    ///
    /// # Errors
    /// [`SetupError::Queue`], [`SetupError::Vector`].
    pub fn enable_queue(
        &self,
        queue: u16,
        addresses: Addresses,
        vector: Option<u16>,
    ) -> Result<Doorbell, SetupError> {
        if self.queue_size(queue) < addresses.size {
            return Err(SetupError::Queue);
        }
        self.common.write16(common::QUEUE_SIZE, addresses.size);
        self.set_vector(common::QUEUE_MSIX_VECTOR, vector)?;
        let areas = [
            (common::QUEUE_DESC, addresses.descriptors),
            (common::QUEUE_DRIVER, addresses.driver),
            (common::QUEUE_DEVICE, addresses.device),
        ];
        for (register, address) in areas {
            // Two halves, as 4.1.3.1 demands.
            self.common.write32(register, address.get() as u32);
            self.common.write32(register + 4, (address.get() >> 32) as u32);
        }
        let doorbell = self.doorbell(queue)?;
        self.common.write16(common::QUEUE_ENABLE, 1);
        Ok(doorbell)
    }

    /// What a predecessor agreed on with a device that runs, for a driver that goes on with it. Changes nothing.
    ///
    /// # Errors
    /// [`Broken`] if it does not run by its own account.
    pub fn agreed(&self) -> Result<Features, Broken> {
        self.check()?;
        let mut agreed = 0;
        for half in 0..2 {
            self.common.write32(common::DRIVER_FEATURE_SELECT, half);
            agreed |= u64::from(self.common.read32(common::DRIVER_FEATURE)) << (32 * half);
        }
        Ok(Features::from_bits(agreed))
    }

    /// Where a queue is notified that a predecessor switched on and the device runs. Changes nothing.
    ///
    /// # Errors
    /// [`SetupError::Queue`] if the device has it elsewhere, or not switched on.
    pub fn adopt_queue(&self, queue: u16, addresses: Addresses) -> Result<Doorbell, SetupError> {
        if self.queue_size(queue) != addresses.size || self.common.read16(common::QUEUE_ENABLE) != 1 {
            return Err(SetupError::Queue);
        }
        let areas = [
            (common::QUEUE_DESC, addresses.descriptors),
            (common::QUEUE_DRIVER, addresses.driver),
            (common::QUEUE_DEVICE, addresses.device),
        ];
        for (register, address) in areas {
            let high = u64::from(self.common.read32(register + 4));
            if high << 32 | u64::from(self.common.read32(register)) != address.get() {
                return Err(SetupError::Queue);
            }
        }
        self.doorbell(queue)
    }

    /// Where the selected queue is notified.
    fn doorbell(&self, queue: u16) -> Result<Doorbell, SetupError> {
        let place =
            u64::from(self.common.read16(common::QUEUE_NOTIFY_OFF)) * u64::from(self.notify_multiplier);
        let offset = usize::try_from(place).map_err(|_| SetupError::Queue)?;
        let fits = offset.checked_add(2).is_some_and(|end| end <= self.notify.length());
        if !fits || !offset.is_multiple_of(2) {
            return Err(SetupError::Queue);
        }
        Ok(Doorbell { offset, queue })
    }

    /// Changes of the configuration interrupt by `vector`, or by the line.
    ///
    /// # Errors
    /// [`SetupError::Vector`].
    pub fn set_configuration_vector(&self, vector: Option<u16>) -> Result<(), SetupError> {
        self.set_vector(common::CONFIG_MSIX_VECTOR, vector)
    }

    /// The device may begin (3.1.1, step 8).
    pub fn run(&self) {
        self.add_status(status::DRIVER_OK);
    }

    /// Tells the device that it was given up.
    pub fn fail(&self) {
        self.add_status(status::FAILED);
    }

    /// Whether the device still works by its own account.
    ///
    /// # Errors
    /// [`Broken`] if it wants to be reset, or is gone from the bus.
    pub fn check(&self) -> Result<(), Broken> {
        let status = self.status();
        let gone = status == u8::MAX || status & status::DRIVER_OK == 0;
        if gone || status & status::NEEDS_RESET != 0 { Err(Broken) } else { Ok(()) }
    }

    /// Tells the device that there is something in a queue (4.1.5.2).
    #[inline]
    pub fn notify(&self, doorbell: Doorbell) {
        self.notify.write16(doorbell.offset, doorbell.queue);
    }

    /// Why there was an interrupt by the line, which this takes down.
    pub fn cause(&self) -> Cause {
        Cause { bits: self.isr.read8(0) }
    }

    /// Reads the device's own configuration, as it was at one time (4.1.4.3.1).
    ///
    /// # Errors
    /// [`SetupError::Configuration`].
    pub fn configuration<T>(&self, read: impl Fn(&R) -> T) -> Result<T, SetupError> {
        for _ in 0..GENERATIONS {
            let before = self.common.read8(common::CONFIG_GENERATION);
            let value = read(&self.device);
            if self.common.read8(common::CONFIG_GENERATION) == before {
                return Ok(value);
            }
        }
        Err(SetupError::Configuration)
    }

    fn set_vector(&self, register: usize, vector: Option<u16>) -> Result<(), SetupError> {
        let Some(vector) = vector else { return Ok(()) };
        self.common.write16(register, vector);
        // It says 0xffff if it has no means to keep it (4.1.5.1.2.1).
        if self.common.read16(register) == vector { Ok(()) } else { Err(SetupError::Vector) }
    }

    fn status(&self) -> u8 {
        self.common.read8(common::DEVICE_STATUS)
    }

    fn add_status(&self, bit: u8) {
        self.common.write8(common::DEVICE_STATUS, self.status() | bit);
    }
}
