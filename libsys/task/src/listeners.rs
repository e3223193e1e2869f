//! Notices on their way from the port to the tasks that wait for them, by their badges.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use anax_abi::object::notice;
use anax_abi::{Error, MessageNumber, WORDS};

use crate::kernel::Arrived;
use crate::waiters::Waiters;

/// Something that the kernel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which notice, see [`notice`](anax_abi::object::notice).
    pub command: u32,
    /// How many occurrences it tells of.
    pub count: u64,
    /// Its words; of several occurrences those of the first.
    pub words: [u64; WORDS],
}

/// What a badge is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What needs no answer.
    Notices,
    /// Interrupts.
    Interrupts,
    /// A channel's doorbell: the loop looks at all channels whenever it wakes.
    Channel,
}

/// Who listens for a badge.
#[derive(Debug)]
pub(crate) struct Listener {
    kind: Kind,
    pub(crate) queue: RefCell<VecDeque<(Notice, MessageNumber)>>,
    pub(crate) waiters: Waiters,
}

/// All who listen.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Notices that wait for one listener.
    limit: usize,
    by_badge: RefCell<BTreeMap<u64, Rc<Listener>>>,
    unheard: Cell<u64>,
}

impl Listeners {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, by_badge: RefCell::default(), unheard: Cell::new(0) }
    }

    pub(crate) fn unheard(&self) -> u64 {
        self.unheard.get()
    }

    /// Listens for that badge.
    ///
    /// # Errors
    /// `Exists`.
    pub(crate) fn add(&self, badge: u64, kind: Kind) -> Result<Rc<Listener>, Error> {
        let mut by_badge = self.by_badge.borrow_mut();
        if by_badge.contains_key(&badge) {
            return Err(Error::Exists);
        }
        let listener = Rc::new(Listener { kind, queue: RefCell::default(), waiters: Waiters::default() });
        by_badge.insert(badge, listener.clone());
        Ok(listener)
    }

    /// Nobody listens for it any more.
    pub(crate) fn remove(&self, badge: u64) {
        let listener = self.by_badge.borrow_mut().remove(&badge);
        drop(listener);
    }

    fn find(&self, badge: u64, is_wanted: impl Fn(Kind) -> bool) -> Option<Rc<Listener>> {
        self.by_badge.borrow().get(&badge).filter(|listener| is_wanted(listener.kind)).cloned()
    }

    /// A notice that needs no answer.
    pub(crate) fn hear(&self, arrived: &Arrived) {
        match self.find(arrived.badge, |kind| kind != Kind::Interrupts) {
            Some(listener) if listener.kind == Kind::Channel => {}
            Some(listener) if listener.push(arrived, self.limit) => listener.waiters.wake(),
            _ => self.unheard.set(self.unheard.get() + 1),
        }
    }

    /// Whether it is an interrupt for one who listens: the kernel sends no other one before this one is answered.
    pub(crate) fn interrupt(&self, arrived: &Arrived) -> bool {
        let found = self.find(arrived.badge, |kind| kind == Kind::Interrupts);
        let Some(listener) = found.filter(|listener| listener.push(arrived, self.limit)) else {
            return false;
        };
        listener.waiters.wake();
        true
    }
}

impl Listener {
    /// False if it finds no room.
    fn push(&self, arrived: &Arrived, limit: usize) -> bool {
        let command = arrived.envelope.command();
        let notice = Notice { command, count: arrived.result.max(0).cast_unsigned(), words: arrived.words };
        let mut queue = self.queue.borrow_mut();
        // What only says "look" is said once, however often it was heard.
        if matches!(command, notice::TIMER | notice::RING)
            && let Some((waiting, _)) = queue.iter_mut().find(|(waiting, _)| waiting.command == command)
        {
            waiting.count = waiting.count.saturating_add(notice.count);
            return true;
        }
        let has_room = queue.len() < limit;
        if has_room {
            queue.push_back((notice, arrived.number));
        }
        has_room
    }
}
