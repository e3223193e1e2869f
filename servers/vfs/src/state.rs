//! All that the server has, and how it comes to know nodes.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use anax_abi::{Handle, WORDS};
use anax_files::volume::VolumeClient;
use anax_files::{Attributes, Failure, Node};
use anax_proto::{Failure as _, Gifts, Reply};

use crate::bytes::LONGEST;
use crate::host::Host;
use crate::line::{Due, Line};
use crate::mounts::{Mount, Own};
use crate::names::Names;
use crate::node::{Ended, Vnode};
use crate::ops::{Ops, Signal};
use crate::peers::Asked;
use crate::session::Session;
use crate::volume::Volume;

/// How much of what there is at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of cached pages.
    pub cache: u64,
    /// Names that are remembered.
    pub names: usize,
    /// Programs.
    pub sessions: usize,
    /// File systems.
    pub mounts: usize,
    /// Nanoseconds after which what was written is stored.
    pub store_after: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cache: 16 << 20, names: 4096, sessions: 128, mounts: 32, store_after: 1_000_000_000 }
    }
}

/// A piece of the cache, for whoever looks for one that nobody uses.
pub(crate) struct Cached<H: Host> {
    pub(crate) vnode: Weak<Vnode<H>>,
    pub(crate) from: u64,
    pub(crate) memory: u64,
}

/// A thread's state. No other one has any of it: it is of `Rc`, which can't be sent.
///
/// ```compile_fail,E0277
/// fn can_be_sent<T: Send>() {}
/// fn with<H: vfs::Host + Send>() {
///     can_be_sent::<vfs::Vfs<H>>();
/// }
/// ```
pub struct Vfs<H: Host> {
    pub(crate) host: H,
    pub(crate) limits: Limits,
    pub(crate) ops: Rc<Ops>,
    due: Due,
    /// Those of all threads.
    pub(crate) mounts: RefCell<Vec<Mount<H>>>,
    /// File systems of this thread's that have no place in the tree yet.
    pub(crate) arriving: RefCell<Vec<Own<H>>>,
    /// How many of those that every machine has.
    pub(crate) first_mounts: Cell<usize>,
    /// Something was mounted, or taken from the tree.
    pub(crate) moved: Signal,
    /// What other threads were asked.
    pub(crate) asked: RefCell<BTreeMap<u64, Asked>>,
    pub(crate) names: RefCell<Names<H>>,
    pub(crate) ended: Rc<RefCell<Ended>>,
    pub(crate) sessions: RefCell<BTreeMap<u64, Rc<Session<H>>>>,
    last_session: Cell<u64>,
    last_volume: Cell<u32>,
    last_number: Cell<u64>,
    /// Files of which something is still to be stored.
    pub(crate) dirty: RefCell<VecDeque<Rc<Vnode<H>>>>,
    /// Files of which something is being stored.
    pub(crate) storing: RefCell<Vec<Rc<Vnode<H>>>>,
    /// Beginnings of the tree that are under way, and when one has ended.
    pub(crate) building: Cell<u32>,
    pub(crate) built: Signal,
    /// Something was stored, or a piece of the cache has become free.
    pub(crate) cleaned: Signal,
    pub(crate) cached_bytes: Cell<u64>,
    pub(crate) clock: RefCell<VecDeque<Cached<H>>>,
    /// At how many pieces of the clock those are sought that have ended.
    pub(crate) swept_at: Cell<usize>,
}

/// Pieces of the clock among which nobody looks for such as have ended.
pub(crate) const SWEPT_AT: usize = 64;

/// Numbers of programs begin there: the names server's are below.
const FIRST_SESSION: u64 = 1 << 31;

