//! The far end of a TAP: frames that the host's kernel sends come here, and what is written it receives.
//!
//! Nobody tells the kernel that its frames could be finished elsewhere, so they come as they would be on a wire: no longer than the MTU allows, and
//! with their sums.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use anyhow::Context as _;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use smoltcp::phy::{Medium, TunTapInterface};

/// It is plugged in as long as this is there. It can be used from any thread, whichever network that is in.
#[derive(Debug)]
pub struct Tap {
    file: File,
}

impl Tap {
    /// Plugs in to a TAP of the calling thread's network, see [`plug`](super::plug).
    ///
    /// # Errors
    /// If there is none, or somebody else has.
    pub fn open(name: &str) -> anyhow::Result<Self> {
        // The library's type belongs to one thread and can't be waited for beside others. The kernel gives a second handle to the same file.
        let first =
            TunTapInterface::new(name, Medium::Ethernet).with_context(|| format!("the TAP {name}"))?;
        let this = pidfd_open(getpid(), PidfdFlags::empty()).context("pidfd_open")?;
        let file = pidfd_getfd(this, first.as_raw_fd(), PidfdGetfdFlags::empty()).context("pidfd_getfd")?;
        Ok(Self { file: file.into() })
    }

    /// A frame, if there is one.
    ///
    /// # Errors
    /// If the TAP is gone.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> std::io::Result<Option<&'a [u8]>> {
        match (&self.file).read(buffer) {
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets the host's kernel receive a frame.
    ///
    /// # Errors
    /// If it does not take it, as when the interface is down or the frame is no frame.
    pub fn send(&self, frame: &[u8]) -> std::io::Result<()> {
        (&self.file).write(frame).map(drop)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
