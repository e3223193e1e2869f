//! Kernel objects: what they have in common, and where they live.
//!
//! An object's memory is type-stable: once made for a kind of object it only ever holds one of that kind, so a word that
//! names an object can be followed at any time, from any CPU, and its [`Header`] says whether it is still the object that was meant.
//! The header is one atomic word: a generation, moved on when the object ends or all handles to it are revoked, and a count of what
//! refers to it in that generation (handles, parcels, mappings). Whoever takes the last reference away ends the object, at its home.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU16, Ordering};

use anax_abi::{Error, object::ObjectKind};
use microkernel_core::handles::{self, Life};
use spin::Mutex;

use crate::arch::cpu::InterruptsOff;
use crate::percpu::CpuId;

/// What an object is, by the number that programs are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// An address space with its capability table and accounts.
    Space = ObjectKind::Space as u8,
    /// A user thread.
    Thread = ObjectKind::Thread as u8,
    /// A port.
    Port = ObjectKind::Port as u8,
    /// A region of memory.
    Region = ObjectKind::Region as u8,
    /// A deadline timer.
    Timer = ObjectKind::Timer as u8,
    /// One end of a channel.
    Channel = ObjectKind::Channel as u8,
    /// An interrupt.
    Irq = ObjectKind::Irq as u8,
    /// A range of I/O ports.
    Ports = ObjectKind::Ports as u8,
    /// The machine.
    #[default]
    Machine = ObjectKind::Machine as u8,
}

/// Where the entry code of system calls finds an object's generation and kind.
pub(crate) const GENERATION: usize = core::mem::offset_of!(Header, life) + 4;
/// See [`GENERATION`].
pub(crate) const KIND: usize = core::mem::offset_of!(Header, kind);

/// The first field of every object.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Header {
    life: Life,
    kind: Kind,
    /// The CPU that alone changes the object.
    home: AtomicU16,
}

impl Header {
    /// Of an object of that kind in its first generation, without references.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { life: Life::new(), kind, home: AtomicU16::new(0) }
    }

    /// What the object is.
    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The CPU that alone changes the object.
    #[inline]
    pub(crate) fn home(&self) -> CpuId {
        // SAFETY: only `set_home` has written it.
        unsafe { CpuId::new(usize::from(self.home.load(Ordering::Acquire))).unwrap_unchecked() }
    }

    /// Whether that is its home.
    #[inline]
    pub(crate) fn is_at(&self, cpu: CpuId) -> bool {
        usize::from(self.home.load(Ordering::Relaxed)) == cpu.index()
    }

    /// Moves the object to another home; by the old one, or before anybody else knows the object.
    pub(crate) fn set_home(&self, cpu: CpuId) {
        self.home.store(cpu.index() as u16, Ordering::Release);
    }

    /// Its life; the caller has the object ended, at its home, when it takes the last reference away.
    #[inline(always)]
    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    /// Which use of this memory, and which set of handles to it, is valid now.
    #[inline(always)]
    pub(crate) fn generation(&self) -> u32 {
        self.life.generation()
    }
}

/// A type whose values are objects.
///
/// # Safety
/// It is `repr(C)`, begins with a [`Header`] of that kind, and lives for ever at one address.
pub(crate) unsafe trait Object: Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// Its header.
    #[inline]
    fn header(&self) -> &Header
    where
        Self: Sized,
    {
        // SAFETY: by this trait's contract it is the first field.
        unsafe { &*(&raw const *self).cast::<Header>() }
    }
}

/// Names an object in a capability: the address of its header.
#[derive(Clone, Copy)]
pub(crate) struct ObjectRef(&'static Header);

impl ObjectRef {
    /// The name of that object.
    pub(crate) fn of<T: Object>(object: &'static T) -> Self {
        Self(object.header())
    }

    /// The object's header.
    #[inline]
    pub(crate) fn header(self) -> &'static Header {
        self.0
    }

    /// The object, if it is a `T`.
    #[inline]
    pub(crate) fn get<T: Object>(self) -> Option<&'static T> {
        // SAFETY: by `Object`'s contract a header of that kind is the first field of a `T` that lives for ever.
        (self.0.kind == T::KIND).then(|| unsafe { &*(&raw const *self.0).cast::<T>() })
    }

    /// The object, which has to be a `T`.
    ///
    /// # Errors
    /// `BadHandle`.
    pub(crate) fn expect<T: Object>(self) -> Result<&'static T, Error> {
        self.get().ok_or(Error::BadHandle)
    }
}

impl handles::Object for ObjectRef {
    #[inline]
    fn to_word(self) -> u64 {
        (&raw const *self.0).expose_provenance() as u64
    }

    #[inline]
    fn from_word(word: u64) -> Self {
        // SAFETY: capability tables are the kernel's private memory and hold only words that `to_word` gave; headers live for ever.
        unsafe {
            core::hint::assert_unchecked(word != 0);
            Self(&*core::ptr::with_exposed_provenance(word as usize))
        }
    }
}

/// Memory for something that lives for ever; none if there is none.
pub(crate) fn room<T>() -> Option<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(1).is_ok().then_some(room)
}

/// Puts it there.
pub(crate) fn settle<T>(mut room: Vec<T>, value: T) -> &'static T {
    room.push(value);
    &room.leak()[0]
}

/// Objects of one kind: made as needed, never given back to the heap, reused when they have ended. A cold lock.
pub(crate) struct Pool<T: 'static> {
    free: Mutex<Vec<&'static T>>,
}

impl<T: Sync> Pool<T> {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self { free: Mutex::new(Vec::new()) }
    }

    /// An object that nobody else knows: one that has ended, else a new one from `make`; none without memory. Its header's
    /// generation is valid and has no references; everything else is as it was left, and for the caller to set.
    pub(crate) fn take(&self, make: fn() -> T) -> Option<&'static T> {
        let _off = InterruptsOff::new();
        if let Some(object) = self.free.lock().pop() {
            return Some(object);
        }
        room().map(|room| settle(room, make()))
    }

    /// Takes back something that nobody knows any more.
    pub(crate) fn put(&self, object: &'static T) {
        let _off = InterruptsOff::new();
        let mut free = self.free.lock();
        if free.try_reserve(1).is_ok() {
            free.push(object);
        }
    }
}

impl<T: Object + Default> Pool<T> {
    /// As [`Pool::take`]; a new one has what is usual.
    pub(crate) fn take_object(&self) -> Option<&'static T> {
        self.take(|| {
            let mut object = T::default();
            // SAFETY: by `Object`'s contract it begins with its header.
            unsafe { (*(&raw mut object).cast::<Header>()).kind = T::KIND };
            object
        })
    }
}

impl<T: Object> Pool<T> {
    /// Ends an object: its generation moves on and it can be taken again. The caller is its home and the last who knows it.
    pub(crate) fn give(&self, object: &'static T) {
        object.header().life().renew(0);
        self.put(object);
    }
}
