//! Spaces and their capability tables: what a process is to the kernel, and all that it can name.
//!
//! A space's home CPU alone changes its table and its mappings; its threads on other CPUs look handles up without a lock and send
//! changes home. What a space consists of is charged to its own quota, whose limits its maker's quota pays for.

use alloc::vec::Vec;
use core::cell::{Cell, UnsafeCell};
use core::ops::RangeInclusive;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use anax_abi::object::Policy;
use anax_abi::{Error, Handle, Rights};
use microkernel_core::handles::{Capability, Object as _, Offer, Parcel, Received, Slot, Table};
use microkernel_core::list::ThreadIndex;
use microkernel_core::quota::{Limits, Quota, Reservation, pages_for};
use spin::Mutex;

use crate::arch::ports::{self, PortSet};
use crate::crossbar;
use crate::lwkt;
use crate::object::{Header, Kind, Object, ObjectRef, Pool};
use crate::percpu::{self, CpuId};
use crate::user;
use crate::vm::{AddressSpace, Completion, Done, Payer, Region};

/// A capability.
pub(crate) type Cap = Capability<ObjectRef>;
/// A space's capability table.
pub(crate) type CapTable = Table<ObjectRef, Vec<Slot>>;

/// Pages that every space costs besides its table and its memory: itself.
const BASE_PAGES: u32 = 1;
/// Mappings that a space can have for each page it may use, and at most.
const MAPPINGS: (u32, u32) = (4, 1024);

/// An address space with its capability table and accounts.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Space {
    header: Header,
    table: UnsafeCell<Option<CapTable>>,
    memory: UnsafeCell<Option<AddressSpace>>,
    payer: UnsafeCell<Option<Payer>>,
    /// Threads that have not ended.
    threads: AtomicU32,
    /// How long those that have ended ran, in ticks of the time-stamp counter.
    pub(crate) ran: AtomicU64,
    /// The user scheduler of its threads. Home.
    pub(crate) policy: Cell<Policy>,
    /// Who pays for its limits.
    maker: Cell<Option<(Payer, Limits)>>,
    /// I/O ports that its threads may use.
    ports: PortSet,
    pub(crate) dying: AtomicBool,
    /// Its end has begun. Its last thread's word of that may come later.
    ended: Cell<bool>,
    next_ending: Cell<Option<&'static Self>>,
    slot_pages: Cell<u32>,
    /// The thread that waits for its end.
    mourner: Cell<Option<u32>>,
}

// SAFETY: cells belong to the home CPU; `table`, `memory` and `payer` are set before anybody else knows the space and emptied when it has no
// threads and no references left, so that whoever reaches them through either finds them whole.
unsafe impl Sync for Space {}

// SAFETY: `repr(C)`, header first, made by a pool.
unsafe impl Object for Space {
    const KIND: Kind = Kind::Space;
}

/// The spaces of a CPU that are being ended; its own alone, interrupts off.
pub(crate) struct Endings {
    busy: Cell<bool>,
    first: Cell<Option<&'static Space>>,
}

impl Endings {
    /// None.
    pub(crate) const fn new() -> Self {
        Self { busy: Cell::new(false), first: Cell::new(None) }
    }
}

static POOL: Pool<Space> = Pool::new();
/// All there are, for what has to reach every mapping of a region. A cold lock.
static SPACES: Mutex<Vec<&'static Space>> = Mutex::new(Vec::new());

/// The present generation of an object: what tables compare capabilities with.
#[inline]
pub(crate) fn current(object: ObjectRef) -> u32 {
    object.header().generation()
}

/// A capability with a reference of its own to the object.
pub(crate) fn capability<T: Object>(object: &'static T, rights: Rights) -> Cap {
    let generation = object.header().generation();
    let _alive = object.header().life().retain(generation);
    Capability { object: ObjectRef::of(object), generation, rights, badge: 0 }
}

