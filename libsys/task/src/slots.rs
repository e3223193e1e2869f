//! The private table of what is in flight: the only authority on what a reply completes, and the owner of the buffers meanwhile.
//!
//! A token on the way is a place in the table and its generation, so a reply that names no use under way is a stray: counted and not
//! believed. Buffers lie here from the moment of sending until the real reply, whether or not somebody still waits for it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};

use crate::permits::Permits;
use crate::waiters::Waiters;

/// What an operation was given, until it has ended.
pub(crate) type Owned = Box<dyn Any>;

/// A use of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    place: u32,
    generation: u32,
}

impl Key {
    pub(crate) const fn to_token(self) -> u64 {
        (self.generation as u64) << 32 | self.place as u64
    }

    const fn from_token(token: u64) -> Self {
        Self { place: token as u32, generation: (token >> 32) as u32 }
    }
}

/// Uses that wait for a reply `R`.
pub(crate) struct Slots<R> {
    table: RefCell<Table<R>>,
    pub(crate) permits: Permits,
    /// Who waits until nothing is under way.
    pub(crate) idle: Waiters,
    strays: Cell<u64>,
}

struct Table<R> {
    places: Vec<Place<R>>,
    free: Vec<u32>,
}

struct Place<R> {
    generation: u32,
    state: State<R>,
    owned: Option<Owned>,
}

enum State<R> {
    Free,
    /// Its reply is due, and somebody waits for it.
    Waited(Option<Waker>),
    /// Its reply is due, and nobody waits for it any more.
    Abandoned,
    Come(R),
}

/// What became of a reply.
pub(crate) enum Completed<R> {
    /// Somebody will take it.
    Delivered,
    /// Nobody wants it: whoever asked is gone, or nobody has asked.
    Unwanted(R),
}

impl<R> Slots<R> {
    pub(crate) fn new(capacity: usize) -> Self {
        let place = || Place { generation: 1, state: State::Free, owned: None };
        let places: Vec<_> = (0..capacity).map(|_| place()).collect();
        let free = (0..capacity as u32).rev().collect();
        Self {
            table: RefCell::new(Table { places, free }),
            permits: Permits::new(capacity),
            idle: Waiters::default(),
            strays: Cell::new(0),
        }
    }

    /// Uses whose reply is due or has not been taken.
    pub(crate) fn in_flight(&self) -> usize {
        let table = self.table.borrow();
        table.places.len() - table.free.len()
    }

    /// Replies that named no use under way.
    pub(crate) fn strays(&self) -> u64 {
        self.strays.get()
    }

    /// Takes a place, by a permit of [`Slots::permits`]. None only without one.
    pub(crate) fn claim(&self, owned: Owned) -> Result<Key, Owned> {
        let table = &mut *self.table.borrow_mut();
        let Some(place) = table.free.pop() else { return Err(owned) };
        let found = &mut table.places[place as usize];
        found.state = State::Waited(None);
        found.owned = Some(owned);
        Ok(Key { place, generation: found.generation })
    }

    /// Gives the place back: what was to be sent was not.
    pub(crate) fn unsend(&self, key: Key) -> Option<Owned> {
        self.free(key).and_then(|(_, owned)| owned)
    }

    /// A reply to `token` has come.
    pub(crate) fn complete(&self, token: u64, reply: R) -> Completed<R> {
        let key = Key::from_token(token);
        let waker = {
            let mut table = self.table.borrow_mut();
            let found = table.places.get_mut(key.place as usize).filter(|found| {
                let is_due = matches!(found.state, State::Waited(_) | State::Abandoned);
                is_due && (found.generation == key.generation || cfg!(bite = "task-stale-token-believed"))
            });
            let Some(found) = found else {
                self.strays.set(self.strays.get() + 1);
                return Completed::Unwanted(reply);
            };
            match &mut found.state {
                State::Waited(waker) => {
                    let waker = waker.take();
                    found.state = State::Come(reply);
                    waker
                }
                _ => {
                    drop(table);
                    // The buffers are dropped here, with their real reply at hand.
                    drop(self.free(key));
                    return Completed::Unwanted(reply);
                }
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Completed::Delivered
    }

    /// Takes the reply, and what the use owned; the place is another's then.
    pub(crate) fn poll(&self, key: Key, context: &Context<'_>) -> Poll<(R, Owned)> {
        {
            let mut table = self.table.borrow_mut();
            if let Some(State::Waited(waker)) = table.state(key) {
                let before = match waker {
                    Some(waker) if waker.will_wake(context.waker()) => return Poll::Pending,
                    waker => waker.replace(context.waker().clone()),
                };
                drop(table);
                drop(before);
                return Poll::Pending;
            }
        }
        match self.free(key) {
            Some((State::Come(reply), Some(owned))) => Poll::Ready((reply, owned)),
            _ => Poll::Pending,
        }
    }

    /// Nobody waits for it any more. The reply, if it has come already; if not, the place stays in use until it comes.
    pub(crate) fn abandon(&self, key: Key) -> Option<R> {
        {
            let mut table = self.table.borrow_mut();
            if let Some(state @ State::Waited(_)) = table.state(key) {
                *state = State::Abandoned;
                if cfg!(bite = "task-buffers-dropped-at-cancel") {
                    let owned = table.places[key.place as usize].owned.take();
                    drop(table);
                    drop(owned);
                }
                return None;
            }
        }
        match self.free(key) {
            Some((State::Come(reply), _)) => Some(reply),
            _ => None,
        }
    }

    fn free(&self, key: Key) -> Option<(State<R>, Option<Owned>)> {
        let (left, is_idle) = {
            let table = &mut *self.table.borrow_mut();
            table.state(key)?;
            let found = &mut table.places[key.place as usize];
            // 0 is skipped: a token is never 0.
            found.generation = found.generation.checked_add(1).unwrap_or(1);
            let left = (core::mem::replace(&mut found.state, State::Free), found.owned.take());
            table.free.push(key.place);
            (left, table.free.len() == table.places.len())
        };
        self.permits.release();
        if is_idle {
            self.idle.wake();
        }
        Some(left)
    }
}

impl<R> Table<R> {
    /// Of a use that is not over.
    fn state(&mut self, key: Key) -> Option<&mut State<R>> {
        let found = self.places.get_mut(key.place as usize)?;
        (found.generation == key.generation && !matches!(found.state, State::Free))
            .then_some(&mut found.state)
    }
}

impl<R> Drop for Slots<R> {
    /// The table ends before some replies: their buffers are never given back, for somebody may still write there.
    fn drop(&mut self) {
        for place in &mut self.table.get_mut().places {
            if matches!(place.state, State::Waited(_) | State::Abandoned) {
                core::mem::forget(place.owned.take());
            }
        }
    }
}
