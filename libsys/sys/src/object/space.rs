//! An address space with its table of handles.

use anax_abi::object::{Policy, Resource, SpaceCommand};
use anax_abi::{Error, Handle, Rights};

use super::{Channel, Cpu, Region, RegionKind, Thread, Timer, ask, ask_anything, done, handle, number};
use crate::port::Port;
use crate::target::Answer;

object! {
    /// A space: this program's own ([`Space::SELF`]) or a child's.
    Space
}

/// What a new space may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pages of 4 KiB.
    pub pages: u32,
    /// Handles, reserved slots included.
    pub handles: u32,
    /// Threads.
    pub threads: u32,
    /// Messages that can be under way.
    pub messages: u32,
}

/// One line of a space's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Units in use.
    pub used: u64,
    /// Units set aside.
    pub reserved: u64,
    /// Units that may be used.
    pub limit: u64,
    /// Of [`Resource::Time`]: messages that the threads which the space has have sent to ports so far, calls once they are answered. Else 0.
    pub sent: u64,
}

impl Space {
    /// The calling program's.
    pub const SELF: Self = Self(anax_abi::object::SELF);

    /// A new space, charged to this one, with its home on `home`.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub fn create_space(self, limits: Limits, policy: Policy, home: Cpu) -> Result<Self, Error> {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let words = [
            pair(limits.pages, limits.handles),
            pair(limits.threads, limits.messages),
            pair(policy as u32, home.0),
        ];
        handle(ask(self.0, SpaceCommand::CreateSpace as u32, words)).map(Self)
    }

    /// A thread of this space, to be started. Its faults and its end are told to `fault_port`. Priorities:
    /// [`anax_abi::object::priority`].
    ///
    /// # Errors
    /// `Quota`, `NoMemory`, `BadArgument`.
    pub fn create_thread(self, cpu: Cpu, priority: u64, fault_port: Option<Port>) -> Result<Thread, Error> {
        let fault_port = fault_port.map_or(0, |port| port.handle().to_word());
        let words = [cpu.0.into(), priority, fault_port];
        handle(ask(self.0, SpaceCommand::CreateThread as u32, words)).map(Thread::from_handle)
    }

    /// A port owned by `owner`, with room for `replies` messages under way if it is a reply port.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub fn create_port(self, owner: Thread, replies: u32) -> Result<Port, Error> {
        let words = [owner.handle().to_word(), replies.into()];
        handle(ask(self.0, SpaceCommand::CreatePort as u32, words)).map(Port::from_handle)
    }

    /// A region of `bytes`, rounded up to pages.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub fn create_region(self, bytes: u64, kind: RegionKind) -> Result<Region, Error> {
        let (kind, source) = kind.words();
        handle(ask(self.0, SpaceCommand::CreateRegion as u32, [bytes, kind, source])).map(Region::from_handle)
    }

    /// A timer that sends to `port` with `badge`.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub fn create_timer(self, port: Port, badge: u64) -> Result<Timer, Error> {
        let words = [port.handle().to_word(), badge];
        handle(ask(self.0, SpaceCommand::CreateTimer as u32, words)).map(Timer::from_handle)
    }

    /// A channel's two ends over the first `bytes` of `region`.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`, `BadArgument`.
    pub fn create_channel(self, region: Region, bytes: u64) -> Result<(Channel, Channel), Error> {
        let words = [region.handle().to_word(), bytes];
        let answer = ask(self.0, SpaceCommand::CreateChannel as u32, words)?;
        let end = |word| Channel::from_handle(Handle::from_word(word));
        Ok((end(answer.result), end(answer.words[0])))
    }

    /// Maps `bytes` of `region` from `offset` on, wherever there is room; the address.
    ///
    /// # Errors
    /// `BadArgument`, `NoMemory`.
    pub fn map(self, region: Region, offset: u64, bytes: u64, protection: Rights) -> Result<u64, Error> {
        let map = |address| {
            let words = [region.handle().to_word(), address, offset, bytes, protection.0.into()];
            // SAFETY: at 0 the kernel chooses a place where nothing is; else this program has chosen one, and if something is there after all,
            // the kernel refuses.
            number(unsafe { ask_anything(self.0, SpaceCommand::Map as u32, words) })
        };
        let place = if self == Self::SELF { crate::place::choose(bytes) } else { 0 };
        match map(place) {
            Err(Error::Exists) if place != 0 => map(0),
            mapped => mapped,
        }
    }

    /// The same, at `address`.
    ///
    /// # Errors
    /// `BadAddress`, `BadArgument`, `Exists`, `NoMemory`.
    ///
    /// # Safety
    /// If the space is the caller's: nothing that Rust code uses lies there.
    pub unsafe fn map_at(
        self,
        address: u64,
        region: Region,
        offset: u64,
        bytes: u64,
        protection: Rights,
    ) -> Result<u64, Error> {
        let words = [region.handle().to_word(), address, offset, bytes, protection.0.into()];
        // SAFETY: by contract.
        number(unsafe { ask_anything(self.0, SpaceCommand::Map as u32, words) })
    }

    /// Unmaps; returns when no CPU can reach the pages any more.
    ///
    /// # Errors
    /// `BadAddress`.
    ///
    /// # Safety
    /// If the space is the caller's: nothing that Rust code uses lies there.
    pub unsafe fn unmap(self, address: u64, bytes: u64) -> Result<(), Error> {
        // SAFETY: by contract.
        done(unsafe { ask_anything(self.0, SpaceCommand::Unmap as u32, [address, bytes]) })
    }

    /// Changes what mapped pages allow.
    ///
    /// # Errors
    /// `BadAddress`, `NoRights`.
    ///
    /// # Safety
    /// If the space is the caller's: Rust code does not rely on what is taken away there.
    pub unsafe fn protect(self, address: u64, bytes: u64, protection: Rights) -> Result<(), Error> {
        let words = [address, bytes, protection.0.into()];
        // SAFETY: by contract.
        done(unsafe { ask_anything(self.0, SpaceCommand::Protect as u32, words) })
    }

    /// Puts a handle to the object behind the caller's `object` into this space; the handle as it is there.
    ///
    /// # Errors
    /// `Quota`.
    pub fn grant(self, object: Handle, rights: Rights) -> Result<Handle, Error> {
        handle(ask(self.0, SpaceCommand::Grant as u32, [object.to_word(), rights.0.into()]))
    }

    /// Reserves slots for handles that arrive with messages.
    ///
    /// # Errors
    /// `Quota`.
    pub fn post_slots(self, count: u32) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::PostSlots as u32, [count.into()]))
    }

    /// Gives reserved slots back; how many were.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn withdraw_slots(self, count: u32) -> Result<u64, Error> {
        number(ask(self.0, SpaceCommand::WithdrawSlots as u32, [count.into()]))
    }

    /// Gives `object` up; the last handle ends the object.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn close(self, object: Handle) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::Close as u32, [object.to_word()]))
    }

    /// Another handle to the same object. A badge other than 0 is given once and stays.
    ///
    /// # Errors
    /// `Quota`.
    pub fn duplicate(self, object: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        handle(ask(self.0, SpaceCommand::Duplicate as u32, [object.to_word(), rights.0.into(), badge]))
    }

    /// Takes all rights but `rights` away from `object`.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn narrow(self, object: Handle, rights: Rights) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::Narrow as u32, [object.to_word(), rights.0.into()]))
    }

    /// Ends all other handles to the object, everywhere.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn revoke(self, object: Handle) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::Revoke as u32, [object.to_word()]))
    }

    /// Ends the object. Memory that a region backs is for its holder to leave first.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn destroy(self, object: Handle) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::Destroy as u32, [object.to_word()]))
    }

    /// The space's account of one resource.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn usage(self, resource: Resource) -> Result<Usage, Error> {
        let answer = ask(self.0, SpaceCommand::Usage as u32, [resource as u64])?;
        let [reserved, limit, sent, ..] = answer.words;
        Ok(Usage { used: answer.result, reserved, limit, sent })
    }

    /// Gives its user-band threads another user scheduler.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn set_policy(self, policy: Policy) -> Result<(), Error> {
        done(ask(self.0, SpaceCommand::SetPolicy as u32, [policy as u64]))
    }

    /// What kind of object `object` is (result), and what it counts (words).
    ///
    /// # Errors
    /// None beside the usual.
    pub fn inspect(self, object: Handle) -> Result<Answer, Error> {
        ask(self.0, SpaceCommand::Inspect as u32, [object.to_word()])
    }
}
