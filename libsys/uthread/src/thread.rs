//! One thread: what the scheduler keeps of it.

use core::fmt;
use core::ops::{Index, IndexMut};

use anax_lwkt::list::{Link, Links, ThreadIndex};
use anax_lwkt::runqueue::Priority;
use anax_sys::Received;

use crate::stack::Stack;

/// A thread's name: its place, and which of those that have had it. One that has ended is never mistaken for its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ThreadId {
    /// Its number, as panics have it: from 0 on, used again.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// In a message's token.
    pub(crate) const fn to_word(self) -> u64 {
        self.index as u64 | (self.generation as u64) << 32
    }

    /// Back from there.
    pub(crate) const fn from_word(word: u64) -> Self {
        Self { index: word as u32, generation: (word >> 32) as u32 }
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.index)
    }
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is nobody's.
    Free,
    /// Allocated; not scheduled yet.
    Fresh,
    /// On the run queue.
    Runnable,
    /// On the CPU.
    Running,
    /// On no run queue: one that preempted it will return to it.
    Preempted,
    /// On a wait queue, or waiting for the reply to its message.
    Blocked,
    /// It has ended and may still stand on its stack.
    Ended,
}

/// What an initialised thread will run, until it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload {
    pub(crate) place: *mut u8,
    /// Drops it where it lies.
    pub(crate) discard: unsafe fn(*mut u8),
}

/// A message of the thread's and its reply.
#[derive(Debug)]
pub(crate) enum Reply {
    /// There is none.
    None,
    /// It is due.
    Due,
    /// It has come.
    Come(Received),
}

#[derive(Debug)]
pub(crate) struct Thread {
    link: Link,
    pub(crate) state: State,
    pub(crate) priority: Priority,
    pub(crate) generation: u32,
    /// Its depth in critical sections while it does not run.
    pub(crate) critical: u32,
    /// Whom it has preempted.
    pub(crate) preempted: Option<ThreadIndex>,
    /// The next free one.
    pub(crate) next: Option<ThreadIndex>,
    pub(crate) payload: Option<Payload>,
    pub(crate) reply: Reply,
    pub(crate) stack: Stack,
}

impl Thread {
    pub(crate) const fn new(stack: Stack, next: Option<ThreadIndex>) -> Self {
        Self {
            link: Link::FREE,
            state: State::Free,
            priority: Priority::USER_NORMAL,
            generation: 0,
            critical: 0,
            preempted: None,
            next,
            payload: None,
            reply: Reply::None,
            stack,
        }
    }
}

/// All of a virtual CPU's.
#[derive(Debug)]
pub(crate) struct Threads(pub(crate) &'static mut [Thread]);

impl Index<ThreadIndex> for Threads {
    type Output = Thread;

    #[inline(always)]
    fn index(&self, thread: ThreadIndex) -> &Thread {
        &self.0[thread.0 as usize]
    }
}

impl IndexMut<ThreadIndex> for Threads {
    #[inline(always)]
    fn index_mut(&mut self, thread: ThreadIndex) -> &mut Thread {
        &mut self.0[thread.0 as usize]
    }
}

impl Links for Threads {
    #[inline(always)]
    fn link(&self, thread: ThreadIndex) -> Link {
        self[thread].link
    }

    #[inline(always)]
    fn set_link(&mut self, thread: ThreadIndex, link: Link) {
        self[thread].link = link;
    }
}
