//! The executor under a scripted kernel and virtual time.
#![cfg(not(loom))]

#[path = "executor/calls.rs"]
mod calls;
#[path = "executor/channels.rs"]
mod channels;
#[path = "executor/incoming.rs"]
mod incoming;
#[path = "executor/random.rs"]
mod random;
#[path = "executor/random_channels.rs"]
mod random_channels;
#[path = "executor/scheduling.rs"]
mod scheduling;
#[path = "executor/time.rs"]
mod time;
#[path = "executor/typed.rs"]
mod typed;
#[path = "executor/world.rs"]
mod world;

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use world::World;

/// What tasks note, in the order in which they do.
#[derive(Clone, Debug)]
struct Notes<T>(Rc<RefCell<Vec<T>>>);

impl<T> Notes<T> {
    fn new() -> Self {
        Self(Rc::default())
    }

    fn add(&self, note: T) {
        self.0.borrow_mut().push(note);
    }

    fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

/// A buffer that notes its end.
#[derive(Debug)]
struct Buffer {
    name: u32,
    dropped: Notes<u32>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.dropped.add(self.name);
    }
}
