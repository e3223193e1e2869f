//! Calls of a space. At the space's home, but for those that [`home`](super::home) sends elsewhere.

use core::sync::atomic::Ordering;

use anax_abi::object::{Policy, Resource, SpaceCommand, THIS_THREAD, priority};
use anax_abi::{Error, Handle, Rights};
use microkernel_core::handles::Capability;
use microkernel_core::quota::Limits;
use microkernel_core::runqueue::Priority;

use super::{Call, Served, handle};
use crate::cap::{Cap, Space};
use crate::lwkt::{self, Thread};
use crate::msg::Port;
use crate::object::Kind;
use crate::percpu::{self, CpuId};
use crate::time::clock;
use crate::user;

pub(super) fn serve(space: &'static Space, command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    call.needs(Rights::CONTROL)?;
    let words = *call.words;
    let handle = Handle::from_word(words[0]);
    let done = |()| Served::Value(0);
    match SpaceCommand::from_number(command).ok_or(Error::BadCommand)? {
        SpaceCommand::CreateSpace => create_space(space, words),
        SpaceCommand::CreateThread => create_thread(space, call, words),
        SpaceCommand::CreatePort => create_port(space, call, words),
        SpaceCommand::CreateRegion => super::objects::create_region(space, call, words),
        SpaceCommand::CreateTimer => super::objects::create_timer(space, call, words),
        SpaceCommand::CreateChannel => crate::channel::create_for(space, call),
        SpaceCommand::Map => super::objects::map(space, call, words),
        SpaceCommand::Unmap => super::objects::unmap(space, call, words),
        SpaceCommand::Protect => super::objects::protect(space, call, words),
        SpaceCommand::Grant => {
            let granted = call.space.lookup(handle, Rights::GRANT)?;
            space.insert(copy(granted, Rights(words[1] as u16), 0)?).map(Served::Value)
        }
        SpaceCommand::PostSlots => space.table().post(count(words[0])?).map(done),
        SpaceCommand::WithdrawSlots => Ok(Served::Value(space.table().withdraw(count(words[0])?).into())),
        SpaceCommand::Close => space.close(handle).map(done),
        SpaceCommand::Duplicate => {
            let badge = u32::try_from(words[2]).map_err(|_| Error::BadArgument)?;
            let original = space.lookup(handle, Rights::NONE)?;
            if badge != 0 && original.badge != 0 {
                return Err(Error::BadArgument);
            }
            space.insert(copy(original, Rights(words[1] as u16), badge)?).map(Served::Value)
        }
        SpaceCommand::Narrow => space.table().narrow(handle, Rights(words[1] as u16)).map(done),
        SpaceCommand::Revoke => revoke(call.space.lookup(handle, Rights::CONTROL)?),
        SpaceCommand::Destroy => destroy(call, call.space.lookup(handle, Rights::CONTROL)?),
        SpaceCommand::Usage => usage(space, call),
        SpaceCommand::SetPolicy => {
            space.set_policy(Policy::chosen(words[0], space.policy.get()).ok_or(Error::BadArgument)?);
            Ok(Served::Value(0))
        }
        SpaceCommand::Inspect => inspect(call, call.space.lookup(handle, Rights::NONE)?),
    }
}

fn count(word: u64) -> Result<u32, Error> {
    u32::try_from(word).map_err(|_| Error::BadArgument)
}

/// Another capability for the same object, with a reference of its own.
fn copy(original: Cap, rights: Rights, badge: u32) -> Result<Cap, Error> {
    if !original.object.header().life().retain(original.generation) {
        return Err(Error::BadHandle);
    }
    let badge = if badge == 0 { original.badge } else { badge };
    Ok(Capability { rights: original.rights.narrowed(rights), badge, ..original })
}

fn create_space(maker: &'static Space, words: [u64; 5]) -> Result<Served, Error> {
    let limits = Limits {
        pages: words[0] as u32,
        handles: (words[0] >> 32) as u32,
        threads: words[1] as u32,
        messages: (words[1] >> 32) as u32,
    };
    let home = running_cpu(words[2] >> 32)?;
    let policy = Policy::chosen(words[2] & u64::from(u32::MAX), maker.policy.get());
    let policy = policy.ok_or(Error::BadArgument)?;
    Space::create(Some(maker), limits, policy, home).map(handle)
}

