//! Lists of threads, linked by index.
//!
//! Run queues and wait queues put threads in order without allocating: each thread brings one [`Link`], and a queue holds
//! only the ends. The caller keeps the links where it keeps its threads and lends them by the trait [`Links`], so nothing here
//! needs a pointer. A link also says which queue it is on: a thread is on one queue at most, and putting it on a second
//! is a defect in the caller that is noticed at once.

use core::fmt;

/// A thread of this CPU, as an index into the caller's table of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadIndex(pub u32);

impl fmt::Display for ThreadIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.0)
    }
}

/// No thread: never a valid index.
const NIL: u32 = u32::MAX;

/// Which queue a link is on: the kind of queue and the list in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u16);

impl Place {
    const NOWHERE: Self = Self(u16::MAX);

    pub(crate) const fn new(kind: QueueKind, list: u8) -> Self {
        Self((kind as u16) << 8 | list as u16)
    }

    const fn kind(self) -> Option<QueueKind> {
        match self.0 >> 8 {
            0 => Some(QueueKind::Run),
            1 => Some(QueueKind::Wait),
            2 => Some(QueueKind::User),
            _ => None,
        }
    }

    const fn list(self) -> u8 {
        self.0 as u8
    }
}

/// The kinds of queue that a thread can be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum QueueKind {
    /// The thread scheduler's run queue.
    Run = 0,
    /// A wait queue.
    Wait = 1,
    /// A user scheduler's queue of threads that wait for their turn.
    User = 2,
}

/// What a thread brings to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    next: u32,
    previous: u32,
    place: Place,
}

impl Link {
    /// On no queue.
    pub const FREE: Self = Self { next: NIL, previous: NIL, place: Place::NOWHERE };

    /// The kind of queue it is on.
    #[must_use]
    pub const fn queued_on(&self) -> Option<QueueKind> {
        self.place.kind()
    }

    pub(crate) const fn list_of(&self, kind: QueueKind) -> Option<u8> {
        match self.place.kind() {
            Some(found) if found as u16 == kind as u16 => Some(self.place.list()),
            _ => None,
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::FREE
    }
}

/// Where the caller keeps the links. Only the CPU that owns the queue in question may touch them.
///
/// `thread` is always one that the caller itself put on a queue of this CPU; for any other an implementation may panic.
pub trait Links {
    /// The link of `thread`.
    fn link(&self, thread: ThreadIndex) -> Link;
    /// Replaces the link of `thread`.
    fn set_link(&mut self, thread: ThreadIndex, link: Link);
}

impl Links for [Link] {
    fn link(&self, thread: ThreadIndex) -> Link {
        self[thread.0 as usize]
    }

    fn set_link(&mut self, thread: ThreadIndex, link: Link) {
        self[thread.0 as usize] = link;
    }
}

/// The ends of one list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self { head: NIL, tail: NIL };

    pub(crate) const fn is_empty(&self) -> bool {
        self.head == NIL
    }

    pub(crate) const fn first(&self) -> Option<ThreadIndex> {
        some(self.head)
    }

    #[inline]
    pub(crate) fn push_back<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex, place: Place) {
        claim(links, thread, Link { next: NIL, previous: self.tail, place });
        match some(self.tail) {
            None => self.head = thread.0,
            Some(tail) => change(links, tail, |link| link.next = thread.0),
        }
        self.tail = thread.0;
    }

    pub(crate) fn push_front<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex, place: Place) {
        claim(links, thread, Link { next: self.head, previous: NIL, place });
        match some(self.head) {
            None => self.tail = thread.0,
            Some(head) => change(links, head, |link| link.previous = thread.0),
        }
        self.head = thread.0;
    }

    /// Puts `thread` in the place of the only one that is on the list, and returns that. `None` if there is not just one.
    #[inline]
    pub(crate) fn replace_only<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        thread: ThreadIndex,
        place: Place,
    ) -> Option<ThreadIndex> {
        if self.head != self.tail {
            return None;
        }
        let only = some(self.head)?;
        claim(links, thread, Link { next: NIL, previous: NIL, place });
        links.set_link(only, Link::FREE);
        *self = Self { head: thread.0, tail: thread.0 };
        Some(only)
    }

    /// Takes `thread` out. It has to be on this very list.
    #[inline]
    pub(crate) fn remove<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex) {
        let link = links.link(thread);
        match some(link.previous) {
            None => self.head = link.next,
            Some(previous) => change(links, previous, |before| before.next = link.next),
        }
        match some(link.next) {
            None => self.tail = link.previous,
            Some(next) => change(links, next, |after| after.previous = link.previous),
        }
        links.set_link(thread, Link::FREE);
    }
}

const fn some(index: u32) -> Option<ThreadIndex> {
    if index == NIL { None } else { Some(ThreadIndex(index)) }
}

fn claim<L: Links + ?Sized>(links: &mut L, thread: ThreadIndex, link: Link) {
    #[cfg(not(bite = "list-twice"))]
    assert!(links.link(thread) == Link::FREE, "{thread} is on a queue already");
    links.set_link(thread, link);
}

fn change<L: Links + ?Sized>(links: &mut L, thread: ThreadIndex, change: impl FnOnce(&mut Link)) {
    let mut link = links.link(thread);
    change(&mut link);
    links.set_link(thread, link);
}