impl Space {
    /// An empty space, at home on `home`.
    ///
    /// # Errors
    /// `NoMemory`; `Quota` if `maker` can't pay for the limits.
    pub(crate) fn create(
        maker: Option<&'static Self>,
        limits: Limits,
        policy: Policy,
        home: CpuId,
    ) -> Result<&'static Self, Error> {
        let slot_pages = pages_for(u64::from(limits.handles) * size_of::<Slot>() as u64)?;
        if limits.pages < BASE_PAGES + slot_pages || limits.handles == 0 {
            return Err(Error::BadArgument);
        }
        let paid = maker.map(|maker| maker.quota().reserve(&limits)).transpose()?;
        let mut slots = Vec::new();
        slots.try_reserve_exact(limits.handles as usize).map_err(|_| Error::NoMemory)?;
        slots.resize_with(limits.handles as usize, Slot::new);
        let payer = Payer::new(limits).ok_or(Error::NoMemory)?;
        let own_pages = payer.pages.reserve(BASE_PAGES + slot_pages)?;
        let mappings = limits.pages.saturating_mul(MAPPINGS.0).min(MAPPINGS.1);
        let memory = AddressSpace::new(payer.clone(), mappings, home)?;
        SPACES.lock().try_reserve(1).map_err(|_| Error::NoMemory)?;
        let space = POOL.take_object().ok_or(Error::NoMemory)?;
        own_pages.commit();
        // SAFETY: nobody else knows the space yet.
        unsafe {
            *space.table.get() = Some(Table::new(slots, limits.handles));
            *space.memory.get() = Some(memory);
            *space.payer.get() = Some(payer);
        }
        space.slot_pages.set(slot_pages);
        space.policy.set(policy);
        space.dying.store(false, Ordering::SeqCst);
        space.ended.set(false);
        space.ran.store(0, Ordering::Relaxed);
        space.header.set_home(home);
        space.maker.set(maker.map(|maker| (maker.payer().clone(), limits)));
        paid.into_iter().flatten().for_each(Reservation::commit);
        SPACES.lock().push(space);
        space.table().insert(capability(space, Rights::ALL))?;
        Ok(space)
    }

    /// Its capability table.
    #[inline]
    pub(crate) fn table(&self) -> &CapTable {
        // SAFETY: see `Sync`.
        unsafe { (*self.table.get()).as_ref() }.expect("a space that can be reached has a table")
    }

    /// Its memory.
    #[inline]
    pub(crate) fn memory(&self) -> &AddressSpace {
        // SAFETY: see `Sync`.
        unsafe { (*self.memory.get()).as_ref() }.expect("a space that can be reached has memory")
    }

    /// Its accounts, to charge what outlives it.
    pub(crate) fn payer(&self) -> &Payer {
        // SAFETY: see `Sync`.
        unsafe { (*self.payer.get()).as_ref() }.expect("a space that can be reached has accounts")
    }

    /// Its accounts.
    pub(crate) fn quota(&self) -> &Quota {
        self.payer()
    }

    /// I/O ports that its threads may use.
    #[inline]
    pub(crate) fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// Gives all its threads another user scheduler, those of later included. Home.
    pub(crate) fn set_policy(&'static self, policy: Policy) {
        self.policy.set(policy);
        for cpu in percpu::all() {
            let change = |words: [u64; 3]| {
                let Some(space) = Self::named(words) else { return };
                lwkt::change_policy(|thread| thread.is_of(space), space.policy.get());
            };
            crossbar::at(cpu.id(), change, self.name(0));
        }
    }

    /// The CPU that alone changes it.
    pub(crate) fn home(&self) -> CpuId {
        self.header.home()
    }

    /// What a handle of the space stands for. Any CPU that runs one of its threads, and its home.
    ///
    /// # Errors
    /// `BadHandle`, `NoRights`.
    #[inline]
    pub(crate) fn lookup(&self, handle: Handle, needed: Rights) -> Result<Cap, Error> {
        self.table().lookup(handle, needed, current)
    }

    /// The object behind a handle.
    ///
    /// # Errors
    /// As [`Space::lookup`]; `BadHandle` if it is of another kind.
    pub(crate) fn object<T: Object>(&self, word: u64, needed: Rights) -> Result<(&'static T, Cap), Error> {
        let capability = self.lookup(Handle::from_word(word), needed)?;
        Ok((capability.object.expect()?, capability))
    }

    /// Makes a handle of a capability, whose reference goes to the table, or away if there is no room. Home.
    ///
    /// # Errors
    /// `Quota`.
    pub(crate) fn insert(&self, capability: Cap) -> Result<u64, Error> {
        self.table().insert(capability).map(Handle::to_word).inspect_err(|_| release(capability))
    }

    /// Gives a handle up. Home.
    ///
    /// # Errors
    /// `BadHandle`.
    pub(crate) fn close(&self, handle: Handle) -> Result<(), Error> {
        self.table().remove(handle).map(release)
    }

    /// Gives a handle up, at the home, as soon as may be. Any CPU.
    pub(crate) fn close_soon(&'static self, handle: Handle) {
        let close = |words: [u64; 3]| {
            if let Some(space) = Self::named(words) {
                let _was_there = space.close(Handle::from_word(words[2]));
            }
        };
        crossbar::at(self.home(), close, self.name(handle.to_word()));
    }

    /// Names this space, and not the next one in its place, for a crossbar call that has `word` beside it.
    fn name(&'static self, word: u64) -> [u64; 3] {
        [ObjectRef::of(self).to_word(), self.header.generation().into(), word]
    }

    /// The space of that name, unless it has ended since.
    fn named([space, generation, _]: [u64; 3]) -> Option<&'static Self> {
        let space = ObjectRef::from_word(space).get::<Self>()?;
        (u64::from(space.header.generation()) == generation).then_some(space)
    }

    /// Takes what has arrived into the table. Home.
    pub(crate) fn unpack(&self, parcel: Parcel<ObjectRef>) -> Received {
        self.table().unpack(parcel, current)
    }

    /// Takes copies of offered handles for `target`, or nothing at all. Any CPU that runs one of its threads.
    ///
    /// # Errors
    /// As [`Table::pack`]; the kernel's own threads have no table and get `NoSlot`.
    pub(crate) fn pack(&self, offers: &[Offer], target: Option<&Self>) -> Result<Parcel<ObjectRef>, Error> {
        let target = target.ok_or(Error::NoSlot)?;
        let parcel = self.table().pack(offers, target.table(), current)?;
        for capability in parcel.capabilities() {
            // One that is revoked at this moment arrives as a bad handle.
            let _alive = capability.object.header().life().retain(capability.generation);
        }
        Ok(parcel)
    }

    /// Passes a handle on to `target`, if `cpu`, this one, is the home of both.
    ///
    /// # Errors
    /// As [`Table::pack`]; `NoSlot` away from home.
    #[inline(always)]
    pub(crate) fn hand_over(&self, cpu: CpuId, offer: &Offer, target: &Self) -> Result<Handle, Error> {
        if !self.header.is_at(cpu) || !target.header.is_at(cpu) {
            return Err(Error::NoSlot);
        }
        self.table().hand_over(offer, target.table(), current, |capability| {
            // As in `pack`.
            let _alive = capability.object.header().life().retain(capability.generation);
        })
    }

    /// A thread begins to exist; false if it has to end at once, since the space does.
    pub(crate) fn thread_made(&self) -> bool {
        self.threads.fetch_add(1, Ordering::SeqCst);
        !self.dying.load(Ordering::SeqCst)
    }

    /// A thread has left the space for good; the last one's end is the space's if nobody else knows it. Any CPU.
    pub(crate) fn thread_gone(&'static self) {
        // Before its home can learn that this was the last one.
        let (home, name) = (self.home(), self.name(0));
        if self.threads.fetch_sub(1, Ordering::AcqRel) == 1 {
            crossbar::at(home, |words| Self::named(words).into_iter().for_each(Self::end_if_over), name);
        }
    }

    /// Ends the space: all its threads, then all else; `mourner` is told. True if it is over already. Home.
    pub(crate) fn destroy(&'static self, mourner: Option<u32>) -> bool {
        self.dying.store(true, Ordering::SeqCst);
        if self.threads.load(Ordering::SeqCst) == 0 {
            self.end();
            return true;
        }
        if mourner.is_some() && self.mourner.get().is_some() {
            // Somebody else has it ended already, and is told.
            return true;
        }
        self.mourner.set(mourner.or(self.mourner.get()));
        for cpu in percpu::all() {
            let kill = |words: [u64; 3]| Self::named(words).into_iter().for_each(user::kill_threads_of);
            crossbar::at(cpu.id(), kill, self.name(0));
        }
        false
    }

    /// Ends it if no thread and nobody but itself knows it. Home.
    fn end_if_over(&'static self) {
        let unknown = self.header.life().references() <= 1;
        if self.threads.load(Ordering::Acquire) == 0 && (unknown || self.dying.load(Ordering::SeqCst)) {
            self.end();
        }
    }

    fn end(&'static self) {
        if self.ended.replace(true) {
            return;
        }
        // A space can hold the last handle to the next: one after the other, not one within the other.
        let endings = &percpu::this().endings;
        self.next_ending.set(endings.first.replace(Some(self)));
        if endings.busy.replace(true) {
            return;
        }
        while let Some(space) = endings.first.take() {
            endings.first.set(space.next_ending.take());
            space.dismantle();
        }
        endings.busy.set(false);
    }

    fn dismantle(&'static self) {
        self.header.life().renew(0);
        self.table().clear_all(0, u32::MAX, release);
        SPACES.lock().retain(|space| !core::ptr::eq(*space, self));
        // SAFETY: no thread is left to use it, and no handle.
        let memory = unsafe { (*self.memory.get()).take() };
        let completion = Completion { call: Self::bury, argument: ObjectRef::of(self).to_word() };
        if memory.is_none_or(|memory| memory.retire(completion) == Done::Now) {
            Self::bury(completion.argument);
        }
    }

    /// The last step, when every CPU has left it. Home.
    fn bury(space: u64) {
        let Some(space) = ObjectRef::from_word(space).get::<Self>() else { return };
        space.quota().pages.release(BASE_PAGES + space.slot_pages.take());
        // SAFETY: as above; whoever still has something charged has a reference of his own to the accounts.
        unsafe {
            *space.table.get() = None;
            *space.payer.get() = None;
        }
        if let Some((maker, limits)) = space.maker.take() {
            maker.release(&limits);
        }
        space.ports.clear();
        let mourner = space.mourner.take();
        POOL.give(space);
        if let Some(mourner) = mourner {
            crate::calls::finish(mourner, Ok(0));
        }
    }
}

