//! How threads that wait for the network are told that it is over, without looking every few milliseconds.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Threads that end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    /// Its end wakes all that wait. An option only so that it can go before the threads are joined.
    writer: Option<PipeWriter>,
    reader: Arc<PipeReader>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a worker looks at while it waits.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<PipeReader>);

impl Workers {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        Ok(Self { writer: Some(writer), reader: Arc::new(reader), threads: Mutex::default() })
    }

    /// Starts a thread that ends soon after [`Stop::wait`] has told it to.
    pub(crate) fn start(&self, work: impl FnOnce(Stop) + Send + 'static) {
        let stop = Stop(Arc::clone(&self.reader));
        let thread = std::thread::spawn(move || work(stop));
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.writer = None;
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something can be read, or the time is up.
    Look,
    /// It is over.
    Over,
}

impl Stop {
    /// Waits until one of `sources` can be read, for at most `limit`.
    pub(crate) fn wait(&self, sources: &[BorrowedFd<'_>], limit: Option<Duration>) -> Woken {
        let watched = sources.iter().copied().chain([self.0.as_fd()]);
        let mut watched: Vec<PollFd<'_>> =
            watched.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)).collect();
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut watched, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Woken::Over,
        }
        let is_over = watched.last().is_some_and(|stop| !stop.revents().is_empty());
        if is_over { Woken::Over } else { Woken::Look }
    }
}