pub(super) fn running_cpu(index: u64) -> Result<CpuId, Error> {
    let id = CpuId::new(usize::try_from(index).unwrap_or(usize::MAX)).ok_or(Error::BadArgument)?;
    percpu::get(id).map(|_| id).ok_or(Error::BadArgument)
}

/// A priority for a user thread.
pub(super) fn priority(word: u64) -> Result<Priority, Error> {
    Priority::new(word as u8).filter(|_| priority::is_allowed(word)).ok_or(Error::BadArgument)
}

fn create_thread(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    let cpu = percpu::get(running_cpu(words[0])?).ok_or(Error::BadArgument)?;
    let port =
        |word| call.space.object::<Port>(word, Rights::SEND).map(|(port, held)| (port, held.generation));
    let supervisor = (words[2] != 0).then(|| port(words[2])).transpose()?;
    user::create(space, cpu, priority(words[1])?, supervisor).map(handle)
}

fn create_port(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    let owner = if words[0] == THIS_THREAD.to_word() {
        call.caller
    } else {
        call.space.object::<Thread>(words[0], Rights::CONTROL)?.0
    };
    if !owner.space().is_some_and(|of| core::ptr::eq(of, space)) {
        return Err(Error::BadArgument);
    }
    Port::create(owner, Some(space), count(words[1])?).map(handle)
}

fn revoke(target: Cap) -> Result<Served, Error> {
    // A space that could not name itself any more would be lost.
    if matches!(target.object.header().kind(), Kind::Machine | Kind::Space) {
        return Err(Error::BadArgument);
    }
    let generation = target.object.header().life().supersede(target.generation, 1).ok_or(Error::BadHandle)?;
    Ok(Served::Handle(Capability { generation, ..target }))
}

fn destroy(call: &Call<'_>, target: Cap) -> Result<Served, Error> {
    let object = target.object;
    match object.header().kind() {
        Kind::Space => {
            let space = object.expect::<Space>()?;
            // Whoever ends his own space has nobody left to be told.
            if core::ptr::eq(space, call.space) {
                space.destroy(None);
                return Ok(Served::Value(0));
            }
            super::waits(call.caller);
            match space.destroy(Some(call.caller.index.0)) {
                true => super::answered(call.caller),
                false => Ok(Served::Later),
            }
        }
        Kind::Thread => {
            object.get::<Thread>().into_iter().for_each(user::kill);
            Ok(Served::Value(0))
        }
        Kind::Machine => Err(Error::BadArgument),
        _ => {
            super::end(object);
            Ok(Served::Value(0))
        }
    }
}

fn usage(space: &'static Space, call: &mut Call<'_>) -> Result<Served, Error> {
    let quota = space.quota();
    let account = match Resource::from_number(count(call.words[0])?).ok_or(Error::BadArgument)? {
        Resource::Pages => &quota.pages,
        Resource::Threads => &quota.threads,
        Resource::Messages => &quota.messages,
        Resource::Time => {
            let its = || lwkt::threads().filter(|thread| thread.is_of(space));
            *call.words = [0, u64::MAX, its().map(Thread::sent).sum(), 0, 0];
            let ran = space.ran.load(Ordering::Relaxed) + its().map(Thread::ran).sum::<u64>();
            return Ok(Served::Value(clock::span(ran).0));
        }
        Resource::Handles => {
            let table = space.table();
            let (used, set_aside) = (table.used(), table.set_aside());
            *call.words = [set_aside.into(), (used + set_aside + table.available()).into(), 0, 0, 0];
            return Ok(Served::Value(used.into()));
        }
    };
    let usage = account.usage();
    *call.words = [usage.reserved.into(), account.limit().into(), 0, 0, 0];
    Ok(Served::Value(usage.committed.into()))
}

fn inspect(call: &mut Call<'_>, target: Cap) -> Result<Served, Error> {
    let header = target.object.header();
    let counted = target.object.get::<Port>().map_or(0, Port::queued);
    *call.words = [
        header.life().references().into(),
        header.home().index() as u64,
        target.rights.0.into(),
        target.badge.into(),
        counted.into(),
    ];
    Ok(Served::Value(header.kind() as u64))
}
