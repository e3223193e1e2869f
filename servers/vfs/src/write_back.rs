//! What was written is stored: after a while, when there is much of it, or when somebody asks.

use alloc::rc::Rc;
use alloc::vec::Vec;

use anax_abi::Rights;
use anax_files::Failure;
use anax_files::volume::MOST;
use anax_proto::Gift;

use crate::host::Host;
use crate::node::Vnode;
use crate::session::Session;
use crate::state::Vfs;
use crate::volume::Volume;

impl<H: Host + 'static> Vfs<H> {
    /// Something of a file has changed: it is to be stored some time.
    pub(crate) fn changed(&self, vnode: &Rc<Vnode<H>>) {
        let seconds = self.host.seconds();
        if seconds != 0 {
            vnode.set_modified(seconds);
        }
        vnode.is_changed.set(true);
        if vnode.dirty_since.get().is_none() {
            vnode.dirty_since.set(Some(self.host.now()));
            self.dirty.borrow_mut().push_back(vnode.clone());
        }
    }

    /// When [`tick`](Self::tick) is to be called, in nanoseconds since the machine began.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let dirty = self.dirty.borrow();
        let oldest = dirty.iter().find(|vnode| !vnode.is_storing.get())?;
        Some(oldest.dirty_since.get()?.saturating_add(self.limits.store_after))
    }

    /// Stores what has waited for long enough.
    pub fn tick(self: &Rc<Self>) {
        let before = self.host.now().saturating_sub(self.limits.store_after);
        let is_due = |vnode: &&Rc<Vnode<H>>| {
            !vnode.is_storing.get() && vnode.dirty_since.get().is_some_and(|since| since <= before)
        };
        let due: Vec<_> = self.dirty.borrow().iter().filter(is_due).cloned().collect();
        due.iter().for_each(|vnode| self.store_later(vnode));
    }

    fn store_later(self: &Rc<Self>, vnode: &Rc<Vnode<H>>) {
        let (vfs, vnode) = (self.clone(), vnode.clone());
        self.ops.spawn(async move { vfs.store(&vnode).await });
    }

    /// Begins to store what has waited for longest, of one file system or of all.
    pub(crate) fn store_oldest(self: &Rc<Self>, volume: Option<u32>) {
        let is_meant = |vnode: &&Rc<Vnode<H>>| {
            !vnode.is_storing.get() && volume.is_none_or(|number| vnode.volume.number == number)
        };
        let oldest = self.dirty.borrow().iter().find(is_meant).cloned();
        if let Some(vnode) = oldest {
            self.store_later(&vnode);
        }
    }

    /// Waits while more is to be stored than may be: whoever writes faster than the disk waits for it. Each file system has a share of its own, or one that never answers would let all wait.
    pub(crate) async fn too_dirty(self: &Rc<Self>, volume: &Volume<H>) {
        let most = self.limits.cache / 4;
        if volume.dirty_bytes.get() > most / 2 {
            self.store_oldest(Some(volume.number));
        }
        let dirty = || {
            let all = || self.volumes().iter().map(|volume| volume.dirty_bytes.get()).sum();
            if cfg!(bite = "vfs-silence-is-shared") { all() } else { volume.dirty_bytes.get() }
        };
        while dirty() > most {
            self.store_oldest(Some(volume.number));
            self.cleaned.wait(&self.ops).await;
        }
    }

    /// Waits until nobody else changes what is stored of a file, and keeps others from it.
    pub(crate) async fn lock(&self, vnode: &Rc<Vnode<H>>) {
        while vnode.is_storing.get() {
            vnode.signal.wait(&self.ops).await;
        }
        vnode.is_storing.set(true);
        self.storing.borrow_mut().push(vnode.clone());
    }

    pub(crate) fn unlock(&self, vnode: &Rc<Vnode<H>>) {
        vnode.is_storing.set(false);
        self.storing.borrow_mut().retain(|other| !Rc::ptr_eq(other, vnode));
        vnode.signal.notify(&self.ops);
    }

    /// Stores all of a file. What it fails with is told to whoever asks for it to last.
    pub(crate) async fn store(&self, vnode: &Rc<Vnode<H>>) {
        self.lock(vnode).await;
        self.store_locked(vnode).await;
        self.unlock(vnode);
    }

    /// The same by whoever has the lock.
    pub(crate) async fn store_locked(&self, vnode: &Rc<Vnode<H>>) {
        self.dirty.borrow_mut().retain(|other| !Rc::ptr_eq(other, vnode));
        vnode.dirty_since.set(None);
        let is_open = vnode.opens.get() > 0 && cfg!(not(bite = "vfs-drops-what-is-open"));
        let is_lost = vnode.is_unlinked() && !is_open;
        let outcome = if is_lost { Ok(()) } else { self.store_pages(vnode).await };
        let outcome = match outcome {
            Ok(()) if !is_lost && vnode.is_changed.take() => self.store_attributes(vnode).await,
            outcome => outcome,
        };
        if let Err(failure) = outcome {
            vnode.failed.set(Some(failure));
            vnode.volume.failed.set(Some(failure));
        }
        if is_lost || outcome.is_err() {
            // Nobody will ever read it; or it can't be stored, which is told to who asks.
            self.clean(vnode);
        }
        self.cleaned.notify(&self.ops);
    }

    /// Nothing of it is to be stored any more.
    pub(crate) fn clean(&self, vnode: &Rc<Vnode<H>>) {
        let mut cleaned = 0;
        for (_, extent) in vnode.pages.borrow_mut().iter_mut() {
            cleaned += extent.dirty_bytes();
            extent.dirty = 0;
        }
        vnode.volume.cleaned(cleaned);
        vnode.is_changed.set(false);
    }

    /// Once from the beginning to the end: what is written meanwhile before that place is stored next time, or a program that never ceases to write would let others wait for ever.
    async fn store_pages(&self, vnode: &Rc<Vnode<H>>) -> Result<(), Failure> {
        let mut offset = 0;
        loop {
            let dirty = vnode.pages.borrow().first_dirty(offset, MOST);
            let Some((from, memory, bits, (begin, end))) = dirty else { return Ok(()) };
            offset = end;
            let (region, at, unit) = {
                let mut pages = vnode.pages.borrow_mut();
                let Some(extent) = pages.exactly(from, memory) else { return Err(Failure::Damaged) };
                // What is written from now on is stored once more.
                extent.dirty &= !bits;
                extent.busy |= bits;
                (extent.region, extent.at + (begin - from), extent.unit())
            };
            let end = end.min(vnode.size());
            let gift = Gift::copy(region, Rights::ALL);
            let stored = if begin < end {
                let length = end - begin;
                let _lent = vnode.volume.lend(&self.ops).await;
                self.ask(&vnode.volume, |client| client.store(vnode.node, begin, length, at, gift)).await
            } else {
                Ok(())
            };
            if let Some(extent) = vnode.pages.borrow_mut().exactly(from, memory) {
                extent.busy &= !bits;
            }
            vnode.volume.cleaned(u64::from(bits.count_ones()) * unit);
            vnode.signal.notify(&self.ops);
            self.cleaned.notify(&self.ops);
            stored?;
            if end > vnode.stored.get() {
                self.grown(vnode, end);
            }
        }
    }

    /// A file system has more of a file than before: what was promised is kept.
    fn grown(&self, vnode: &Vnode<H>, end: u64) {
        let (volume, growth) = (&vnode.volume, end - vnode.stored.get());
        volume.promised.set(volume.promised.get().saturating_sub(growth));
        volume.free_bytes.set(volume.free_bytes.get().saturating_sub(growth));
        vnode.stored.set(end);
    }

    async fn store_attributes(&self, vnode: &Rc<Vnode<H>>) -> Result<(), Failure> {
        let size = vnode.size();
        if size > vnode.stored.get() {
            self.ask(&vnode.volume, |client| client.set_size(vnode.node, size)).await?;
            self.grown(vnode, size);
        }
        let modified = vnode.attributes.get().modified;
        if modified != 0 {
            self.ask(&vnode.volume, |client| client.set_modified(vnode.node, modified)).await?;
        }
        Ok(())
    }

    /// Stores all that is to be stored, of one file system or of all.
    pub(crate) async fn store_all(&self, volume: Option<u32>) {
        let is_meant = |vnode: &&Rc<Vnode<H>>| volume.is_none_or(|number| vnode.volume.number == number);
        let mut all: Vec<_> = self.dirty.borrow().iter().filter(is_meant).cloned().collect();
        // What others are storing is not stored yet.
        if cfg!(not(bite = "vfs-sync-overlooks")) {
            all.extend(self.storing.borrow().iter().filter(is_meant).cloned());
        }
        for vnode in all {
            self.store(&vnode).await;
        }
    }

    /// Gives a file another size.
    pub(crate) async fn set_size(self: &Rc<Self>, vnode: &Rc<Vnode<H>>, size: u64) -> Result<(), Failure> {
        if size > vnode.size() {
            self.promise_size(vnode, size).await?;
            self.lock(vnode).await;
            let outcome = self.grow(vnode, size).await;
            self.unlock(vnode);
            return outcome;
        }
        self.lock(vnode).await;
        vnode.is_cutting.set(true);
        let outcome = self.cut(vnode, size).await;
        vnode.is_cutting.set(false);
        self.unlock(vnode);
        outcome
    }

    /// Makes a file longer by nothing, which its file system alone can tell if it can.
    async fn grow(&self, vnode: &Rc<Vnode<H>>, size: u64) -> Result<(), Failure> {
        if size > vnode.stored.get() {
            self.ask(&vnode.volume, |client| client.set_size(vnode.node, size)).await?;
            self.grown(vnode, size);
        }
        // It may have grown meanwhile.
        if size > vnode.size() {
            vnode.set_size(size);
            self.changed(vnode);
        }
        Ok(())
    }

    async fn cut(&self, vnode: &Rc<Vnode<H>>, size: u64) -> Result<(), Failure> {
        // What lies before the new end in the same page is not to be lost; and one with memory of its own has to know how much there is to be cut.
        let has_to_know = vnode.volume.traits.get().has_memory && cfg!(not(bite = "vfs-cut-untold"));
        if size > 0 || has_to_know {
            self.store_locked(vnode).await;
        } else {
            self.clean(vnode);
        }
        while vnode.pages.borrow_mut().iter_mut().any(|(_, extent)| extent.busy != 0) {
            vnode.signal.wait(&self.ops).await;
        }
        if size < vnode.stored.get() || vnode.volume.traits.get().has_memory {
            self.ask(&vnode.volume, |client| client.set_size(vnode.node, size)).await?;
            vnode.stored.set(size);
        }
        vnode.set_size(size);
        let lost = vnode.pages.borrow_mut().cut(size, &mut self.ended.borrow_mut());
        vnode.volume.cleaned(lost);
        self.changed(vnode);
        Ok(())
    }

    /// Makes sure that all of a file lasts.
    pub(crate) async fn sync(&self, vnode: &Rc<Vnode<H>>) -> Result<(), Failure> {
        self.store(vnode).await;
        let synced = self.ask(&vnode.volume, |client| client.sync_node(vnode.node)).await;
        match vnode.failed.take() {
            Some(failure) if cfg!(not(bite = "vfs-sync-forgets")) => Err(failure),
            _ => synced,
        }
    }

    /// Makes sure that all lasts that this thread has.
    pub(crate) async fn sync_own(&self) -> Result<(), Failure> {
        self.store_all(None).await;
        let mut outcome = Ok(());
        for volume in self.volumes() {
            let stored = volume.failed.take().map_or(Ok(()), Err);
            let synced = self.ask(&volume, |client| client.sync()).await;
            outcome = outcome.and(stored).and(synced);
        }
        outcome
    }

    /// A program that asks nothing may have closed files that are in somebody's way.
    pub(crate) fn see_closed_by_others(self: &Rc<Self>, sessions: impl IntoIterator<Item = Rc<Session<H>>>) {
        if cfg!(not(bite = "vfs-never-looks")) {
            sessions.into_iter().for_each(|session| self.see_closed(&session));
        }
    }

    /// A program may have closed files: here they are closed, too.
    pub(crate) fn see_closed(self: &Rc<Self>, session: &Rc<Session<H>>) {
        session.take_closed(|vnode| self.closed(vnode));
    }

    /// Somebody has closed it.
    pub(crate) fn closed(self: &Rc<Self>, vnode: &Rc<Vnode<H>>) {
        if vnode.opens.get() == 0 && vnode.is_unlinked() && vnode.dirty_since.get().is_some() {
            self.store_later(vnode);
        }
    }
}
