//! The counters and a set of their values.
//!
//! Icount prices every instruction at 1, although a write to CR3 or a port access costs a real machine hundreds
//! of cycles; that is why the dear ones have counters of their own.

use std::ops::{Add, Index, IndexMut, Sub};

use serde::{Deserialize, Serialize};

/// One thing that is counted, for each virtual CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Counter {
    /// Instructions at addresses with bit 63 clear. Boot code that still runs without paging counts here as well.
    User,
    /// Instructions at addresses with bit 63 set.
    Kernel,
    /// `mov` to CR3.
    Cr3,
    /// `wrmsr`.
    Wrmsr,
    /// `syscall`.
    Syscall,
    /// `sysret` and `iret`: every way back that is not a plain `ret`.
    Sysret,
    /// `swapgs`.
    Swapgs,
    /// `fxsave`, `fxrstor`, `xsave*` and `xrstor*`.
    Xsave,
    /// `hlt`.
    Hlt,
    /// `invlpg` and `invpcid`.
    Invlpg,
    /// `in`, `out` and their string forms.
    PortIo,
    /// Loads from device memory; counted only when asked for, since it slows the guest several times.
    MmioLoad,
    /// Stores to device memory; as `MmioLoad`.
    MmioStore,
    /// Those of them that programs execute: what a driver in user-land tells its device.
    UserMmioStore,
}

impl Counter {
    /// Every counter, in the order of the file.
    pub const ALL: [Self; 14] = [
        Self::User,
        Self::Kernel,
        Self::Cr3,
        Self::Wrmsr,
        Self::Syscall,
        Self::Sysret,
        Self::Swapgs,
        Self::Xsave,
        Self::Hlt,
        Self::Invlpg,
        Self::PortIo,
        Self::MmioLoad,
        Self::MmioStore,
        Self::UserMmioStore,
    ];

    /// The name under which the counter appears in the file's header and in the bench's JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Kernel => "kernel",
            Self::Cr3 => "cr3",
            Self::Wrmsr => "wrmsr",
            Self::Syscall => "syscall",
            Self::Sysret => "sysret",
            Self::Swapgs => "swapgs",
            Self::Xsave => "xsave",
            Self::Hlt => "hlt",
            Self::Invlpg => "invlpg",
            Self::PortIo => "port-io",
            Self::MmioLoad => "mmio-load",
            Self::MmioStore => "mmio-store",
            Self::UserMmioStore => "user-mmio-store",
        }
    }
}

/// The values of all counters of one CPU, or sums or differences of such values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts([u64; Counter::ALL.len()]);

impl Counts {
    /// Instructions in both halves of the address space.
    pub fn instructions(&self) -> u64 {
        self[Counter::User] + self[Counter::Kernel]
    }
}

impl Index<Counter> for Counts {
    type Output = u64;

    fn index(&self, counter: Counter) -> &u64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for Counts {
    fn index_mut(&mut self, counter: Counter) -> &mut u64 {
        &mut self.0[counter as usize]
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let mut sum = self;
        for counter in Counter::ALL {
            sum[counter] = sum[counter].saturating_add(other[counter]);
        }
        sum
    }
}

impl Sub for Counts {
    type Output = Self;

    /// What was counted between two snapshots. Counters never fall, so a difference below zero means that the
    /// snapshots were swapped; it reads as zero.
    fn sub(self, earlier: Self) -> Self {
        let mut difference = self;
        for counter in Counter::ALL {
            difference[counter] = difference[counter].saturating_sub(earlier[counter]);
        }
        difference
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_all_is_the_order_of_the_values() {
        for (position, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(position, counter as usize, "{}", counter.name());
        }
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = Counter::ALL.map(Counter::name).into();
        assert_eq!(names.len(), Counter::ALL.len());
    }

    #[test]
    fn differences_and_sums() {
        let mut early = Counts::default();
        early[Counter::User] = 5;
        let mut late = early;
        late[Counter::User] = 12;
        late[Counter::Kernel] = 3;
        assert_eq!((late - early).instructions(), 10);
        assert_eq!([late, early].into_iter().sum::<Counts>()[Counter::User], 17);
    }
}