/// A thread that is to end waits no longer for a space's end, if it does: else two spaces that end each other would wait for ever. Any
/// CPU, interrupts off.
pub(crate) fn stop_mourning(index: ThreadIndex) {
    let stop = |[index, ..]: [u64; 3]| {
        let index = index as u32;
        let own = percpu::this().id();
        let mourns = |space: &&&Space| space.home() == own && space.mourner.get() == Some(index);
        let space = SPACES.lock().iter().find(mourns).copied();
        if let Some(space) = space {
            space.mourner.set(None);
            crate::calls::finish(index, Err(Error::PeerDied));
        }
    };
    percpu::all().for_each(|cpu| crossbar::at(cpu.id(), stop, [index.0.into(), 0, 0]));
}

/// Has every CPU look again at which ports the space that it runs may use. By a thread.
pub(crate) fn ports_changed() {
    crossbar::on_all_cpus(|_| ports::activate(percpu::this().thread().space().map(Space::ports)), 0);
}

/// Takes ports away from whoever has them by such a range.
pub(crate) fn forbid_ports(range: RangeInclusive<u16>) {
    SPACES.lock().iter().for_each(|space| space.ports.forbid(range.clone()));
    let look_again = |_: [u64; 3]| ports::activate(percpu::this().thread().space().map(Space::ports));
    percpu::all().for_each(|cpu| crossbar::at(cpu.id(), look_again, [0; 3]));
}

