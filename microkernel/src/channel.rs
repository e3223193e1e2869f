//! Channels: two ends, each with a doorbell that tells the other end's port, and an epoch that only the kernel can write.
//!
//! The rings themselves lie in a region that both sides map (`libsys/ring`); the kernel neither reads nor writes them. It keeps the
//! epoch in a page of its own, which both sides can map for reading: so a dead peer is told of by a word that no peer can forge.

use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use anax_abi::object::{ChannelCommand, notice};
use anax_abi::{Error, Handle, Rights};
use microkernel_core::handles::Object as _;

use crate::calls::{Call, Served};
use crate::cap::{self, Space};
use crate::crossbar;
use crate::msg::{Notice, Port, Sender, notify};
use crate::object::{Header, Kind, Object, ObjectRef, Pool};
use crate::percpu::{self, PerCpu};
use crate::vm::{Backing, Payer, Region, RegionRef};

/// One end.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Channel {
    header: Header,
    /// Tells this end's port that the other has rung, or that there is a new epoch.
    notice: Notice,
    peer: Cell<Option<(&'static Self, u32)>>,
    common: Cell<Option<&'static Common>>,
}

/// What both ends share.
#[derive(Default)]
struct Common {
    epoch: AtomicU32,
    ends: AtomicU32,
    /// The page with the epoch, and who pays for it.
    page: UnsafeCell<Option<RegionRef>>,
    word: Cell<Option<&'static AtomicU64>>,
    payer: Cell<Option<Payer>>,
}

// SAFETY: cells are set before anybody else knows the object; `notice` is used by the home CPU alone.
unsafe impl Sync for Channel {}
// SAFETY: cells are set before anybody else knows it, and emptied by who has taken the last end away.
unsafe impl Sync for Common {}

// SAFETY: `repr(C)`, header first, made by a pool.
unsafe impl Object for Channel {
    const KIND: Kind = Kind::Channel;
}

static ENDS: Pool<Channel> = Pool::new();
static COMMON: Pool<Common> = Pool::new();
/// Pages that a channel costs besides the one of its epoch.
const PAGES: u32 = 1;

/// Makes both ends, charged to `space`: the client's and the server's.
///
/// # Errors
/// `NoMemory`, `Quota`.
pub(crate) fn create(space: &'static Space) -> Result<[&'static Channel; 2], Error> {
    let charge = space.quota().pages.reserve(PAGES)?;
    let page = Region::unnamed(space.payer(), 4096, Backing::Pinned)?;
    let common = COMMON.take(Common::default).ok_or(Error::NoMemory)?;
    let ends = [ENDS.take_object(), ENDS.take_object()];
    let [Some(client), Some(server)] = ends else {
        ends.into_iter().flatten().for_each(|end| ENDS.give(end));
        COMMON.put(common);
        return Err(Error::NoMemory);
    };
    charge.commit();
    common.word.set(Some(page.word()));
    // SAFETY: nobody else knows it yet.
    unsafe { *common.page.get() = Some(page) };
    common.payer.set(Some(space.payer().clone()));
    common.ends.store(2, Ordering::Release);
    common.epoch.store(0, Ordering::Release);
    common.post();
    for (end, peer) in [(client, server), (server, client)] {
        end.header.set_home(percpu::this().id());
        end.common.set(Some(common));
        end.peer.set(Some((peer, peer.header.generation())));
    }
    Ok([client, server])
}

impl Common {
    /// Names the next epoch, from 1 on.
    fn post(&self) -> u32 {
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.word.get().into_iter().for_each(|word| word.store(epoch.into(), Ordering::Release));
        epoch
    }
}

impl Channel {
    /// Tells this end's port. Any CPU.
    fn tell(&'static self, generation: u32, epoch: u32) {
        let call = |[end, generation, epoch]: [u64; 3]| {
            let Some(end) = ObjectRef::from_word(end).get::<Self>() else { return };
            if u64::from(end.header.generation()) == generation {
                notify(&end.notice, [epoch, 0]);
            }
        };
        let words = [ObjectRef::of(self).to_word(), generation.into(), epoch.into()];
        crossbar::at(self.header.home(), call, words);
    }

