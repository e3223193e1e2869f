//! Drivers that keep the CPU to themselves though they answer whoever asks: they are more urgent than their clients, who would never get on, and so could
//! not complain. One that holds an interrupt has a budget in the kernel; one that only looks at its device from time to time has not.
//!
//! Such a driver is not ended, for it may have much to do: it becomes as urgent as a program, until it waits again.

/// So many times in a row it is found not to wait for anything before it is less urgent, or waiting before it is as urgent again.
const LOOKS: u8 = 20;

/// What is known of a driver's share of the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    looks: u8,
    is_less: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// It becomes as urgent as a program.
    Less,
    /// It becomes as urgent as its manifest says.
    Own,
}

impl Share {
    /// It was found to wait for something, or not.
    pub fn look(&mut self, waits: bool) -> Option<Rank> {
        self.looks = if waits == self.is_less { self.looks + 1 } else { 0 };
        if self.looks < LOOKS || cfg!(bite = "init-drivers-may-hog") {
            self.looks = self.looks.min(LOOKS - 1);
            return None;
        }
        (self.looks, self.is_less) = (0, !self.is_less);
        Some(if self.is_less { Rank::Less } else { Rank::Own })
    }
}
