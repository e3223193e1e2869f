//! The bytes of files: leases of where they lie, pieces that are filled, and what was written.

use alloc::rc::Rc;

use anax_abi::{Handle, Rights};
use anax_files::files::{How, Lease, OpenFile, PAGE, Purpose};
use anax_files::volume::{MOST, Piece};
use anax_files::{Failure, Kind};
use anax_proto::Gift;

use crate::host::Host;
use crate::node::Vnode;
use crate::pages::{Extent, WINDOW, run};
use crate::session::{File, Session};
use crate::state::{Cached, SWEPT_AT, Vfs};

/// Bytes that are read at least when something has to be read at all.
const READ_AHEAD: u64 = 64 << 10;
/// Pieces that have room in the cache, at least.
const PIECES: u64 = 16;
/// The longest file.
pub(crate) const LONGEST: u64 = 1 << 56;

/// What keeps an offset from being in the cache.
enum Missing {
    /// There is no piece of it.
    Extent,
    /// Nothing.
    Nothing,
    /// Others see to it.
    Others,
    /// These units, which are to be filled.
    Units { from: u64, memory: u64, bits: u64, start: u64, length: u64, at: u64, region: Handle },
}

impl<H: Host + 'static> Vfs<H> {
    /// A lease of where an offset lies, if it is there.
    pub(crate) fn lease_known(
        &self,
        session: &Rc<Session<H>>,
        file: OpenFile,
        vnode: &Rc<Vnode<H>>,
        offset: u64,
    ) -> Option<Lease> {
        let mut pages = vnode.pages.borrow_mut();
        let (from, extent) = pages.at(offset)?;
        if extent.present & extent.bits(offset - from, 1) == 0 {
            return None;
        }
        extent.is_used = true;
        let (memory, at, length) = (extent.memory, extent.at, extent.length);
        let mut lost = None;
        let (number, is_new) =
            session.lease(file, (memory, from), extent.present, |file, from, memory, lease| {
                lost = Some((file, from, memory, lease));
            });
        // First the lease that had that number is nobody's, which may be one of the same piece.
        if let Some((file, from, memory, lease)) = lost
            && let Ok(file) = session.file(file)
        {
            if Rc::ptr_eq(&file.vnode, vnode) {
                pages.forget_lease(from, memory, session, lease);
            } else {
                file.vnode.pages.borrow_mut().forget_lease(from, memory, session, lease);
            }
        }
        if is_new && let Some(extent) = pages.exactly(from, memory) {
            extent.add_lease(session, number);
        }
        Some(Lease { word: Session::<H>::word(number), memory, from, at, length })
    }

    /// A lease of where an offset lies.
    pub(crate) async fn want(
        self: &Rc<Self>,
        session: &Rc<Session<H>>,
        number: OpenFile,
        offset: u64,
        purpose: Purpose,
    ) -> Result<Lease, Failure> {
        loop {
            let file = session.file(number)?;
            self.may(&file, purpose, offset)?;
            let vnode = &file.vnode;
            if vnode.is_cutting.get() {
                // Its file system may have ended what is still a lease here.
                vnode.signal.wait(&self.ops).await;
                continue;
            }
            if let Some(lease) = self.lease_known(session, number, vnode, offset) {
                return Ok(lease);
            }
            if vnode.volume.traits.get().has_memory {
                self.borrow_memory(vnode, offset, purpose).await?;
            } else {
                self.fill(vnode, offset).await?;
            }
        }
    }

    fn may(&self, file: &File<H>, purpose: Purpose, offset: u64) -> Result<(), Failure> {
        file.vnode.volume.is_there()?;
        let How { read, write, .. } = file.how;
        let is_allowed = if purpose == Purpose::Read { read } else { write };
        match file.vnode.attributes.get().kind {
            Kind::File if !is_allowed => Err(Failure::NotPermitted),
            Kind::File if offset >= LONGEST => Err(Failure::TooLarge),
            Kind::File => Ok(()),
            Kind::Directory => Err(Failure::IsADirectory),
            _ => Err(Failure::Unsupported),
        }
    }

    /// Asks a file system with memory of its own where an offset lies.
    async fn borrow_memory(
        &self,
        vnode: &Rc<Vnode<H>>,
        offset: u64,
        purpose: Purpose,
    ) -> Result<(), Failure> {
        let grow = purpose != Purpose::Read;
        let (piece, gift) = self.ask(&vnode.volume, |client| client.extent(vnode.node, offset, grow)).await?;
        let Piece { at, from, length } = piece;
        let lies_there = from <= offset && offset - from < length && length <= LONGEST && at <= LONGEST;
        let mut pages = vnode.pages.borrow_mut();
        let is_there = pages.at(offset).is_some();
        if is_there || !lies_there || from % PAGE != 0 || pages.overlaps(from, length) {
            drop(pages);
            self.close(gift.handle);
            return if is_there { Ok(()) } else { Err(Failure::Damaged) };
        }
        pages.insert(from, Extent::new(self.number(), gift.handle, (at, length), false));
        Ok(())
    }

    /// Sees to it that where an offset lies is in the cache, or at least nearer to that.
    async fn fill(self: &Rc<Self>, vnode: &Rc<Vnode<H>>, offset: u64) -> Result<(), Failure> {
        match self.missing(vnode, offset) {
            Missing::Extent => self.make_extent(vnode, offset).await,
            Missing::Nothing => Ok(()),
            Missing::Others => {
                vnode.signal.wait(&self.ops).await;
                Ok(())
            }
            Missing::Units { from, memory, bits, start, length, at, region } => {
                let gift = Gift::copy(region, Rights::WRITE);
                let lent = vnode.volume.lend(&self.ops).await;
                let filled =
                    self.ask(&vnode.volume, |client| client.fill(vnode.node, start, length, at, gift)).await;
                drop(lent);
                let mut is_there = false;
                if let Some(extent) = vnode.pages.borrow_mut().exactly(from, memory) {
                    is_there = true;
                    extent.busy &= !bits;
                    // What has failed may have left something, too.
                    extent.used |= bits;
                    if filled.is_ok() {
                        extent.set_present(extent.present | bits);
                    }
                }
                vnode.signal.notify(&self.ops);
                self.cleaned.notify(&self.ops);
                // A piece that was cut away meanwhile could not be filled, and need not.
                if is_there { filled.map(drop) } else { Ok(()) }
            }
        }
    }

    /// What is to be done before an offset is there; units that are to be filled are busy from now on.
    fn missing(&self, vnode: &Vnode<H>, offset: u64) -> Missing {
        let mut pages = vnode.pages.borrow_mut();
        let Some((from, extent)) = pages.at(offset) else { return Missing::Extent };
        let (unit, memory) = (extent.unit(), extent.memory);
        let bit = extent.bits(offset - from, 1);
        if extent.busy & bit != 0 {
            return Missing::Others;
        }
        // What its file system does not have is zero, and so is a fresh page.
        let begin = offset - (offset - from) % unit;
        if begin >= vnode.stored.get() && extent.is_fresh(bit) {
            // Those behind it are as well: whoever writes on need not ask for each.
            let fresh = !(extent.present | extent.busy | extent.used);
            let rest = extent.bits(begin - from, extent.length - (begin - from));
            extent.set_present(extent.present | fresh & rest);
            return Missing::Nothing;
        }
        let missing = !(extent.present | extent.busy);
        let behind = vnode.stored.get().max(begin + 1) - from;
        let wanted = missing & extent.bits(0, behind.min(extent.length));
        let (bits, first, count) =
            run(wanted | bit, bit.trailing_zeros(), Self::read_ahead(extent, bit) / unit);
        extent.busy |= bits;
        let inside = u64::from(first) * unit;
        let length = (u64::from(count) * unit).min(extent.length - inside).min(MOST);
        let (at, region) = (extent.at + inside, extent.region);
        Missing::Units { from, memory, bits, start: from + inside, length, at, region }
    }

    /// How much is read from a unit on: more behind what is there already, as whoever reads on will want it.
    fn read_ahead(extent: &Extent<H>, bit: u64) -> u64 {
        let is_first = bit == 1;
        let is_next = bit > 1 && extent.present & (bit >> 1) != 0;
        if is_next {
            MOST
        } else if is_first {
            extent.length.min(READ_AHEAD * 4)
        } else {
            READ_AHEAD
        }
    }

    /// A piece of the cache more.
    async fn make_extent(self: &Rc<Self>, vnode: &Rc<Vnode<H>>, offset: u64) -> Result<(), Failure> {
        // Many pieces have room in the cache, however small that is: of few each would be taken away before it is used.
        let most = (self.limits.cache / PIECES).clamp(PAGE, WINDOW).next_multiple_of(PAGE);
        let (_, length) = vnode.pages.borrow().missing(offset, vnode.size(), most);
        self.make_room(length).await?;
        // Others may have made one meanwhile.
        let mut pages = vnode.pages.borrow_mut();
        if pages.at(offset).is_some() {
            return Ok(());
        }
        let (from, length) = pages.missing(offset, vnode.size(), most);
        if offset < from || offset - from >= length {
            return Err(Failure::Damaged);
        }
        let region = match self.host.make(length) {
            Ok(region) => region,
            Err(error) => {
                // There may be no handle left, or no memory: another piece goes, and who wants this one tries again.
                drop(pages);
                return if self.evict() { Ok(()) } else { Err(Failure::Way(error)) };
            }
        };
        let memory = self.number();
        pages.insert(from, Extent::new(memory, region, (0, length), true));
        self.cached_bytes.set(self.cached_bytes.get() + length);
        drop(pages);
        self.sweep_clock();
        self.clock.borrow_mut().push_back(Cached { vnode: Rc::downgrade(vnode), from, memory });
        Ok(())
    }

    /// Pieces that have ended leave the clock when they may be half of it.
    fn sweep_clock(&self) {
        let mut clock = self.clock.borrow_mut();
        if clock.len() < self.swept_at.get() {
            return;
        }
        let is_there = |cached: &Cached<H>| {
            let vnode = cached.vnode.upgrade();
            vnode.is_some_and(|vnode| vnode.pages.borrow_mut().exactly(cached.from, cached.memory).is_some())
        };
        clock.retain(is_there);
        self.swept_at.set(SWEPT_AT.max(2 * clock.len()));
    }

    /// Takes pieces away that nobody has used lately until there is room for so many bytes.
    async fn make_room(self: &Rc<Self>, bytes: u64) -> Result<(), Failure> {
        while self.cached_bytes.get() + bytes > self.limits.cache && self.cached_bytes.get() > 0 {
            if self.evict() {
                continue;
            }
            // All of it is to be stored first, or is under way.
            self.store_oldest(None);
            self.cleaned.wait(&self.ops).await;
        }
        Ok(())
    }

    /// Takes a piece away; whether it found one.
    fn evict(&self) -> bool {
        let mut left = 2 * self.clock.borrow().len();
        while left > 0 {
            left -= 1;
            let Some(cached) = self.clock.borrow_mut().pop_front() else { return false };
            let Some(vnode) = cached.vnode.upgrade() else { continue };
            let mut pages = vnode.pages.borrow_mut();
            let Some(extent) = pages.exactly(cached.from, cached.memory) else { continue };
            let is_in_use = extent.dirty | extent.busy != 0;
            if is_in_use || core::mem::take(&mut extent.is_used) {
                drop(pages);
                self.clock.borrow_mut().push_back(cached);
                continue;
            }
            let mut ended = self.ended.borrow_mut();
            let before = ended.regions.len();
            pages.remove(cached.from, &mut ended);
            for (region, length) in ended.regions.drain(before..) {
                self.host.end(region);
                self.cached_bytes.set(self.cached_bytes.get().saturating_sub(length));
            }
            return true;
        }
        false
    }

    /// Something was written into a page.
    pub(crate) async fn wrote(
        self: &Rc<Self>,
        file: &File<H>,
        memory: u64,
        offset: u64,
        length: u64,
    ) -> Result<(), Failure> {
        if !file.how.write {
            return Err(Failure::NotPermitted);
        }
        let vnode = &file.vnode;
        let end = offset.checked_add(length).filter(|end| *end <= LONGEST).ok_or(Failure::TooLarge)?;
        loop {
            while vnode.is_cutting.get() {
                vnode.signal.wait(&self.ops).await;
            }
            vnode.volume.is_there()?;
            self.promise(vnode, end).await?;
            self.too_dirty(&vnode.volume).await;
            // Somebody may have begun to make it shorter meanwhile.
            if !vnode.is_cutting.get() {
                break;
            }
        }
        let has_memory = vnode.volume.traits.get().has_memory;
        {
            let mut pages = vnode.pages.borrow_mut();
            let (from, extent) = pages.at(offset).ok_or(Failure::Gone)?;
            let bits = extent.bits(offset - from, length);
            let is_there = extent.memory == memory && extent.present & bits == bits;
            if length == 0 || bits == 0 || !is_there && cfg!(not(bite = "vfs-wrote-believed")) {
                return Err(Failure::Gone);
            }
            extent.is_used = true;
            if !has_memory {
                let fresh = bits & !extent.dirty;
                extent.dirty |= bits;
                extent.used |= bits;
                let fresh = u64::from(fresh.count_ones()) * extent.unit();
                vnode.volume.dirty_bytes.set(vnode.volume.dirty_bytes.get() + fresh);
            }
        }
        if end > vnode.size() {
            vnode.set_size(end);
        }
        self.changed(vnode);
        Ok(())
    }

    /// Makes a file longer; where it ended before.
    pub(crate) async fn append(self: &Rc<Self>, file: &File<H>, length: u64) -> Result<u64, Failure> {
        if !file.how.write {
            return Err(Failure::NotPermitted);
        }
        let vnode = &file.vnode;
        self.may(file, Purpose::Write, vnode.size())?;
        loop {
            while vnode.is_cutting.get() {
                vnode.signal.wait(&self.ops).await;
            }
            let offset = vnode.size();
            let end = offset.checked_add(length).filter(|end| *end <= LONGEST).ok_or(Failure::TooLarge)?;
            self.promise(vnode, end).await?;
            // Another one was faster.
            if vnode.size() == offset && !vnode.is_cutting.get() {
                vnode.set_size(end);
                self.changed(vnode);
                return Ok(offset);
            }
        }
    }

    /// The same for a file whose size is set.
    pub(crate) async fn promise_size(
        self: &Rc<Self>,
        vnode: &Rc<Vnode<H>>,
        size: u64,
    ) -> Result<(), Failure> {
        if size > LONGEST {
            return Err(Failure::TooLarge);
        }
        self.promise(vnode, size).await
    }

    /// Makes sure that a file system will have room for a file of so many bytes: what is written is stored later, and nobody waits for that.
    async fn promise(self: &Rc<Self>, vnode: &Rc<Vnode<H>>, end: u64) -> Result<(), Failure> {
        let volume = &vnode.volume;
        let growth = end.saturating_sub(vnode.size().max(vnode.stored.get()));
        if growth == 0 || volume.traits.get().has_memory {
            return Ok(());
        }
        if volume.promised.get().saturating_add(growth) > volume.free_bytes.get() {
            self.store_all(Some(volume.number)).await;
            let usage = self.ask(volume, |client| client.usage()).await?;
            volume.free_bytes.set(usage.free_bytes);
            volume.promised.set(0);
            if growth > usage.free_bytes {
                return Err(Failure::NoSpace);
            }
        }
        volume.promised.set(volume.promised.get().saturating_add(growth));
        Ok(())
    }
}