    /// What tells the other end that this one rings, if that can be done on this CPU, and the epoch.
    #[inline]
    pub(crate) fn bell(&self, own: &PerCpu) -> Option<(&'static Notice, u32)> {
        let (peer, generation) = self.peer.get()?;
        let here = peer.header.is_at(own.id()) && peer.header.generation() == generation;
        here.then_some((&peer.notice, self.common.get()?.epoch.load(Ordering::Acquire)))
    }

    /// Tells the other end's port. Any CPU.
    ///
    /// # Errors
    /// `PeerDied`.
    pub(crate) fn ring(&self) -> Result<(), Error> {
        let (peer, generation) = self.peer.get().ok_or(Error::PeerDied)?;
        peer.tell(generation, self.common()?.epoch.load(Ordering::Acquire));
        Ok(())
    }

    fn common(&self) -> Result<&'static Common, Error> {
        self.common.get().ok_or(Error::BadHandle)
    }

    /// The end's last handle has gone. Home.
    pub(crate) fn end(&'static self) {
        self.notice.end();
        self.peer.set(None);
        if let Some(common) = self.common.take()
            && common.ends.fetch_sub(1, Ordering::AcqRel) == 1
        {
            common.word.set(None);
            // SAFETY: this was the last end.
            unsafe { *common.page.get() = None };
            common.payer.take().into_iter().for_each(|payer| payer.pages.release(PAGES));
            COMMON.put(common);
        }
        ENDS.give(self);
    }
}

/// A call of one end, at its home.
pub(crate) fn serve(end: &'static Channel, command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    match ChannelCommand::from_number(command).ok_or(Error::BadCommand)? {
        ChannelCommand::Ring => {
            call.needs(Rights::SEND)?;
            end.ring().map(|()| Served::Value(0))
        }
        ChannelCommand::Bind => {
            call.needs(Rights::RECEIVE)?;
            let (port, _) = call.space.object::<Port>(call.words[0], Rights::SEND)?;
            // A bound end lives where its port does, and stays on that CPU.
            if port.home() != percpu::this().id()
                || end.notice.message().is_some() && end.header.home() != port.home()
            {
                return Err(Error::BadArgument);
            }
            end.header.set_home(port.home());
            end.notice.bind(port, call.words[1], notice::RING, Sender::Nobody)?;
            Ok(Served::Value(0))
        }
        ChannelCommand::NewEpoch => {
            call.needs(Rights::CONTROL)?;
            let epoch = end.common()?.post();
            end.tell(end.header.generation(), epoch);
            if let Some((peer, generation)) = end.peer.get() {
                peer.tell(generation, epoch);
            }
            Ok(Served::Value(epoch.into()))
        }
        ChannelCommand::MapEpoch => {
            call.needs(Rights::SEND)?;
            if !call.space.memory().is_home() {
                return Err(Error::BadArgument);
            }
            // SAFETY: set before the ends were known, and kept as long as this one is.
            let page = unsafe { (*end.common()?.page.get()).clone() }.ok_or(Error::BadHandle)?;
            call.space
                .memory()
                .map(page, call.words[0], 0, 4096, Rights::READ, Rights::READ)
                .map(Served::Value)
        }
    }
}

/// Makes a channel and gives both ends' handles to the caller: the client's as the result, the server's as word 0.
///
/// # Errors
/// As [`create`]; `BadArgument` unless the caller makes it for its own space, at home.
pub(crate) fn create_for(space: &'static Space, call: &mut Call<'_>) -> Result<Served, Error> {
    if !core::ptr::eq(space, call.space) || space.home() != percpu::this().id() {
        return Err(Error::BadArgument);
    }
    let [client, server] = create(space)?;
    let (client, server) = (cap::capability(client, Rights::ALL), cap::capability(server, Rights::ALL));
    let client = space.insert(client).inspect_err(|_| cap::release(server))?;
    let server = space.insert(server).inspect_err(|_| _ = space.close(Handle::from_word(client)))?;
    *call.words = [server, 0, 0, 0, 0];
    Ok(Served::Value(client))
}