/// Takes a region away from whoever has mapped it. By a thread; every CPU stops for it.
pub(crate) fn lose_everywhere(region: &'static Region) {
    let lose = |word: u64| {
        let Some(region) = ObjectRef::from_word(word).get::<Region>() else { return };
        let own = percpu::this().id();
        for space in SPACES.lock().iter().filter(|space| space.home() == own) {
            // Without memory for telling other CPUs the mapping stays, and so does the memory behind it.
            let _ = space.memory().lose(region, Completion { call: |_| (), argument: 0 });
        }
    };
    crossbar::on_all_cpus(lose, ObjectRef::of(region).to_word());
}

/// Gives up what did not reach `receiver`.
pub(crate) fn discard(receiver: Option<&Space>, parcel: Parcel<ObjectRef>) {
    parcel.capabilities().iter().for_each(|capability| release(*capability));
    if let Some(space) = receiver {
        space.table().discard(parcel);
    }
}

/// Takes a reference away; the last one's end is the object's. Any CPU.
pub(crate) fn release(capability: Cap) {
    let header = capability.object.header();
    let last = header.life().release(capability.generation);
    if let Some(region) = capability.object.get::<Region>() {
        // Regions have no home: whoever gives the last handle up ends them.
        if last && header.life().supersede(capability.generation, 0).is_some() {
            region.end();
        }
        return;
    }
    if last || header.kind() == Kind::Space {
        let words = [capability.object.to_word(), u64::from(capability.generation), 0];
        crossbar::at(header.home(), unreferenced, words);
    }
}

/// An object has lost its last reference. Home.
fn unreferenced([object, generation, _]: [u64; 3]) {
    let object = ObjectRef::from_word(object);
    if u64::from(object.header().generation()) != generation {
        return;
    }
    match object.get::<Space>() {
        Some(space) => space.end_if_over(),
        None if object.header().life().references() == 0 => crate::calls::end(object),
        None => {}
    }
}
