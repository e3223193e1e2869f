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

/// How urgent a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// As a program.
    Less,
    /// As its manifest says.
    Own,
    /// Above all but init: whatever it has to do, it has the CPU for it now.
    Utmost,
}

impl Share {
    /// How urgent it is to be.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        if self.is_less { Urgency::Less } else { Urgency::Own }
    }

    /// It was found to wait for something, or not; how urgent it is to be from now on, if that is something else.
    pub fn look(&mut self, waits: bool) -> Option<Urgency> {
        self.looks = if waits == self.is_less { self.looks + 1 } else { 0 };
        if self.looks < LOOKS || cfg!(bite = "init-drivers-may-hog") {
            self.looks = self.looks.min(LOOKS - 1);
            return None;
        }
        (self.looks, self.is_less) = (0, !self.is_less);
        Some(self.urgency())
    }
}
