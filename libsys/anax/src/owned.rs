//! Handles that release themselves.

use core::mem::ManuallyDrop;
use core::ops::Deref;

use anax_abi::Handle;
use anax_sys::object::{Channel, Irq, Ports, Region, Space, Timer};
use anax_sys::{Port, Target};

/// A kind of object that this program can have a handle to.
pub trait Object: Copy {
    /// Its handle.
    fn as_handle(&self) -> Handle;
}

macro_rules! objects {
    ($($name:ident),+) => {$(
        impl Object for $name {
            fn as_handle(&self) -> Handle {
                self.handle()
            }
        }
    )+};
}

objects!(Channel, Irq, Port, Ports, Region, Space, Target, Timer);

impl Object for Handle {
    fn as_handle(&self) -> Handle {
        *self
    }
}

/// An object of which this is the program's own handle: it is given up when this is dropped, and with the last handle everywhere the object ends.
/// Copies of what is inside are as good as this only while it lives.
#[derive(Debug)]
pub struct Owned<T: Object>(T);

impl<T: Object> Owned<T> {
    /// Takes it over.
    pub const fn new(object: T) -> Self {
        Self(object)
    }

    /// Gives it back; nobody releases it then.
    #[must_use]
    pub fn into_inner(self) -> T {
        ManuallyDrop::new(self).0
    }
}

impl<T: Object> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Object> Drop for Owned<T> {
    fn drop(&mut self) {
        // One whose object has ended is given up already.
        let _ = Space::SELF.close(self.0.as_handle());
    }
}
