//! All frames that the kernel gives to the interfaces of a network, and takes from them, in a file. Nothing is between the two ends that way, and the times are the
//! kernel's, however late the thread here comes to look.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg, setsockopt,
    socket, sockopt,
};
use nix::sys::time::TimeSpec;
use rustix::net::sockopt::set_socket_recv_buffer_size_force;

use super::{LONGEST, Writer};
use crate::stop::{Stop, Woken, Workers};

/// What may wait for a host that has other things to do.
const ROOM: usize = 256 << 20;

/// It captures as long as this is there.
#[derive(Debug)]
pub struct Listener {
    workers: Workers,
    ended: Arc<Mutex<anyhow::Result<()>>>,
}

impl Listener {
    /// Of the calling thread's network, but for its loopback interface.
    ///
    /// # Errors
    /// If the host does not allow it (root may), or the file can't be written.
    pub fn start(path: &Path) -> anyhow::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
            .context("a socket for frames, which root may have")?;
        set_socket_recv_buffer_size_force(&socket, ROOM).context("room for frames")?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        let mut writer = Writer::create(path)?;
        let workers = Workers::new()?;
        let ended = Arc::new(Mutex::new(Ok(())));
        let end = Arc::clone(&ended);
        workers.start(move |stop| {
            let done = listen(&socket, &mut writer, &stop).and_then(|()| writer.flush());
            *end.lock().unwrap_or_else(PoisonError::into_inner) = done;
        });
        Ok(Self { workers, ended })
    }

    /// Ends it: all frames until now are in the file.
    ///
    /// # Errors
    /// If it could not be written, or some were lost over it.
    pub fn finish(self) -> anyhow::Result<()> {
        drop(self.workers);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *ended, Ok(()))
    }
}

fn listen(socket: &OwnedFd, writer: &mut Writer, stop: &Stop) -> anyhow::Result<()> {
    let mut buffer = vec![0; LONGEST];
    loop {
        let woken = stop.wait(&[socket.as_fd()], None);
        // What is there at the end belongs to it.
        while let Some((at, length)) = next(socket, &mut buffer)? {
            let frame = &buffer[..length];
            let is_loopback = frame.iter().take(12).all(|byte| *byte == 0);
            if !is_loopback {
                writer.write(at, frame)?;
            }
        }
        if woken == Woken::Over {
            return Ok(());
        }
    }
}

/// A frame's time and length, if there is one.
fn next(socket: &OwnedFd, buffer: &mut [u8]) -> anyhow::Result<Option<(Duration, usize)>> {
    let mut space = nix::cmsg_space!(TimeSpec, u32);
    let mut pieces = [IoSliceMut::new(buffer)];
    let received = recvmsg::<()>(socket.as_raw_fd(), &mut pieces, Some(&mut space), MsgFlags::empty());
    let received = match received {
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
        other => other.context("a frame")?,
    };
    let mut at = None;
    for told in received.cmsgs()? {
        match told {
            ControlMessageOwned::ScmTimestampns(time) => at = Some(Duration::from(time)),
            ControlMessageOwned::RxqOvfl(lost) => ensure!(lost == 0, "{lost} frames were not captured"),
            _ => {}
        }
    }
    Ok(Some((at.ok_or_else(|| anyhow!("a frame without a time"))?, received.bytes)))
}
