//! Calls of regions, timers, channels, interrupts and port ranges, and what makes and ends them.

use anax_abi::Error;

use super::{Call, Served};
use crate::cap::Space;
use crate::object::ObjectRef;

pub(super) fn serve(_object: ObjectRef, _command: u32, _call: &mut Call<'_>) -> Result<Served, Error> {
    Err(Error::BadCommand)
}

pub(super) fn end(_object: ObjectRef) {}

macro_rules! later {
    ($($name:ident),+) => { $(
        pub(super) fn $name(_space: &'static Space, _call: &mut Call<'_>, _words: [u64; 5]) -> Result<Served, Error> {
            Err(Error::BadCommand)
        }
    )+ };
}
later!(create_region, create_timer, create_channel, map, unmap, protect);
