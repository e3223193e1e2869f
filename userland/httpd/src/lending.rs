//! How a file's bytes go out: lent where they lie, copied into the ring from there if they are few, or through a buffer if nobody knows where they lie.

use anax_net::Loan;
use anax_ring::SharedBytes;

use crate::files::Trouble;
use crate::window::Window;

/// Bytes that are lent at least: to have fewer sent from where they lie takes longer than to copy them.
pub const LEAST_LENT: u64 = 16 << 10;

/// A file whose bytes lie in memory, of which parts may come and go.
pub trait Lies {
    /// Bytes from there on, `most` at most, that can be lent; nothing if they don't lie together, [`LEAST_LENT`] of them.
    fn loan(&self, from: u64, most: u64) -> Option<Loan>;

    /// Shows bytes from there on where they lie, `most` at most: how many of them were there all the time.
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    fn look(&self, from: u64, most: u64, show: &mut dyn FnMut(SharedBytes<'_>)) -> Result<usize, Trouble>;

    /// Reads bytes from there on: how many, 0 at the end; nothing if they have to be waited for.
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    fn read(&self, from: u64, into: &mut [u8]) -> Result<Option<usize>, Trouble>;
}

/// What [`File::send`](crate::File::send) does for such a file.
///
/// # Errors
/// `Busy`, `Failed`.
pub fn send(
    file: &impl Lies,
    (offset, most): (u64, u64),
    to: &mut Window<'_>,
    buffer: &mut [u8],
) -> Result<Option<usize>, Trouble> {
    // What was lent when less of it had room.
    let mut lent = to.pass_lent(most);
    if lent == 0 && most >= LEAST_LENT {
        lent = to.lend(|| file.loan(offset, most));
    }
    if lent > 0 {
        return Ok(Some(lent));
    }
    let (before, room) = (to.filled(), to.room());
    let good = file.look(offset, most.min(room as u64), &mut |bytes| _ = to.put_shared(bytes))?;
    if good > 0 {
        return Ok(Some(good));
    }
    if cfg!(not(bite = "httpd-keeps-what-was-taken-away")) {
        to.take_back(to.filled() - before);
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(room).min(buffer.len());
    let count = file.read(offset, &mut buffer[..most])?;
    Ok(count.map(|count| to.put(&buffer[..count])))
}
