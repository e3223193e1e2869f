//! How often each block of code was executed: `profile=PATH`.
//!
//! A line of PATH is a block: its address, how many instructions of it were executed in all, and its bytes, in hexadecimal: programs share addresses, and by the bytes a reader tells which one
//! it was. Written when the emulator ends.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A block, and what was executed of it. It lives as long as the emulator, which keeps its address.
pub(crate) struct Tally {
    instructions: u64,
    executed: AtomicU64,
}

/// All blocks so far, by their addresses and bytes: QEMU may translate one again.
pub(crate) struct Profile {
    path: PathBuf,
    blocks: Mutex<HashMap<(u64, Vec<u8>), &'static Tally>>,
}

impl Profile {
    /// Nothing was executed yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), blocks: Mutex::default() }
    }

    /// What QEMU is to hand to [`executed`] whenever that block is entered.
    pub(crate) fn block(&self, address: u64, bytes: Vec<u8>, instructions: usize) -> *mut c_void {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = *blocks.entry((address, bytes)).or_insert_with(|| {
            Box::leak(Box::new(Tally { instructions: instructions as u64, executed: AtomicU64::new(0) }))
        });
        std::ptr::from_ref(tally).cast_mut().cast()
    }

    /// Writes all there is.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for ((address, bytes), tally) in blocks.iter() {
            let executed = tally.executed.load(Ordering::Relaxed);
            if executed > 0 {
                // A String takes all.
                let _ = write!(text, "{address:x} {executed} ");
                for byte in bytes {
                    let _ = write!(text, "{byte:02x}");
                }
                text.push('\n');
            }
        }
        std::fs::write(&self.path, text)
    }
}

/// A block is entered.
///
/// # Safety
/// `data` comes from [`Profile::block`].
pub(crate) unsafe fn executed(data: *mut c_void) {
    // SAFETY: as this function asks for; a tally is never freed.
    let tally = unsafe { &*data.cast::<Tally>() };
    tally.executed.fetch_add(tally.instructions, Ordering::Relaxed);
}
