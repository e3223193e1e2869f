//! Objects that end, or are given up, when their owner goes out of scope.
//!
//! The wrappers of [`object`](crate::object) are handles and as such copied at will; an [`Owned`] one is the program's to keep, and
//! whoever has it decides when it is over. What that means is the kind's ([`Object::END`]).

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use anax_sys::object::{Channel, Irq, Ports, Region, Space, Thread, Timer};
use anax_sys::{Error, Handle, Port};

/// What happens to an object when its owner lets go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The handle is given up; the object ends if it was the last one.
    Close,
    /// The object ends, whoever else has handles to it: what is waiting for it is told `PeerDied`. If the handle does not allow
    /// that, it is given up.
    Destroy,
}

/// A kind of object.
pub trait Object: Copy {
    /// What happens to it in the end.
    const END: End;

    /// The object behind the handle, which is taken at its word.
    fn from_handle(handle: Handle) -> Self;

    /// Its handle.
    fn handle(self) -> Handle;
}

macro_rules! objects {
    ($($kind:ident: $end:ident, $owned:ident = $doc:literal;)+) => {
        $(
            impl Object for $kind {
                const END: End = End::$end;

                fn from_handle(handle: Handle) -> Self {
                    Self::from_handle(handle)
                }

                fn handle(self) -> Handle {
                    self.handle()
                }
            }

            #[doc = $doc]
            pub type $owned = Owned<$kind>;
        )+
    };
}

objects! {
    Region: Close, OwnedRegion = "A region; where it is mapped it stays.";
    Port: Destroy, OwnedPort = "A port; whoever has sent to it is told that it died.";
    Timer: Close, OwnedTimer = "A timer; it goes off no more.";
    Channel: Close, OwnedChannel = "One end of a channel; the other end learns that its peer died.";
    Space: Destroy, OwnedSpace = "Another program's space; its threads end.";
    Thread: Close, OwnedThread = "The handle of a thread, which goes on.";
    Irq: Close, OwnedIrq = "An interrupt.";
    Ports: Close, OwnedPorts = "A range of I/O ports.";
}

/// An object with its owner.
pub struct Owned<T: Object>(T);

impl<T: Object> Owned<T> {
    /// Takes it over. Nobody else should be going to give it up; if somebody does, its handle is dead and this one's end does nothing.
    pub const fn new(object: T) -> Self {
        Self(object)
    }

    /// Lets it be without ending it.
    #[must_use]
    pub fn into_inner(self) -> T {
        ManuallyDrop::new(self).0
    }

    /// Ends it as going out of scope does, and says how that went.
    ///
    /// # Errors
    /// `BadHandle` if it has been given up before.
    pub fn end(self) -> Result<(), Error> {
        end(self.into_inner())
    }
}

impl<T: Object> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Object> AsRef<T> for Owned<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

impl<T: Object> From<T> for Owned<T> {
    fn from(object: T) -> Self {
        Self::new(object)
    }
}

impl<T: Object + fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owned").field(&self.0).finish()
    }
}

impl<T: Object> Drop for Owned<T> {
    fn drop(&mut self) {
        // It may be over already, by its supervisor's doing.
        let _ = end(self.0);
    }
}

fn end<T: Object>(object: T) -> Result<(), Error> {
    let handle = object.handle();
    if T::END == End::Destroy && cfg!(not(bite = "owned-lingers")) {
        // Without the right to, closing has to do; with it, the slot is still to be given up.
        let _ = Space::SELF.destroy(handle);
    }
    Space::SELF.close(handle)
}