impl<H: Host + 'static> Vfs<H> {
    /// An empty one. `keys`: numbers that nobody can guess.
    pub fn new(host: H, limits: Limits, keys: (u64, u64)) -> Rc<Self> {
        Rc::new(Self {
            host,
            limits,
            ops: Rc::default(),
            due: Due::default(),
            mounts: RefCell::default(),
            arriving: RefCell::default(),
            first_mounts: Cell::new(0),
            moved: Signal::default(),
            asked: RefCell::default(),
            names: RefCell::new(Names::new(limits.names, keys)),
            ended: Rc::default(),
            sessions: RefCell::default(),
            last_session: Cell::new(0),
            last_volume: Cell::new(0),
            last_number: Cell::new(0),
            dirty: RefCell::default(),
            storing: RefCell::default(),
            building: Cell::new(0),
            built: Signal::default(),
            cleaned: Signal::default(),
            cached_bytes: Cell::new(0),
            clock: RefCell::default(),
            swept_at: Cell::new(SWEPT_AT),
        })
    }

    /// The machine.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// A number that is never used again.
    pub(crate) fn number(&self) -> u64 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }

    /// A number for a program more.
    ///
    /// # Errors
    /// `TooMany`.
    pub(crate) fn session_number(&self) -> Result<u64, Failure> {
        if self.sessions.borrow().len() >= self.limits.sessions {
            return Err(Failure::TooMany);
        }
        // Numbers are badges, of 32 bits; the last is the program's own.
        let next = (self.last_session.get() + 1) % (FIRST_SESSION - 1);
        self.last_session.set(next);
        Ok(FIRST_SESSION + next)
    }

    pub(crate) fn volume_number(&self) -> u32 {
        self.last_volume.set(self.last_volume.get() + 1);
        self.last_volume.get()
    }

    /// The program of that number.
    ///
    /// # Errors
    /// `Gone`.
    pub(crate) fn session(&self, number: u64) -> Result<Rc<Session<H>>, Failure> {
        self.sessions.borrow().get(&number).cloned().ok_or(Failure::Gone)
    }

    /// A program is gone, and with it all that it had open.
    pub fn left(self: &Rc<Self>, number: u64) {
        let Some(session) = self.sessions.borrow_mut().remove(&number) else { return };
        session.is_gone.set(true);
        for file in session.all() {
            if let Ok(vnode) = session.close(file) {
                self.closed(&vnode);
            }
        }
        self.host.close(session.table_handle);
    }

    /// Asks a file system.
    pub(crate) async fn ask<R>(
        &self,
        volume: &Volume<H>,
        method: impl FnMut(&mut VolumeClient<Line>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let send = |token, command, words: [u64; WORDS], gifts: &Gifts| {
            self.host.send(volume.port, token, command, words, gifts)
        };
        let refuse = |gifts: &Gifts| gifts.iter().for_each(|gift| self.host.close(gift.handle));
        self.due.ask(&self.ops, method, send, refuse).await
    }

    /// A file system has answered, or has ended over the question. Handles beside the answer are this server's from now on.
    pub fn answered(&self, token: u64, mut answer: Result<(Reply, Gifts), anax_abi::Error>) {
        if let Ok((reply, _)) = &mut answer
            && reply.code < 0
            && matches!(Failure::from_code(reply.code), Failure::Elsewhere { .. })
            && cfg!(not(bite = "vfs-sent-elsewhere"))
        {
            // That is this server's to say.
            reply.code = Failure::Damaged.code();
        }
        let gifts = answer.as_ref().map_or(Gifts::NONE, |(_, gifts)| *gifts);
        if !self.due.answered(token, answer, &self.ops) {
            gifts.iter().for_each(|gift| self.host.close(gift.handle));
        }
    }

    /// Goes on with what can go on, and tells file systems what they can forget.
    pub fn run(self: &Rc<Self>) {
        loop {
            self.ops.run();
            if self.ended.borrow().is_empty() {
                return;
            }
            let ended = core::mem::take(&mut *self.ended.borrow_mut());
            let had_regions = !ended.regions.is_empty();
            if !ended.directories.is_empty() && cfg!(not(bite = "vfs-names-of-the-forgotten")) {
                self.names.borrow_mut().forget_directories(&ended.directories);
            }
            for (region, length) in ended.regions {
                self.host.end(region);
                self.cached_bytes.set(self.cached_bytes.get().saturating_sub(length));
            }
            ended.lent.into_iter().for_each(|region| self.host.close(region));
            if had_regions {
                self.cleaned.notify(&self.ops);
            }
            for (volume, node, count) in ended.nodes {
                self.forget(volume, node, count);
            }
        }
    }

    fn forget(self: &Rc<Self>, volume: u32, node: Node, count: u64) {
        let of = |mount: &Mount<H>| mount.own.as_ref().map(|own| own.volume.clone());
        let is_it = |of: &Rc<Volume<H>>| of.number == volume;
        let Some(volume) = self.mounts.borrow().iter().filter_map(of).find(is_it) else { return };
        volume.forgotten.borrow_mut().push((node, count));
        if volume.is_forgetting.replace(true) {
            return;
        }
        // One after the other: when the name cache drops its older half there are thousands of them, and fewer messages may be under way.
        let vfs = self.clone();
        self.ops.spawn(async move {
            loop {
                let next = volume.forgotten.borrow_mut().pop();
                let Some((node, count)) = next else { break };
                // One that has died has forgotten all.
                let _gone = vfs.ask(&volume, |client| client.forget(node, count)).await;
            }
            volume.is_forgetting.set(false);
        });
    }

    /// How many operations are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.ops.alive()
    }

    /// How many nodes of mounted file systems something here refers to.
    #[must_use]
    pub fn referred_to(&self) -> usize {
        self.volumes().iter().map(|volume| volume.nodes.borrow().len()).sum()
    }

    /// What a file system says of a node, by which it becomes known here, or is known already. Counts as so many of its answers.
    ///
    /// # Errors
    /// `Damaged`: a size that nothing can have, or what was something else before.
    pub(crate) fn know(
        &self,
        volume: &Rc<Volume<H>>,
        attributes: Attributes,
        answers: u64,
    ) -> Result<Rc<Vnode<H>>, Failure> {
        if attributes.size > LONGEST {
            return Err(Failure::Damaged);
        }
        let known = volume.nodes.borrow().get(&attributes.node).and_then(Weak::upgrade);
        if let Some(vnode) = known {
            // A file system that makes one thing another is not to be believed.
            if vnode.attributes.get().kind != attributes.kind {
                return Err(Failure::Damaged);
            }
            vnode.answers.set(vnode.answers.get() + answers);
            vnode.set_links(attributes.links);
            if volume.traits.get().is_volatile {
                vnode.set_size(attributes.size);
                vnode.set_modified(attributes.modified);
            }
            return Ok(vnode);
        }
        let vnode = Rc::new(Vnode::new(self.number(), volume.clone(), attributes, self.ended.clone()));
        vnode.answers.set(answers);
        volume.nodes.borrow_mut().insert(attributes.node, Rc::downgrade(&vnode));
        Ok(vnode)
    }

    /// Regions that are another's are closed when they are of no use.
    pub(crate) fn close(&self, handle: Handle) {
        self.host.close(handle);
    }
}

impl<H: Host> core::fmt::Debug for Vfs<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vfs").field("ops", &self.ops).finish_non_exhaustive()
    }
}
