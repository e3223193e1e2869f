//! FAT12, FAT16 and FAT32 with long names, to be read and written: [`Fat`] is an [`anax_files::FileSystem`] on a [`Disk`](anax_sectors::Disk).
//!
//! By Microsoft's "FAT: General Overview of On-Disk Format", version 1.03 of 2000 ("fatgen103" below), and what its successors do where that is silent.
//!
//! ```text
//!  system     FileSystem: what the VFS server asks
//!  rename     names that move           file    bytes of files
//!  nodes      who is known, by whom     commit  what is freed, and when
//!  directory  slots, long names         chain   where a file's clusters are
//!  index      what is in directories
//!  entry, name, time                    volume  links between clusters
//!                                       layout  the boot sector
//! ```
//!
//! # Order of writes
//!
//! A cut of power loses clusters, or changes since the last sync, and nothing else: no name leads to clusters that are free or somebody else's. So
//!
//! 1. bytes of files, and zeros for new directories, go to the disk at once, past the cache;
//! 2. then links between clusters, in all copies of the table;
//! 3. then names, with sizes and first clusters. What [`Cache`](anax_sectors::Cache) keeps goes out in this order, also if it is full, with a flush between;
//! 4. clusters that are not needed any more, of files that were removed or became shorter, are freed when step 3 is over (`commit`). Until then nobody gets
//!    them. That happens with each sync, when there are many, and when the medium is full.
//!
//! A rename writes the new name before the old one vanishes, if they are in different sectors. A directory's new last cluster is marked as the last one before
//! anything leads to it. What the table says behind the clusters that a file's size needs is not believed, so links that came to the disk too early do no harm.
//! One thing is as the format is: an entry of FAT12's table can lie across two sectors, of which a disk may write one alone.
//!
//! # Damage
//!
//! Whatever the disk says is checked where it is used, all loops are bounded by what the disk can hold. Links that lead nowhere, in circles or into free clusters, directories
//! that are in two places, sizes without clusters: `Damaged`. From the first time on nothing is changed any more; what can be read is read.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod chain;
mod check;
mod commit;
mod directory;
mod entry;
mod file;
mod format;
mod index;
mod layout;
mod name;
mod nodes;
mod rename;
mod system;
mod time;
mod volume;

pub use check::{Fault, Problem, Report, check};
pub use format::{Format, format};
pub use layout::Width;
pub use system::Fat;
