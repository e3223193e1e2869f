//! What a program does besides, each time its loop comes round. A driver that is used does nothing; one that is to show what becomes
//! of a driver that is wrong does it here, in the middle of its work and with all of that around it.

/// Where in its loop a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is about to serve.
    Before,
    /// It has served, and nobody was rung yet.
    Served,
    /// A message has come, and was not looked at yet.
    Woken,
}

/// Something that a program does besides.
pub trait Turns {
    /// Called by the program's only thread. It is inlined into the loop, so that what the loop has in registers is there.
    fn turn(&self, moment: Moment);
}

/// Nothing, and no instruction for it.
impl Turns for () {
    #[inline(always)]
    fn turn(&self, _: Moment) {}
}
