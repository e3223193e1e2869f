//! What stands behind a head, as far as it lies in a file: all of it, a part, or some parts with what goes between them (RFC 9110, section 14.6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use core::pin::pin;
use core::task::{Context, Waker};

use crate::conditions::opaque;
use crate::files::{File, Trouble};
use crate::response::content_range;
use crate::window::Window;

/// What of a file is still to be sent.
#[derive(Debug)]
pub(crate) struct Body<F> {
    file: F,
    now: Range<u64>,
    /// The parts behind it, if it is sent in parts.
    later: Option<Box<Parts>>,
}

#[derive(Debug)]
struct Parts {
    /// The last one first.
    left: Vec<Range<u64>>,
    size: u64,
    media_type: &'static str,
    boundary: [u8; 16],
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All of it is written.
    All,
    /// There was no more room.
    Full,
    /// Some text has to be written first.
    Between,
    /// The file has to be waited for.
    Missing,
}

impl<F: File> Body<F> {
    pub(crate) const fn new(file: F, part: Range<u64>) -> Self {
        Self { file, now: part, later: None }
    }

    /// Several parts, what begins the first one (to be written first), and how many bytes all is. `boundary` is to be a number that the file does not have.
    pub(crate) fn parts(
        file: F,
        mut parts: Vec<Range<u64>>,
        media_type: &'static str,
        boundary: u64,
    ) -> (Self, Vec<u8>, u64) {
        let size = file.about().size;
        let bytes: u64 = parts.iter().map(|part| part.end - part.start).sum();
        parts.reverse();
        let mut later = Parts { left: parts, size, media_type, boundary: opaque(boundary) };
        let mut between = Vec::new();
        for at in 0..=later.left.len() {
            later.between(at.checked_sub(1).map(|at| &later.left[at]), &mut between);
        }
        let length = bytes + between.len() as u64;
        between.clear();
        let now = later.next(&mut between).unwrap_or(0..0);
        (Self { file, now, later: Some(Box::new(later)) }, between, length)
    }

    /// Writes what there is room for. What is to be written before the rest is put into `between`.
    pub(crate) fn send(&mut self, out: &mut Window<'_>, between: &mut Vec<u8>) -> Result<Sent, Trouble> {
        loop {
            if self.now.is_empty() {
                let Some(later) = &mut self.later else { return Ok(Sent::All) };
                match later.next(between) {
                    Some(next) => self.now = next,
                    None => self.later = None,
                }
                return Ok(Sent::Between);
            }
            if out.room() == 0 {
                return Ok(Sent::Full);
            }
            match self.file.send(self.now.start, self.now.end - self.now.start, out)? {
                // It would be there some day, if only others went on.
                None if cfg!(bite = "httpd-waits-for-files") && !self.wait_here() => {
                    return Err(Trouble::Failed);
                }
                None => return Ok(Sent::Missing),
                // It has become shorter.
                Some(0) => return Err(Trouble::Failed),
                Some(count) => self.now.start += count as u64,
            }
        }
    }

    /// Waits until there is something to be sent.
    pub(crate) async fn wait(&self) -> Result<(), Trouble> {
        self.file.wait(self.now.start).await
    }

    /// What a server without tasks would do: nothing else until it is there. True if it is.
    fn wait_here(&self) -> bool {
        let mut waiting = pin!(self.file.wait(self.now.start));
        let mut context = Context::from_waker(Waker::noop());
        (0..1000).any(|_| waiting.as_mut().poll(&mut context).is_ready())
    }
}

impl Parts {
    /// The next part, and what begins it; behind the last one, what ends all.
    fn next(&mut self, text: &mut Vec<u8>) -> Option<Range<u64>> {
        let next = self.left.pop();
        self.between(next.as_ref(), text);
        next
    }

    fn between(&self, next: Option<&Range<u64>>, text: &mut Vec<u8>) {
        text.extend_from_slice(b"\r\n--");
        text.extend_from_slice(&self.boundary);
        match next {
            None => text.extend_from_slice(b"--\r\n"),
            Some(part) => {
                text.extend_from_slice(b"\r\nContent-Type: ");
                text.extend_from_slice(self.media_type.as_bytes());
                text.extend_from_slice(b"\r\n");
                content_range((part.start, part.end), self.size, text);
                text.extend_from_slice(b"\r\n");
            }
        }
    }
}
